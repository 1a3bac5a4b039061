// SPDX-License-Identifier: Apache-2.0
#include <set>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "moving/text/canonical.hpp"
#include "moving/text/ids.hpp"
#include "moving/text/time.hpp"
#include "moving/text/trace.hpp"

namespace moving::text {

TEST(canonical, does_not_depend_on_order_or_spaces) {
    const auto one = boost::json::parse(R"({ "b": [1, {"z": null, "a": true}], "a": "ü\n" , "aa": -3})");
    const auto other = boost::json::parse(R"({"aa":-3,"a":"ü\n","b":[1,{"a":true,"z":null}]})");
    EXPECT_EQ(canonical(one), R"({"a":"ü\n","aa":-3,"b":[1,{"a":true,"z":null}]})");
    EXPECT_EQ(canonical(one), canonical(other));
    EXPECT_EQ(canonical(boost::json::parse("{}")), "{}");
    EXPECT_EQ(canonical(boost::json::parse("[[],{}]")), "[[],{}]");
}

TEST(digest, is_sha_256) {
    // FIPS 180-4's example.
    EXPECT_EQ(digest_of("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(ids, are_of_version_7_and_differ) {
    EXPECT_EQ(uuid_v7(0x017F22E279B0, 0x0cc3, 0), "017f22e2-79b0-7cc3-8000-000000000000");
    std::set<std::string> seen;
    for (int i = 0; i < 10'000; ++i) {
        const auto id = new_id();
        EXPECT_TRUE(is_uuid(id)) << id;
        EXPECT_TRUE(seen.insert(id).second);
    }
    const auto before = new_id();
    for (const auto made_us = now_us(); now_us() <= made_us + 1;) {
    }
    EXPECT_LT(before, new_id());
    EXPECT_FALSE(is_uuid("017f22e2-79b0-7cc3-8000-00000000000"));
    EXPECT_FALSE(is_uuid("017f22e2-79b0-7cc3-8000-00000000000g"));
}

TEST(time, is_written_and_read) {
    EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(rfc3339(1'785'000'000'123'456), "2026-07-25T17:20:00.123456Z");
    EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59.999999Z");
    for (const std::int64_t time : {std::int64_t{0}, std::int64_t{1'785'000'000'123'456}, std::int64_t{-1}}) {
        EXPECT_EQ(parse_rfc3339(rfc3339(time)), time);
    }
    EXPECT_FALSE(parse_rfc3339("2026-07-25T17:20:00Z"));
    EXPECT_FALSE(parse_rfc3339("2026-07-25T24:20:00.123456Z"));
}

TEST(days, are_counted_and_must_exist) {
    EXPECT_EQ(day_number("1970-01-02"), 1);
    EXPECT_EQ(date_of_day(*day_number("2028-02-29")), "2028-02-29");
    for (const char* wrong :
         {"2027-02-29", "2026-13-01", "2026-1-01", "2026-01-1", "26-01-01", "", "2026/01/01", "2026-01-0a"}) {
        EXPECT_FALSE(day_number(wrong)) << wrong;
    }
}

TEST(trace, is_read_as_w3c_says) {
    const auto parent = trace_context::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    ASSERT_TRUE(parent);
    EXPECT_EQ(parent->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    const auto child = parent->child();
    EXPECT_EQ(child.trace_id, parent->trace_id);
    EXPECT_NE(child.span_id, parent->span_id);
    EXPECT_EQ(trace_context::parse(child.traceparent())->span_id, child.span_id);
    for (const char* wrong : {"", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                              "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                              "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                              "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                              "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"}) {
        EXPECT_FALSE(trace_context::parse(wrong)) << wrong;
    }
}

} // namespace moving::text
