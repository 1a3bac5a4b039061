// SPDX-License-Identifier: Apache-2.0
#include "watch/forecast.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace cb::watch {
namespace {

constexpr double mib = 1024 * 1024;

std::vector<memory_point> line(double from, double slope, std::size_t count, double noise = 0, unsigned seed = 1) {
    std::mt19937 random(seed);
    std::normal_distribution<double> off(0, 1);
    std::vector<memory_point> points;
    for (std::size_t i = 0; i < count; ++i) {
        const auto at = static_cast<double>(i);
        points.push_back({at, from + slope * at + noise * off(random)});
    }
    return points;
}

TEST(forecast, says_when_the_limit_is_met) {
    const auto points = line(100 * mib, 5 * mib, 20); // now 195 MiB
    EXPECT_NEAR(seconds_to_limit(points, 245 * mib).value_or(0), 10, 1e-6);
    EXPECT_EQ(seconds_to_limit(points, 100 * mib), 0.0); // above it already
}

TEST(forecast, says_nothing_without_a_slope_that_stands_out) {
    EXPECT_FALSE(seconds_to_limit(line(100 * mib, 5 * mib, 9), 200 * mib));   // too few
    EXPECT_FALSE(seconds_to_limit(line(100 * mib, 0, 60), 200 * mib));        // flat
    EXPECT_FALSE(seconds_to_limit(line(100 * mib, -1 * mib, 60), 200 * mib)); // falling
    EXPECT_FALSE(seconds_to_limit(line(100 * mib, 100, 60), 1e6 * mib));      // further than a day
    int alarms = 0;
    constexpr unsigned seeds = 500;
    for (unsigned seed = 0; seed < seeds; ++seed) {
        alarms += seconds_to_limit(line(100 * mib, 0, 60, mib, seed), 200 * mib) ? 1 : 0;
    }
    EXPECT_LE(alarms, 1) << "noise is called a leak";
}

TEST(forecast, by_users_follows_the_line) {
    std::vector<memory_point> points;
    for (int i = 0; i < 20; ++i) {
        points.push_back({100.0 * i, 50 * mib + 100.0 * i * 0.01 * mib});
    }
    EXPECT_NEAR(users_at_limit(points, 150 * mib).value_or(0), 10'000, 1e-3);
    EXPECT_FALSE(users_at_limit(line(50 * mib, 0, 20), 150 * mib)); // memory does not follow
    std::vector<memory_point> steady(20, {1000, 60 * mib});
    EXPECT_FALSE(users_at_limit(steady, 150 * mib)); // the users did not change
}

} // namespace
} // namespace cb::watch
