// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace cb {
namespace {

TEST(log, a_json_line_holds_time_level_event_and_fields) {
    const std::vector<log_field> fields{{"topic", "a\"b"}, {"partition", 3}, {"share", 0.5}, {"held", true}};
    EXPECT_EQ(
        log_line_json(1'700'000'000'123, log_level::info, "rule changed", fields),
        R"({"time":"2023-11-14T22:13:20.123Z","level":"info","event":"rule changed","topic":"a\"b","partition":3,)"
        R"("share":0.5,"held":true})");
}

TEST(clean_text, is_utf8_without_control_characters_and_not_too_long) {
    EXPECT_EQ(clean_text("as it was\n\tgr\xc3\xbc\xc3\x9f", 100), "as it was\n\tgr\xc3\xbc\xc3\x9f");
    EXPECT_EQ(clean_text("\x1b[31m\xff\x7f", 100), "\xef\xbf\xbd[31m\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(clean_text("abcdef", 6), "abcdef");
    EXPECT_EQ(clean_text("abcdefg", 6), "abc\xe2\x80\xa6");
    for (std::size_t most = 3; most < 12; ++most) { // never inside a character, never longer
        const auto cut = clean_text("\xc3\xbc\xe2\x82\xac\xf0\x9f\x9a\xb2\xc3\xbc\xc3\xbc", most);
        EXPECT_LE(cut.size(), most);
        EXPECT_EQ(clean_text(cut, 100), cut);
        EXPECT_TRUE(cut.ends_with("\xe2\x80\xa6"));
    }
}

TEST(log, text_is_for_people) {
    const std::vector<log_field> fields{{"topic", "orders"}, {"why", "no such topic"}};
    EXPECT_EQ(log_line_text(1'700'000'000'123, log_level::warning, "refused", fields),
              R"(22:13:20.123 warning refused  topic=orders  why="no such topic")");
}

TEST(json_string, replaces_what_is_not_utf8) {
    std::string out;
    append_json_string(out, "a\x01\xff\xc3\xa9\xed\xa0\x80");
    EXPECT_EQ(out, "\"a\\u0001\\ufffd\xc3\xa9\\ufffd\\ufffd\\ufffd\"");
}

TEST(timestamp, is_read_back_to_the_millisecond) {
    EXPECT_EQ(parse_utc_timestamp(utc_timestamp(1'700'000'000'123)), 1'700'000'000'123);
    EXPECT_EQ(parse_utc_timestamp("2023-11-14T22:13:20Z"), 1'700'000'000'000);
    for (const auto* wrong : {"", "17", "2023-11-14", "2023-11-14T22:13:20", "2023-11-14T22:13:20+01:00",
                              "2023-11-14T22:13:20.1Zx", "2023-11-14T22:13:20.e9Z"}) {
        EXPECT_FALSE(parse_utc_timestamp(wrong)) << wrong;
    }
}

} // namespace
} // namespace cb
