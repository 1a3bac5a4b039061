// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>
#include <vector>

#include <unistd.h>

#include "base/random.hpp"
#include "metrics/hdr_histogram.hpp"

namespace cb::metrics {
namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

std::vector<hdr_shape> shapes() {
    return {{1, 2, 1},
            {1, 60'000'000, 2},
            {1, 3'600'000'000, 3},
            {1'000, 3'600'000'000'000, 3},
            {1, largest, 1},
            {1, largest, 5},
            {1'000'000, largest, 3},
            {7, 1'000'000, 4},
            {1, 2'047, 3},
            {1, 2'048, 3},
            {std::int64_t{1} << 50, largest, 1},
            {3, 86'400'000'000'000, 2}};
}

/// Log-uniform: as many values of each magnitude.
std::int64_t some_value(random_source& random, std::int64_t below) {
    const auto value = std::exp(random.unit() * std::log(static_cast<double>(below)));
    return std::min(static_cast<std::int64_t>(value), below);
}

TEST(hdr_layout, has_the_lengths_of_the_public_implementations) {
    // From HdrHistogram's own documentation and tests.
    EXPECT_EQ(hdr_layout({1, 3'600'000'000, 3}).counts_length(), 23'552U);
    EXPECT_EQ(hdr_layout({1'000, 3'600'000'000'000, 3}).counts_length(), 24'576U); // units of 512
    EXPECT_EQ(hdr_layout({1, 60'000'000, 2}).counts_length(), 2'560U);
}

TEST(hdr_layout, every_place_follows_the_one_before_and_finds_itself) {
    for (const auto& shape : shapes()) {
        const hdr_layout layout(shape);
        EXPECT_GE(layout.largest_value(), static_cast<std::uint64_t>(shape.highest));
        EXPECT_EQ(layout.index_of(layout.largest_value()) + 1, layout.counts_length()) << shape.highest;
        const auto step = std::max<std::size_t>(1, layout.counts_length() / 50'000);
        for (std::size_t i = 0; i + 1 < layout.counts_length(); i += step) {
            ASSERT_EQ(layout.index_of(static_cast<std::uint64_t>(layout.lowest_at(i))), i);
            ASSERT_EQ(layout.index_of(static_cast<std::uint64_t>(layout.highest_at(i))), i);
            ASSERT_EQ(layout.highest_at(i) + 1, layout.lowest_at(i + 1));
        }
    }
}

TEST(hdr_layout, keeps_the_promised_digits) {
    random_source random(1);
    for (const auto& shape : shapes()) {
        const hdr_layout layout(shape);
        for (int i = 0; i < 10'000; ++i) {
            const auto value = some_value(random, shape.highest);
            const auto width = layout.width_at(layout.index_of(static_cast<std::uint64_t>(value)));
            ASSERT_LE(static_cast<double>(width), std::max(static_cast<double>(shape.lowest),
                                                           static_cast<double>(value) * std::pow(10, -shape.digits)))
                << value;
        }
    }
}

TEST(hdr_shape, says_what_is_impossible) {
    EXPECT_FALSE((hdr_shape{0, 100, 3}).valid());
    EXPECT_FALSE((hdr_shape{1, 1, 3}).valid());
    EXPECT_FALSE((hdr_shape{1, 100, 0}).valid());
    EXPECT_FALSE((hdr_shape{1, 100, 6}).valid());
    EXPECT_FALSE((hdr_shape{largest / 2, largest, 5}).valid());
    EXPECT_FALSE((hdr_shape{-5, 100, 3}).valid());
    for (const auto& shape : shapes()) {
        EXPECT_TRUE(shape.valid());
    }
}

TEST(hdr_histogram, agrees_with_sorted_values) {
    random_source random(2);
    const hdr_shape shape{1, 3'600'000'000, 3};
    hdr_histogram histogram(shape);
    std::vector<std::int64_t> values;
    for (int i = 0; i < 100'000; ++i) {
        values.push_back(some_value(random, shape.highest));
        ASSERT_TRUE(histogram.record(values.back()));
    }
    std::sort(values.begin(), values.end());
    EXPECT_EQ(histogram.count(), values.size());
    const hdr_layout layout(shape);
    const auto rounded_up = [&](std::int64_t value) {
        return layout.highest_at(layout.index_of(static_cast<std::uint64_t>(value)));
    };
    for (const double percentile : {0.001, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
        const auto rank = static_cast<std::size_t>(std::ceil(percentile / 100 * 100'000 - 1e-6));
        EXPECT_EQ(histogram.value_at_percentile(percentile), rounded_up(values.at(rank - 1))) << percentile;
    }
    EXPECT_EQ(histogram.max(), rounded_up(values.back()));
    EXPECT_EQ(histogram.min(), layout.lowest_at(layout.index_of(static_cast<std::uint64_t>(values.front()))));
    const auto mean = std::accumulate(values.begin(), values.end(), 0.0) / 100'000;
    EXPECT_NEAR(histogram.mean(), mean, mean / 1'000);
    double squares = 0;
    for (const auto value : values) {
        squares += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
    }
    EXPECT_NEAR(histogram.standard_deviation(), std::sqrt(squares / 100'000), mean / 100);
    std::uint64_t seen = 0;
    std::int64_t before = -1;
    histogram.for_each_bucket([&](const hdr_bucket& bucket) {
        EXPECT_GT(bucket.lowest, before);
        before = bucket.highest;
        seen += bucket.count;
        EXPECT_EQ(histogram.count_at_or_below(bucket.lowest), seen);
    });
    EXPECT_EQ(seen, values.size());
}

TEST(hdr_histogram, counts_what_does_not_fit_instead_of_clamping_it) {
    hdr_histogram histogram({1, 1'000, 3});
    EXPECT_TRUE(histogram.record(0));
    EXPECT_TRUE(histogram.record(1'000));
    EXPECT_TRUE(histogram.record(2'047));
    EXPECT_FALSE(histogram.record(2'048));
    EXPECT_FALSE(histogram.record(largest, 5));
    EXPECT_FALSE(histogram.record(-1));
    EXPECT_FALSE(histogram.record(std::numeric_limits<std::int64_t>::min()));
    EXPECT_EQ(histogram.count(), 3U);
    EXPECT_EQ(histogram.out_of_range(), 8U);
    EXPECT_EQ(histogram.max(), 2'047);
}

TEST(hdr_histogram, is_zero_everywhere_while_empty) {
    hdr_histogram histogram({1, 1'000, 2});
    const auto expect_empty = [&] {
        EXPECT_TRUE(histogram.empty());
        EXPECT_EQ(histogram.min(), 0);
        EXPECT_EQ(histogram.max(), 0);
        EXPECT_EQ(histogram.mean(), 0);
        EXPECT_EQ(histogram.standard_deviation(), 0);
        EXPECT_EQ(histogram.value_at_percentile(99), 0);
        EXPECT_EQ(histogram.count_at_or_below(500), 0U);
        histogram.for_each_bucket([](const hdr_bucket&) { FAIL(); });
    };
    expect_empty();
    histogram.record(5);
    histogram.record(-5);
    histogram.reset();
    EXPECT_EQ(histogram.out_of_range(), 0U);
    expect_empty();
}

TEST(hdr_histogram, a_count_of_nothing_changes_nothing) {
    hdr_histogram histogram({1, 1'000'000, 3});
    histogram.record(50);
    histogram.record(3, 0);
    histogram.record(900'000, 0);
    EXPECT_EQ(histogram.min(), 50);
    EXPECT_EQ(histogram.max(), 50);
    hdr_histogram other({1, 1'000'000, 3});
    other.record(50);
    EXPECT_EQ(histogram, other);
    EXPECT_EQ(histogram.encode_v2(), other.encode_v2());
}

TEST(hdr_histogram, two_halves_merged_are_the_whole) {
    random_source random(3);
    const auto shape = latency_shape_ns(2);
    hdr_histogram whole(shape);
    hdr_histogram halves[2] = {hdr_histogram(shape), hdr_histogram(shape)};
    for (int i = 0; i < 50'000; ++i) {
        const auto value = some_value(random, shape.highest * 2);
        whole.record(value);
        halves[random.below(2)].record(value);
    }
    halves[0].merge(halves[1]);
    EXPECT_EQ(halves[0], whole);
    EXPECT_EQ(halves[0].encode_v2(), whole.encode_v2());
}

TEST(hdr_histogram, merges_other_shapes_as_well_as_they_can) {
    hdr_histogram fine({1, 1'000'000, 3});
    hdr_histogram coarse({1, 100'000, 2});
    for (const auto value : {1, 500, 12'345, 99'999, 900'000}) {
        fine.record(value);
    }
    fine.record(-1);
    coarse.merge(fine);
    EXPECT_EQ(coarse.count(), 4U);
    EXPECT_EQ(coarse.out_of_range(), 2U);       // 900,000 has no place in the coarse one
    hdr_histogram wider({1, 1'000'000'000, 3}); // the same places, more of them
    wider.merge(fine);
    EXPECT_EQ(wider.count(), 5U);
    EXPECT_EQ(wider.max(), fine.max());
    hdr_histogram one_coarse(latency_shape_ns(2)); // up and down again: the value does not drift
    one_coarse.record(20'000'000, 1'000);
    hdr_histogram finer(latency_shape_ns(3));
    finer.merge(one_coarse);
    hdr_histogram again(latency_shape_ns(2));
    again.merge(finer);
    EXPECT_EQ(again, one_coarse);
    EXPECT_NEAR(finer.mean(), one_coarse.mean(), one_coarse.mean() / 1'000);
    hdr_histogram narrow({1, 10'000, 3});
    narrow.merge(fine);
    EXPECT_EQ(narrow.count(), 3U);
    EXPECT_EQ(narrow.out_of_range(), 3U);
}

TEST(hdr_histogram, is_copied_and_moved) {
    hdr_histogram first({1, 1'000, 3});
    first.record(7, 3);
    hdr_histogram copy = first;
    first.record(8);
    EXPECT_EQ(copy.count(), 3U);
    copy = first;
    EXPECT_EQ(copy, first);
    const auto moved = std::move(copy);
    EXPECT_EQ(moved, first);
}

std::size_t resident_kib() {
    std::ifstream in("/proc/self/statm");
    std::size_t size = 0;
    std::size_t resident = 0;
    in >> size >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

TEST(hdr_histogram, touches_only_the_pages_that_values_fall_into) {
    const hdr_shape huge{1, largest, 5}; // 50 MiB of counts
    std::vector<hdr_histogram> many;
    const auto before = resident_kib();
    for (int i = 0; i < 20; ++i) {
        many.emplace_back(huge);
        many.back().record(1'000'000);
        many.back().reset();
        many.back().record(1'000'000);
        EXPECT_EQ(many.back().value_at_percentile(50), many.back().max());
    }
    EXPECT_LT(resident_kib() - before, 20U * 1024U);
}

TEST(hdr_encoding, both_packings_come_back) {
    random_source random(4);
    for (const auto& shape : shapes()) {
        for (const int values : {0, 1, 10, 20'000}) {
            hdr_histogram histogram(shape);
            for (int i = 0; i < values; ++i) {
                histogram.record(some_value(random, shape.highest), 1 + random.below(3));
            }
            for (const auto packing : {hdr_packing::deflated, hdr_packing::plain}) {
                const auto back = hdr_histogram::decode_v2(histogram.encode_v2(packing));
                ASSERT_TRUE(back) << back.error().message;
                EXPECT_EQ(*back, histogram);
                EXPECT_EQ(back->shape(), shape);
            }
        }
    }
}

TEST(hdr_encoding, is_the_public_layout_byte_for_byte) {
    hdr_histogram histogram({1, 3'600'000'000, 3});
    histogram.record(1);          // index 1: one zero before it is the number 0, not a run
    histogram.record(1'000, 300); // a run of 998 zeros, then a number of two bytes
    const std::string expected("\x1c\x84\x93\x13"
                               "\0\0\0\x06"
                               "\0\0\0\0"
                               "\0\0\0\x03"
                               "\0\0\0\0\0\0\0\x01"
                               "\0\0\0\0\xd6\x93\xa4\0"
                               "\x3f\xf0\0\0\0\0\0\0"
                               "\0\x02\xcb\x0f\xd8\x04",
                               46);
    EXPECT_EQ(histogram.encode_v2(hdr_packing::plain), expected);
}

TEST(hdr_encoding, keeps_the_largest_counts) {
    hdr_histogram histogram({1, 1'000, 1});
    histogram.record(1, static_cast<std::uint64_t>(largest) - 10);
    histogram.record(900, 10);
    const auto back = hdr_histogram::decode_v2(histogram.encode_v2());
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, histogram);
}

TEST(hdr_encoding, refuses_what_is_cut_off_or_damaged) {
    hdr_histogram histogram({1, 3'600'000'000, 3});
    random_source random(5);
    for (int i = 0; i < 1'000; ++i) {
        histogram.record(some_value(random, 3'000'000'000));
    }
    for (const auto packing : {hdr_packing::deflated, hdr_packing::plain}) {
        const auto whole = histogram.encode_v2(packing);
        for (std::size_t length = 0; length < whole.size(); ++length) {
            EXPECT_FALSE(hdr_histogram::decode_v2(whole.substr(0, length))) << length;
        }
        for (int i = 0; i < 20'000; ++i) { // anything but a crash
            auto damaged = whole;
            damaged[random.below(damaged.size())] ^= static_cast<char>(1 + random.below(255));
            static_cast<void>(hdr_histogram::decode_v2(damaged));
        }
    }
}

TEST(hdr_encoding, refuses_what_claims_too_much) {
    hdr_histogram histogram({1, 1'000, 3});
    histogram.record(2'047);
    auto plain = histogram.encode_v2(hdr_packing::plain);
    ASSERT_TRUE(hdr_histogram::decode_v2(plain));
    auto longer = plain + '\2';
    longer[7] = static_cast<char>(longer[7] + 1);
    EXPECT_EQ(hdr_histogram::decode_v2(longer).error().message, "a histogram has more counts than its shape has");
    auto shape = plain;
    shape[15] = 6;
    EXPECT_EQ(hdr_histogram::decode_v2(shape).error().message, "a histogram claims an impossible shape");
    auto shifted = plain;
    shifted[10] = 8;
    EXPECT_EQ(hdr_histogram::decode_v2(shifted).error().kind, errc::unsupported);
    auto older = plain;
    older[3] = 1;
    EXPECT_EQ(hdr_histogram::decode_v2(older).error().kind, errc::unsupported);
}

} // namespace
} // namespace cb::metrics
