// SPDX-License-Identifier: Apache-2.0
#include "moving/log/logger.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace moving::log {

TEST(line, is_json_whatever_is_in_it) {
    const std::string nasty("a\"b\\c\n\x01\t", 8);
    const auto line = json_line(0, level::warning, "billing", "billing-1", "payment made",
                                {{"trace", nasty}, {"points", -12}, {"again", true}});
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto value = boost::json::parse(line);
    EXPECT_EQ(value.at("time"), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(value.at("level"), "warning");
    EXPECT_EQ(value.at("service"), "billing");
    EXPECT_EQ(value.at("instance"), "billing-1");
    EXPECT_EQ(value.at("event"), "payment made");
    EXPECT_EQ(value.at("trace").as_string(), nasty);
    EXPECT_EQ(value.at("points"), -12);
    EXPECT_EQ(value.at("again"), true);
}

TEST(line, for_eyes_has_columns_and_quotes_where_needed) {
    EXPECT_EQ(text_line(1'000, level::info, "billing", "billing-1", "payment made",
                        {{"trace", "ab"}, {"from", "two words"}, {"n", 3}}),
              R"(00:00:00.001 info    billing-1       payment made trace=ab from="two words" n=3)");
}

TEST(lines, come_out_in_order_and_below_the_level_not_at_all) {
    testing::internal::CaptureStdout();
    {
        logger lines("tracking", "tracking-2", level::info, form::json);
        lines.debug("not this");
        for (int i = 0; i < 100; ++i) {
            lines.info("line", {{"n", i}});
        }
    }
    std::istringstream out(testing::internal::GetCapturedStdout());
    std::string line;
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(std::getline(out, line));
        EXPECT_EQ(boost::json::parse(line).at("n"), i);
    }
    EXPECT_FALSE(std::getline(out, line));
}

} // namespace moving::log
