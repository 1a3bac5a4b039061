// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "fault/json_scan.hpp"
#include "fault/text_pattern.hpp"

namespace cb::fault {
namespace {

TEST(glob, star_question_mark_and_itself) {
    EXPECT_TRUE(glob_matches("tracking_*", "tracking_updated"));
    EXPECT_TRUE(glob_matches("*", ""));
    EXPECT_TRUE(glob_matches("a?c*e", "abcde"));
    EXPECT_FALSE(glob_matches("a?c", "ac"));
    EXPECT_FALSE(glob_matches("", "a"));
    EXPECT_FALSE(glob_matches(std::string(50, '*') + "b", std::string(5000, 'a'))) << "and is quick about it";
}

TEST(pattern, between_slashes_is_a_regular_expression) {
    EXPECT_TRUE(text_pattern("/^ord.rs$/").matches("orders"));
    EXPECT_FALSE(text_pattern("/^ord.rs$/").matches("my-orders"));
    EXPECT_FALSE(text_pattern::problem("/(/").empty());
}

TEST(pattern, a_long_text_never_ends_the_program) {
    const std::string text(4'000'000, 'a');
    EXPECT_TRUE(text_pattern("/^a*$/").matches(text));
    // Either answer will do where the engine gives up; coming back is what counts.
    (void)text_pattern("/^(a|b)*$/").matches(text);
    EXPECT_FALSE(text_pattern("/^(a+)+$/").matches(std::string(40, 'a') + "!"));
}

TEST(address, blocks_of_both_families) {
    EXPECT_TRUE(address_block::parse("10.1.0.0/16")->contains("10.1.200.3"));
    EXPECT_FALSE(address_block::parse("10.1.0.0/16")->contains("10.2.0.1"));
    EXPECT_TRUE(address_block::parse("::1")->contains("::1"));
    EXPECT_TRUE(address_block::parse("0.0.0.0/0")->contains("127.0.0.1"));
    EXPECT_FALSE(address_block::parse("0.0.0.0/0")->contains("not an address"));
    EXPECT_FALSE(address_block::parse("10.0.0.0/33"));
}

TEST(json_scan, finds_every_leaf_with_its_path) {
    const std::string text = R"( {"a":{"b":[1,-2.5e3,"x\"y"]},"c":true,"d":null} )";
    const auto leaves = scan_json(text);
    ASSERT_EQ(leaves.size(), 5U);
    EXPECT_EQ(leaves[0].path, "$.a.b[0]");
    EXPECT_EQ(text.substr(leaves[1].begin, leaves[1].end - leaves[1].begin), "-2.5e3");
    EXPECT_EQ(text.substr(leaves[2].begin, leaves[2].end - leaves[2].begin), "x\\\"y");
    EXPECT_EQ(leaves[4].kind, json_kind::null);
}

TEST(json_scan, what_is_no_json_has_no_leaves) {
    for (const auto* wrong :
         {"", "{", "[1,]", "{\"a\":01}", "{\"a\" 1}", "tru", "1 2", "\"a", "{\"a\":\"\n\"}", "-", "1."}) {
        EXPECT_TRUE(scan_json(wrong).empty()) << wrong;
    }
    EXPECT_TRUE(scan_json(std::string(100, '[') + std::string(100, ']')).empty());
}

TEST(json_scan, garbage_never_leads_outside) {
    random_source random(3);
    for (int round = 0; round < 20'000; ++round) {
        std::string text;
        for (auto size = random.below(40); size > 0; --size) {
            text += "{}[]\":,\\tfn0123456789.eE- a"[random.below(27)];
        }
        for (const auto& leaf : scan_json(text)) {
            ASSERT_LE(leaf.begin, leaf.end);
            ASSERT_LE(leaf.end, text.size());
        }
    }
}

} // namespace
} // namespace cb::fault
