// SPDX-License-Identifier: Apache-2.0
#include "load/feed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/limits.hpp"
#include "load/feed_reader.hpp"

namespace cb::load {
namespace {

using rows = std::vector<std::vector<std::string>>;

std::string refusal(const tl::expected<feed_content, document::mistake>& read) {
    return read ? "" : read.error().text();
}

TEST(csv, is_read_as_rfc_4180_says) {
    const auto read =
        read_csv("\xef\xbb\xbfname,\"home, town\"\r\n\"Ann \"\"A\"\"\",Bonn\r\n\r\nBob,\"two\nlines\"\n,\n", "p.csv");
    ASSERT_TRUE(read) << refusal(read);
    EXPECT_EQ(read->columns, (std::vector<std::string>{"name", "home, town"}));
    EXPECT_EQ(read->rows, (rows{{"Ann \"A\"", "Bonn"}, {"Bob", "two\nlines"}, {"", ""}}));
    EXPECT_EQ(read_csv("a\n1", "p.csv")->rows, (rows{{"1"}})); // no line break at the end
}

TEST(csv, mistakes_name_file_and_line) {
    EXPECT_EQ(refusal(read_csv("", "p.csv")), "p.csv: is empty; its first row must name the columns");
    EXPECT_EQ(refusal(read_csv("a,b\n", "p.csv")), "p.csv: has no row behind the names of the columns");
    EXPECT_EQ(refusal(read_csv("a,b\n1,2\n\"x\ny\",2\n3\n", "p.csv")),
              "p.csv:5: has 1 cells, the first row names 2 columns");
    EXPECT_EQ(refusal(read_csv("a\n1\n\"open\n\n", "p.csv")), "p.csv:3: a quote that is opened here is never closed");
    EXPECT_NE(refusal(read_csv("a\n\"x\"y\n", "p.csv")).find("p.csv:2: something stands behind"), std::string::npos);
    EXPECT_NE(refusal(read_csv("a\nx\"y\n", "p.csv")).find("p.csv:2: a quote inside"), std::string::npos);
    EXPECT_EQ(refusal(read_csv("a,a\n1,2\n", "p.csv")), "p.csv:1: the column 'a' stands there twice");
    EXPECT_NE(refusal(read_csv("a,\n1,2\n", "p.csv")).find("every column needs a name"), std::string::npos);
    EXPECT_NE(refusal(read_csv(std::string(limits::feed_columns, ','), "p.csv")).find("a row of more than"),
              std::string::npos);
}

TEST(json_rows, are_flat_objects_with_the_same_keys) {
    const auto read =
        read_json_rows(R"([{"name": "Ann", "age": 7, "x": null}, {"age": 1.5, "x": true, "name": "ü"}])", "p");
    ASSERT_TRUE(read) << refusal(read);
    EXPECT_EQ(read->columns, (std::vector<std::string>{"name", "age", "x"}));
    EXPECT_EQ(read->rows, (rows{{"Ann", "7", ""}, {"ü", "1.5", "true"}}));

    EXPECT_EQ(refusal(read_json_rows("[]", "p.json")), "p.json: must be a JSON array of objects, at least one");
    EXPECT_NE(refusal(read_json_rows("[\n{\"a\": 1},\n{\"a\" 2}]", "p.json")).find("p.json:3: is no JSON"),
              std::string::npos);
    EXPECT_NE(refusal(read_json_rows(R"([{"a": 1}, {"b": 1}])", "p.json")).find("row 2 must have the keys"),
              std::string::npos);
    EXPECT_NE(refusal(read_json_rows(R"([{"a": [1]}])", "p.json")).find("row 1: 'a' is an object or an array"),
              std::string::npos);
    EXPECT_NE(refusal(read_json_rows("[{\"a\": 1}] x", "p.json")), "");
    EXPECT_NE(refusal(read_json_rows("[{\"a\": 1}", "p.json")), "");
    EXPECT_EQ(refusal(read_feed("a", "p.txt")), "p.txt: must be a .csv or a .json file");
}

feed_table table(feed_table::order how, std::uint64_t seed = 1) {
    rows content;
    for (int i = 0; i < 100; ++i) {
        content.push_back({std::to_string(i), "cell " + std::to_string(i)});
    }
    return {"people", how, {"id", "text"}, content, seed};
}

std::vector<std::uint32_t> draws(const feed_table& from, std::uint64_t count) {
    std::vector<std::uint32_t> out;
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto row = from.draw(i);
        if (!row) {
            break;
        }
        out.push_back(*row);
    }
    return out;
}

TEST(feed, keeps_its_cells) {
    const auto feed = table(feed_table::order::circular);
    EXPECT_EQ(feed.rows(), 100U);
    EXPECT_EQ(feed.column("text"), 1);
    EXPECT_FALSE(feed.column("texts"));
    EXPECT_EQ(feed.at(0, 0), "0");
    EXPECT_EQ(feed.at(99, 1), "cell 99");
}

TEST(feed, draws_in_its_order) {
    std::vector<std::uint32_t> in_order(100);
    std::iota(in_order.begin(), in_order.end(), 0U);

    const auto circular = draws(table(feed_table::order::circular), 250);
    EXPECT_EQ(circular.size(), 250U);
    EXPECT_EQ(circular[249], 49U);
    EXPECT_EQ(draws(table(feed_table::order::queue), 250), in_order);

    auto shuffled = draws(table(feed_table::order::shuffle), 250);
    EXPECT_NE(shuffled, in_order);
    EXPECT_EQ(shuffled, draws(table(feed_table::order::shuffle), 250));
    EXPECT_NE(shuffled, draws(table(feed_table::order::shuffle, 2), 250));
    std::sort(shuffled.begin(), shuffled.end());
    EXPECT_EQ(shuffled, in_order);
}

TEST(feed, random_draws_are_even_and_hang_on_seed_and_number_alone) {
    const auto feed = table(feed_table::order::random);
    std::vector<int> hits(100);
    for (std::uint64_t i = 0; i < 100'000; ++i) {
        ++hits[*feed.draw(i)];
    }
    for (const auto count : hits) {
        EXPECT_NEAR(count, 1000, 200);
    }
    EXPECT_EQ(draws(feed, 50), draws(table(feed_table::order::random), 50));
    EXPECT_NE(draws(feed, 50), draws(table(feed_table::order::random, 2), 50));
}

} // namespace
} // namespace cb::load
