// SPDX-License-Identifier: Apache-2.0
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "analysis/recovery.hpp"
#include "analysis/trend.hpp"

namespace cb::analysis {

TEST(median, of_odd_even_and_none) {
    EXPECT_EQ(median_of(std::vector<double>{3, 1, 2}), 2);
    EXPECT_EQ(median_of(std::vector<double>{4, 1, 2, 3}), 2.5);
    EXPECT_EQ(median_of(std::vector<double>{}), 0);
}

TEST(trend, of_a_straight_line_is_its_slope) {
    std::vector<double> line;
    for (int i = 0; i < 50; ++i) {
        line.push_back(100 + 2 * i);
    }
    const auto found = trend_of(line);
    EXPECT_DOUBLE_EQ(found.slope, 2);
    EXPECT_NEAR(found.change, 98.0 / 149, 1e-9);
    EXPECT_GT(found.z, 3);
    std::reverse(line.begin(), line.end());
    EXPECT_LT(trend_of(line).z, -3);
}

TEST(trend, of_what_stands_still_is_none) {
    const std::vector<double> still(40, 7.0);
    EXPECT_EQ(trend_of(still).z, 0);
    EXPECT_EQ(trend_of(still).slope, 0);
    EXPECT_EQ(trend_of(std::vector<double>{1, 2}).z, 0);
}

TEST(trend, is_seldom_seen_in_noise_and_nearly_always_where_it_is) {
    std::mt19937 draw(11);
    std::normal_distribution<double> noise(0, 10);
    int alarms = 0;
    int found = 0;
    for (int round = 0; round < 300; ++round) {
        std::vector<double> flat;
        std::vector<double> rising;
        for (int i = 0; i < 60; ++i) {
            flat.push_back(100 + noise(draw));
            rising.push_back(100 + 0.6 * i + noise(draw));
        }
        alarms += std::abs(trend_of(flat).z) > 3 ? 1 : 0;
        found += trend_of(rising).z > 3 ? 1 : 0;
    }
    EXPECT_LE(alarms, 5); // 0.27 % of 300 is one
    EXPECT_GE(found, 295);
}

TEST(band, is_not_moved_by_one_outlier) {
    std::vector<double> steady{10, 11, 9, 10, 10, 11, 9, 500};
    const auto usual = band_of(steady, 1.5, 0);
    EXPECT_GE(usual.most, 15);
    EXPECT_LT(usual.most, 20);
    EXPECT_EQ(band_of(std::vector<double>(10, 0.0), 1.5, 0.01).most, 0.01);
}

TEST(recovery, is_when_it_stays_in_the_band) {
    const std::vector<std::optional<double>> after{50, 40, 9, 40, std::nullopt, 9, 8, 9, 10, 9};
    EXPECT_EQ(seconds_to_recover(after, {12}, 3), 5U);
    EXPECT_EQ(seconds_to_recover(after, {12}, 1), 2U);
    EXPECT_FALSE(seconds_to_recover(after, {5}, 2));
    EXPECT_FALSE(seconds_to_recover({}, {5}, 1));
    EXPECT_EQ(seconds_to_recover(std::vector<std::optional<double>>{1, 1, 1}, {5}, 3), 0U);
}

} // namespace cb::analysis
