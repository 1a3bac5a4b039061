// SPDX-License-Identifier: Apache-2.0
#include "app/targets_file.hpp"

#include <gtest/gtest.h>

namespace cb::app {
namespace {

TEST(targets_file, names_services) {
    const auto targets = parse_targets("format: 1\n"
                                       "targets:\n"
                                       "  billing: \"process:java .*billing\"\n"
                                       "  search: [\"container:a\", \"container:b\"]\n",
                                       "targets.yaml");
    ASSERT_TRUE(targets) << targets.error().text();
    ASSERT_EQ(targets->size(), 3U);
    EXPECT_EQ(targets->at(0).service, "billing");
    EXPECT_EQ(targets->at(0).value, "java .*billing");
    EXPECT_EQ(targets->at(2).service, "search");
    EXPECT_EQ(targets->at(2).value, "b");
}

TEST(targets_file, refuses_with_file_line_and_field) {
    const auto sentence = [](const char* text) {
        const auto parsed = parse_targets(text, "targets.yaml");
        return parsed ? std::string("fine") : parsed.error().text();
    };
    const auto wrong = sentence("format: 1\ntargets:\n  billing: \"proces:java\"\n");
    EXPECT_NE(wrong.find("targets.yaml:3"), std::string::npos) << wrong;
    EXPECT_NE(wrong.find("targets.billing"), std::string::npos) << wrong;
    EXPECT_NE(wrong.find("proces:java: not a target"), std::string::npos) << wrong;
    EXPECT_NE(sentence("targets: {a: self}\n").find("format: 1"), std::string::npos);
    EXPECT_NE(sentence("format: 1\n").find("has no `targets`"), std::string::npos);
    EXPECT_NE(sentence("format: 1\ntargets: {}\n").find("names nothing to watch"), std::string::npos);
    EXPECT_NE(sentence("format: 1\ntargets: [self]\n"), "fine");
    EXPECT_NE(sentence("format: 1\ntarget: {a: self}\n"), "fine");
    EXPECT_NE(sentence("format: 1\ntargets: {a: [}\n"), "fine");
}

} // namespace
} // namespace cb::app
