// SPDX-License-Identifier: Apache-2.0
// The page on scenarios says what the code does: its scenarios are read, and so are the examples.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "load/compiler.hpp"
#include "load/explanation.hpp"
#include "load/scenario_parser.hpp"
#include "test_files.hpp"

namespace cb::load {
namespace {

const std::filesystem::path root = CB_SOURCE_FOLDER;

std::string contents(const std::filesystem::path& path) {
    std::ifstream in(path);
    EXPECT_TRUE(in) << path;
    return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> scenarios_of_the_page() {
    std::vector<std::string> out;
    std::istringstream in(contents(root / "docs/formats/scenario.md"));
    std::string line;
    while (std::getline(in, line)) {
        if (line != "```yaml") {
            continue;
        }
        out.emplace_back();
        while (std::getline(in, line) && line != "```") {
            out.back() += line + '\n';
        }
    }
    return out;
}

TEST(pages, every_scenario_that_they_show_can_be_read) {
    const auto shown = scenarios_of_the_page();
    ASSERT_GE(shown.size(), 4U);
    std::string all;
    for (const auto& each : shown) {
        const auto read = read_workload(each, "scenario.md", testing::made_up(testing::people), 1);
        EXPECT_TRUE(read) << read.error().text() << "\n" << each;
        all += each;
    }
    for (const auto* key :
         {"http:", "produce:", "await:", "pause:", "pace:", "repeat:", "while:", "during:", "if:", "switch:", "group:",
          "set:", "form:", "json:", "body:", "query:", "bearer:", "checks:", "after:"}) {
        EXPECT_NE(all.find(key), std::string::npos) << key << " has no example";
    }
}

TEST(pages, every_scenario_of_the_examples_can_be_read) {
    int seen = 0;
    for (const auto& each : std::filesystem::directory_iterator(root / "examples")) {
        if (each.path().extension() == ".yaml") {
            const auto text = contents(each.path());
            const auto read = read_workload(text, each.path().filename(), machine_surroundings(each.path()), 1);
            EXPECT_TRUE(read) << read.error().text();
            EXPECT_FALSE(explain(*file::parse_scenario(text, "")).empty());
            ++seen;
        }
    }
    EXPECT_GT(seen, 0);
}

TEST(pages, the_fuzzer_begins_with_a_scenario_that_can_be_read) {
    const auto read = read_workload(contents(root / "fuzz/scenario_seed.yaml"), "scenario_seed.yaml",
                                    testing::made_up(testing::people), 1);
    EXPECT_TRUE(read) << read.error().text();
}

} // namespace
} // namespace cb::load
