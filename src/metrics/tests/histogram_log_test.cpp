// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "metrics/base64.hpp"
#include "metrics/histogram_log.hpp"

namespace cb::metrics {
namespace {

hdr_histogram some_values(std::int64_t ms) {
    hdr_histogram values(latency_shape_ns(3));
    values.record(ms * 1'000'000, 5);
    return values;
}

std::string some_log() {
    return histogram_log_head({"made by a test", 1'700'000'000'250, 1'700'000'000'000}) +
           histogram_log_row("announce a good/response", 0.25, 1, some_values(20)) +
           histogram_log_row("", 1.25, 0.5, some_values(40));
}

TEST(base64, has_the_vectors_of_rfc_4648) {
    const std::pair<const char*, const char*> vectors[] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, encoded] : vectors) {
        EXPECT_EQ(to_base64(plain), encoded);
        EXPECT_EQ(from_base64(encoded), plain);
    }
    for (const auto* wrong : {"Z", "Zg", "Zg=", "Z===", "Zm9v Zm9v", "Zm9$", "====", "Zg==Zg=="}) {
        EXPECT_FALSE(from_base64(wrong)) << wrong;
    }
}

TEST(histogram_log, writes_the_lines_of_version_1_3) {
    const auto text = some_log();
    EXPECT_TRUE(
        text.starts_with("#made by a test\n#[Histogram log format version 1.3]\n"
                         "#[StartTime: 1700000000.250 (seconds since epoch), 2023-11-14T22:13:20.250Z]\n"
                         "#[BaseTime: 1700000000.000 (seconds since epoch)]\n"
                         "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n"
                         "Tag=announce_a_good/response,0.250,1.000,"))
        << text;
    EXPECT_NE(text.find("\n1.250,0.500,"), std::string::npos);
}

TEST(histogram_log, is_read_back) {
    const auto text = some_log();
    histogram_log_reader reader(text);
    auto first = reader.next();
    ASSERT_TRUE(first && *first);
    EXPECT_EQ((*first)->tag, "announce_a_good/response");
    EXPECT_EQ((*first)->start_s, 0.25);
    EXPECT_EQ((*first)->length_s, 1);
    EXPECT_EQ((*first)->values, some_values(20));
    auto second = reader.next();
    ASSERT_TRUE(second && *second);
    EXPECT_EQ((*second)->tag, "");
    EXPECT_EQ((*second)->values, some_values(40));
    auto end = reader.next();
    ASSERT_TRUE(end);
    EXPECT_FALSE(*end);
    EXPECT_EQ(reader.header().comment, "made by a test");
    EXPECT_EQ(reader.header().start_ms, 1'700'000'000'250);
    EXPECT_EQ(reader.header().base_ms, 1'700'000'000'000);
}

TEST(histogram_log, ends_before_a_row_that_was_cut_off) {
    const auto text = some_log();
    const auto second_row = text.find("\n1.250") + 1;
    for (auto length = second_row; length < text.size(); ++length) {
        histogram_log_reader reader(std::string_view(text).substr(0, length));
        ASSERT_TRUE(*reader.next());
        auto end = reader.next();
        ASSERT_TRUE(end) << end.error().message;
        ASSERT_FALSE(*end);
    }
}

TEST(histogram_log, names_the_line_that_is_wrong_and_goes_on) {
    const auto row = histogram_log_row("", 1, 1, some_values(40));
    for (const std::string wrong :
         {"a,b,c,d", "1.0,1.0", "1.0,1.0,2.0,====", "1.0,1.0,2.0,AAAA", "Tag=x", "nan,1,1,AAAA", "1.0,1.0,2.0,"}) {
        const auto text = "#comment\n" + wrong + "\n" + row;
        histogram_log_reader reader(text);
        const auto read = reader.next();
        ASSERT_FALSE(read) << wrong;
        EXPECT_TRUE(read.error().message.starts_with("line 2: ")) << read.error().message;
        EXPECT_TRUE(*reader.next());
    }
}

TEST(histogram_log, tags_have_no_comma_blank_or_line_break) {
    EXPECT_EQ(histogram_log_tag("pay, then\n\"go\"/x"), "pay__then__go_/x");
}

} // namespace
} // namespace cb::metrics
