// SPDX-License-Identifier: Apache-2.0
// What a reviewer would have to say again and again, said by a test.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
const fs::path root = CB_SOURCE_FOLDER;

struct source_file {
    fs::path path; ///< from the root
    std::vector<std::string> lines;
};

std::vector<source_file> read_all(const std::vector<std::string>& folders, const std::set<std::string>& endings) {
    std::vector<source_file> out;
    for (const auto& folder : folders) {
        if (!fs::exists(root / folder)) {
            continue;
        }
        for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
            if (!entry.is_regular_file() || !endings.contains(entry.path().extension().string())) {
                continue;
            }
            source_file file{fs::relative(entry.path(), root), {}};
            std::ifstream in(entry.path());
            for (std::string line; std::getline(in, line);) {
                file.lines.push_back(line);
            }
            out.push_back(std::move(file));
        }
    }
    return out;
}

const std::vector<source_file>& cpp_files() {
    static const auto files = read_all({"src", "moving", "tools", "tests", "bench", "fuzz"}, {".cpp", ".hpp"});
    return files;
}

std::string at(const source_file& file, std::size_t line) {
    return file.path.string() + ":" + std::to_string(line + 1);
}

/// The layering of docs/ARCHITECTURE.md: what each module may include besides itself.
const std::map<std::string, std::set<std::string>>& layering() {
    static const std::map<std::string, std::set<std::string>> table{
        {"base", {}},
        {"wire", {"base"}},
        {"record", {"base", "wire"}},
        {"metrics", {"base"}},
        {"document", {"base"}},
        {"storage", {"base", "wire"}},
        {"protocol", {"base", "wire"}},
        {"net", {"base", "wire"}},
        {"runstore", {"base", "metrics"}},
        {"report", {"base", "metrics", "runstore"}},
        {"watch", {"base", "metrics", "document", "net"}},
        {"analysis", {"base"}},
        {"fault", {"base", "wire", "record", "document", "protocol"}},
        {"broker", {"base", "wire", "record", "storage", "protocol"}},
        {"backend", {"base", "wire", "record", "storage", "protocol", "net", "broker"}},
        {"proxy", {"base", "wire", "record", "document", "storage", "protocol", "net", "fault", "broker", "backend"}},
        {"load", {"base", "wire", "metrics", "document", "net"}},
        {"experiment",
         {"base", "analysis", "wire", "record", "metrics", "document", "protocol", "net", "fault", "watch", "runstore",
          "load"}},
        {"admin",
         {"base", "wire", "record", "metrics", "document", "storage", "protocol", "net", "fault", "broker", "backend",
          "proxy"}},
        {"app",
         {"base", "wire", "record", "metrics", "document", "storage", "protocol", "net", "fault", "broker", "backend",
          "proxy", "watch", "runstore", "report", "load", "analysis", "experiment", "admin"}},
    };
    return table;
}

TEST(layering, modules_include_only_what_stands_below_them) {
    const std::regex include(R"(^#include "([a-z]+)/.*")");
    std::size_t looked_at = 0;
    for (const auto& file : cpp_files()) {
        auto part = file.path.begin();
        if (*part++ != "src") {
            continue;
        }
        const auto module = part->string();
        ASSERT_TRUE(layering().contains(module)) << module << ": a module needs its row in the table";
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            std::smatch found;
            if (std::regex_search(file.lines[i], found, include)) {
                ++looked_at;
                const auto wanted = found[1].str();
                EXPECT_TRUE(wanted == module || layering().at(module).contains(wanted))
                    << at(file, i) << ": " << module << " may not include " << wanted;
            }
        }
    }
    EXPECT_GT(looked_at, 100U);
}

/// The same of moving/, whose parts are written with the folder: "moving/store/session.hpp".
const std::map<std::string, std::set<std::string>>& layering_of_moving() {
    static const std::set<std::string> below_services{"text", "log", "http", "store", "bus", "service"};
    static const std::map<std::string, std::set<std::string>> table{
        {"text", {}},
        {"log", {"text"}},
        {"http", {"text", "log"}},
        {"store", {"text", "log"}},
        {"bus", {"text", "log"}},
        {"service", {"text", "log", "http", "store", "bus"}},
        {"accounting", below_services},
        {"announcement", below_services},
        {"matching", below_services},
        {"tracking", below_services},
        {"billing", below_services},
        {"main.cpp", {"operate"}},
        {"operate",
         {"text", "log", "http", "store", "bus", "service", "accounting", "announcement", "matching", "tracking",
          "billing"}},
    };
    return table;
}

TEST(layering, moving_includes_nothing_of_the_product_and_no_service_another) {
    const std::regex include(R"(^#include "([^"]*)\")");
    const std::regex own(R"(^moving/([a-z]+)/.*)");
    const std::regex test_support(R"(^support/.*)");
    std::size_t looked_at = 0;
    for (const auto& file : cpp_files()) {
        auto part = file.path.begin();
        if (*part++ != "moving") {
            continue;
        }
        const auto module = part->string();
        ASSERT_TRUE(layering_of_moving().contains(module)) << file.path << ": a part needs its row in the table";
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            std::smatch found;
            if (std::regex_search(file.lines[i], found, include)) {
                ++looked_at;
                const auto path = found[1].str();
                if (file.path.string().find("/tests/") != std::string::npos && std::regex_match(path, test_support)) {
                    continue; // what starts servers for tests
                }
                ASSERT_TRUE(std::regex_match(path, found, own)) << at(file, i) << ": write it from moving/";
                const auto wanted = found[1].str();
                EXPECT_TRUE(wanted == module || layering_of_moving().at(module).contains(wanted))
                    << at(file, i) << ": " << module << " may not include " << wanted;
            }
        }
    }
    EXPECT_GT(looked_at, 50U);
}

TEST(files, begin_with_the_licence_and_headers_guard_themselves) {
    for (const auto& file : cpp_files()) {
        ASSERT_FALSE(file.lines.empty()) << file.path;
        EXPECT_EQ(file.lines.front(), "// SPDX-License-Identifier: Apache-2.0") << file.path;
        if (file.path.extension() == ".hpp") {
            const bool guarded = std::find(file.lines.begin(), file.lines.end(), "#pragma once") != file.lines.end();
            EXPECT_TRUE(guarded) << file.path;
        }
    }
}

/// Of UTF-8: pictures in comments have characters of several bytes.
std::size_t characters(const std::string& line) {
    return static_cast<std::size_t>(std::count_if(
        line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

TEST(lines, are_not_longer_than_130_characters) {
    for (const auto& file : cpp_files()) {
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            EXPECT_LE(characters(file.lines[i]), 130U) << at(file, i);
        }
    }
}

TEST(leftovers, there_are_none) {
    // Put together here, so that this file does not find itself.
    const std::vector<std::string> words{std::string("TO") + "DO", std::string("FIX") + "ME", std::string("XX") + "X",
                                         std::string("HA") + "CK"};
    auto files = read_all({"src", "moving", "tools", "tests", "bench", "fuzz", "docs", "examples"},
                          {".cpp", ".hpp", ".sh", ".md", ".yaml", ".java", ".mjs", ".kschema"});
    for (const auto& file : files) {
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            for (const auto& word : words) {
                EXPECT_EQ(file.lines[i].find(word), std::string::npos) << at(file, i) << ": " << word;
            }
        }
    }
}

TEST(coroutines, name_what_they_await) {
    // g++ 12 destroys some temporaries inside co_await twice: a capturing lambda or a braced aggregate.
    const std::regex lambda(R"(co_await.*\[[^\]]+\]\s*[({])");
    const std::regex braces(R"(co_await[^;{]*\{[^}])");
    for (const auto& file : cpp_files()) {
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            if (file.path.filename() == "tidy_test.cpp") {
                continue;
            }
            EXPECT_FALSE(std::regex_search(file.lines[i], lambda)) << at(file, i);
            EXPECT_FALSE(std::regex_search(file.lines[i], braces)) << at(file, i);
        }
    }
}

TEST(tests, do_not_sleep_and_use_no_fixed_port) {
    const std::regex port(R"(127\.0\.0\.1:[1-9][0-9]{3,})");
    const std::string sleeping = std::string("sleep") + "_for";
    for (const auto& file : cpp_files()) {
        const auto path = file.path.string();
        if (path.find("tests/") == std::string::npos || path.find("tidy") != std::string::npos) {
            continue;
        }
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            EXPECT_EQ(file.lines[i].find(sleeping), std::string::npos) << at(file, i);
            const bool text_only = file.lines[i].find("parse_") != std::string::npos;
            EXPECT_FALSE(!text_only && std::regex_search(file.lines[i], port)) << at(file, i);
        }
    }
}

TEST(changelog, has_a_section_for_what_comes_next) {
    std::ifstream in(root / "CHANGELOG.md");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    EXPECT_NE(text.find("## Unreleased"), std::string::npos);
}

} // namespace
