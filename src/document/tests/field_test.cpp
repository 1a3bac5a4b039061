// SPDX-License-Identifier: Apache-2.0
#include "document/field.hpp"

#include <gtest/gtest.h>

namespace cb::document {
namespace {

using namespace std::chrono_literals;

TEST(durations, have_a_unit) {
    EXPECT_EQ(*parse_duration("250ms"), 250ms);
    EXPECT_EQ(*parse_duration("1.5s"), 1500ms);
    EXPECT_EQ(*parse_duration("2m"), 2min);
    for (const auto* wrong : {"", "5", "s", "5 s", "-1s", "1d", "99999999h"}) {
        EXPECT_FALSE(parse_duration(wrong)) << wrong;
    }
}

std::string refusal(const std::string& text) {
    const auto read = guarded("plan.yaml", [&] {
        const auto root = load(text, 100, "plans");
        root.need_map("a plan");
        root.allow({"name", "people", "often"});
        const auto name = root["name"].text("a name");
        return name + std::to_string(root["people"].integer(1, 9)) +
               std::to_string(root["often"].number(0, 1, "a share"));
    });
    return read ? "" : read.error().text();
}

TEST(field, says_file_line_and_path_of_what_is_wrong) {
    EXPECT_EQ(refusal("name: a\npeople: 3\noften: 0.5"), "");
    EXPECT_EQ(refusal("name: a\npeople: many\noften: 0.5"), "plan.yaml:2: people: must be a whole number from 1 to 9");
    EXPECT_EQ(refusal("name: a\npeople: '3'\noften: 0.5"), "plan.yaml:2: people: must be a whole number from 1 to 9");
    EXPECT_EQ(refusal("name: a\npeople: 3\n\noften: 2"), "plan.yaml:4: often: must be a share");
    EXPECT_EQ(refusal("nam: a"), "plan.yaml:1: nam: unknown key 'nam'; did you mean 'name'?");
    EXPECT_EQ(refusal("name: a\nname: b"), "plan.yaml:2: name: 'name' stands here twice");
    EXPECT_EQ(refusal("- a"), "plan.yaml:1: a plan must be a mapping");
    EXPECT_EQ(refusal(std::string(101, 'a')), "plan.yaml: more than 100 bytes of plans");
    EXPECT_NE(refusal("name: [").find("neither YAML nor JSON"), std::string::npos);
}

TEST(field, reads_json_and_its_surrogate_pairs) {
    const auto read = guarded("", [] { return load(R"({"name": "\ud83d\ude9a"})", 100, "plans")["name"].text(); });
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, "\xf0\x9f\x9a\x9a");
}

TEST(field, takes_anothers_place_without_changing_the_document) {
    const auto read = guarded("f", [] {
        const auto root = load("a: 1\nb: 2", 100, "letters");
        auto at = root;
        at = root["a"];
        EXPECT_EQ(at.text(), "1");
        at = root["c"];
        EXPECT_FALSE(at.there());
        at = root["b"];
        EXPECT_EQ(at.path(), "b");
        return root["a"].text() + at.text();
    });
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, "12");
}

TEST(field, says_where_something_is_missed) {
    const auto read = guarded("f", [] {
        load("a: 1\nb:\n  c: 2", 100, "letters")["b"]["d"].refuse("must be there");
        return 0;
    });
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().text(), "f:3: b.d: must be there");
}

TEST(mistake, is_one_line) { EXPECT_EQ((mistake{"f", 2, "a\nb", "no\r\t\x7f"}.text()), "f:2: a b: no   "); }

TEST(suggestions, name_what_is_near_or_what_there_is) {
    EXPECT_EQ(suggestion("people", {"peple", "x"}), "did you mean 'peple'?");
    EXPECT_EQ(suggestion("zebra", {"a", "b"}), "known are a, b");
    EXPECT_EQ(suggestion("b", {"a"}), "known are a");
    EXPECT_EQ(suggestion("a", {}), "there is none to name here");
    EXPECT_EQ(suggestion(std::string(100'000, 'a'), {"a"}), "known are a");
    const std::vector<std::string_view> many(100, "some");
    EXPECT_TRUE(suggestion("other thing", many).ends_with(", some and others"));
}

} // namespace
} // namespace cb::document
