// SPDX-License-Identifier: Apache-2.0
// The pages on faults say what the code does: their rules are read, their code is the code.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "fault/rule_parser.hpp"

namespace cb::fault {
namespace {

const std::filesystem::path root = CB_SOURCE_FOLDER;

std::string contents(const std::filesystem::path& path) {
    std::ifstream in(path);
    EXPECT_TRUE(in) << path;
    return {std::istreambuf_iterator<char>(in), {}};
}

struct block {
    std::string code;
    std::string above; ///< the last line of text before it
};

std::vector<block> blocks(const std::filesystem::path& page, const std::string& language) {
    std::vector<block> out;
    std::istringstream in(contents(page));
    std::string line;
    std::string above;
    while (std::getline(in, line)) {
        if (line != "```" + language) {
            above = line.empty() ? above : line;
            continue;
        }
        out.push_back({"", above});
        while (std::getline(in, line) && line != "```") {
            out.back().code += line + '\n';
        }
    }
    return out;
}

std::vector<std::filesystem::path> pages() {
    std::vector<std::filesystem::path> out{root / "docs/formats/rules.md"};
    for (const auto& each : std::filesystem::directory_iterator(root / "docs/faults")) {
        out.push_back(each.path());
    }
    return out;
}

TEST(pages, every_rule_that_they_show_can_be_read) {
    std::set<std::string> shown;
    for (const auto& page : pages()) {
        for (const auto& each : blocks(page, "yaml")) {
            const auto parsed = parse_rules(each.code, page.filename());
            ASSERT_TRUE(parsed) << parsed.error().text();
            for (const auto& rule : parsed->rules) {
                shown.emplace(effect_name(rule.what));
            }
        }
    }
    EXPECT_EQ(shown.size(), std::variant_size_v<effect>) << "an effect has no example";
}

TEST(pages, every_rule_file_of_the_examples_can_be_read) {
    int read = 0;
    for (const auto& each : std::filesystem::directory_iterator(root / "examples/rules")) {
        const auto parsed = parse_rules(contents(each.path()), each.path().filename());
        EXPECT_TRUE(parsed) << parsed.error().text();
        ++read;
    }
    EXPECT_GT(read, 0);
}

template <std::size_t... Index>
std::vector<std::string> names_of_effects(std::index_sequence<Index...> /*all*/) {
    return {std::string(effect_name(effect(std::in_place_index<Index>)))...};
}

TEST(pages, every_effect_has_one) {
    for (const auto& name : names_of_effects(std::make_index_sequence<std::variant_size_v<effect>>())) {
        const auto text = contents(root / "docs/faults" / (name + ".md"));
        for (const std::string part : {"**Models**", "**The sender is told**", "onsumer", "**Ledger**"}) {
            EXPECT_NE(text.find(part), std::string::npos) << name << " does not say " << part;
        }
    }
}

TEST(pages, write_a_fault_shows_the_code_as_it_is) {
    const auto code = blocks(root / "docs/faults/WRITE-A-FAULT.md", "cpp");
    ASSERT_GE(code.size(), 6U);
    for (const auto& each : code) {
        const auto file = each.above.substr(1, each.above.size() - 2); // between backquotes
        EXPECT_NE(contents(root / file).find(each.code), std::string::npos) << file << " no longer says\n" << each.code;
    }
    EXPECT_EQ(code.front().code, contents(root / "src/fault/tests/example_fault_test.cpp")) << "shown whole";
}

} // namespace
} // namespace cb::fault
