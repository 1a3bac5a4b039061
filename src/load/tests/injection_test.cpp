// SPDX-License-Identifier: Apache-2.0
#include "load/injection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "load/program.hpp"

namespace cb::load {
namespace {

using namespace std::chrono_literals;
using verb = injection_step::verb;

injection_plan open(std::vector<injection_step> steps, bool poisson = false) {
    return {false, poisson, std::move(steps)};
}
injection_plan closed(std::vector<injection_step> steps) { return {true, false, std::move(steps)}; }

std::vector<nanoseconds> all(const injection_plan& plan, std::uint64_t seed = 1) {
    arrival_schedule schedule(plan, seed);
    std::vector<nanoseconds> out;
    while (const auto next = schedule.next()) {
        out.push_back(*next);
    }
    EXPECT_TRUE(std::is_sorted(out.begin(), out.end()));
    return out;
}

std::vector<std::int64_t> in_ms(const injection_plan& plan) {
    std::vector<std::int64_t> out;
    for (const auto at : all(plan)) {
        EXPECT_EQ(at.count() % 1'000'000, 0);
        out.push_back(at / 1ms);
    }
    return out;
}

TEST(open_profiles, at_once_and_nothing_for) {
    const auto plan = open({{verb::nothing_for, 0, 0, 4s}, {verb::at_once_users, 3, 0, 0s}});
    EXPECT_EQ(in_ms(plan), (std::vector<std::int64_t>{4000, 4000, 4000}));
    EXPECT_EQ(plan.length(), 4s);
    EXPECT_EQ(plan.users(), 3U);
}

TEST(open_profiles, ramp_users_are_shared_over_seconds_and_milliseconds) {
    EXPECT_EQ(in_ms(open({{verb::ramp_users, 4, 0, 2s}})), (std::vector<std::int64_t>{249, 749, 1249, 1749}));
    EXPECT_EQ(in_ms(open({{verb::ramp_users, 1, 0, 1s}})), (std::vector<std::int64_t>{499}));
    EXPECT_EQ(in_ms(open({{verb::ramp_users, 2, 0, 0s}})), (std::vector<std::int64_t>{0, 0})); // as at_once_users
    EXPECT_TRUE(all(open({{verb::ramp_users, 0, 0, 5s}})).empty());                            // as nothing_for
}

TEST(open_profiles, ramp_users_differ_by_one_at_most_from_second_to_second) {
    for (const int users : {1, 7, 10, 99, 1000, 12'345}) {
        std::map<std::int64_t, int> each_second;
        for (const auto at : all(open({{verb::ramp_users, static_cast<double>(users), 0, 10s}}))) {
            ++each_second[at / 1s];
        }
        int sum = 0;
        for (int second = 0; second < 10; ++second) {
            EXPECT_LE(std::abs(each_second[second] - users / 10.0), 1) << users;
            sum += each_second[second];
        }
        EXPECT_EQ(sum, users);
    }
}

TEST(open_profiles, a_ramp_ends_within_its_time_also_when_that_is_no_whole_second) {
    const auto arrivals = all(open({{verb::ramp_users, 100, 0, 2500ms}}));
    ASSERT_EQ(arrivals.size(), 100U);
    EXPECT_LT(arrivals.back(), 2500ms);
    EXPECT_EQ(std::count_if(arrivals.begin(), arrivals.end(), [](auto at) { return at >= 2s; }), 20);
}

TEST(open_profiles, rates_have_gatlings_totals) {
    const auto count = [](verb what, double from, double to, nanoseconds during) {
        const auto plan = open({{what, from, to, during}});
        const auto size = all(plan).size();
        EXPECT_EQ(plan.users(), size);
        return size;
    };
    EXPECT_EQ(count(verb::constant_users_per_sec, 0.3, 0, 5s), 2U); // round(1.5)
    EXPECT_EQ(count(verb::constant_users_per_sec, 0.3, 0, 4s), 1U); // round(1.2)
    EXPECT_EQ(count(verb::ramp_users_per_sec, 1, 2, 1s), 1U);       // floor(1.5)
    EXPECT_EQ(count(verb::ramp_users_per_sec, 1, 200, 30s), 3015U);
    EXPECT_EQ(count(verb::ramp_users_per_sec, 0.1, 0.2, 20s), 3U); // 2.9999… in binary
    EXPECT_EQ(count(verb::ramp_users_per_sec, 200, 0, 30s), 3000U);
    EXPECT_EQ(count(verb::constant_users_per_sec, 0, 0, 30s), 0U);
}

TEST(open_profiles, uniform_arrivals_of_a_constant_rate_are_exactly_even) {
    const auto arrivals = all(open({{verb::nothing_for, 0, 0, 1s}, {verb::constant_users_per_sec, 400, 0, 60s}}));
    ASSERT_EQ(arrivals.size(), 24'000U);
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
        ASSERT_EQ(arrivals[i], 1s + nanoseconds(1'250'000 + static_cast<std::int64_t>(i) * 2'500'000));
    }
}

TEST(open_profiles, uniform_arrivals_of_a_ramp_have_one_user_of_area_between_them) {
    for (const auto& [from, to] : {std::pair{0.0, 100.0}, {100.0, 0.0}, {3.0, 50.0}, {50.0, 3.0}}) {
        const auto users_until = [f = from, t = to](nanoseconds at) {
            const double s = static_cast<double>(at.count()) / 1e9;
            return f * s + (t - f) * s * s / 40;
        };
        const auto arrivals = all(open({{verb::ramp_users_per_sec, from, to, 20s}}));
        ASSERT_FALSE(arrivals.empty());
        for (std::size_t i = 0; i < arrivals.size(); ++i) {
            ASSERT_NEAR(users_until(arrivals[i]), static_cast<double>(i) + 0.5, 1e-6);
        }
    }
}

TEST(open_profiles, stress_peak_is_symmetric_with_its_peak_in_the_middle) {
    const auto at = in_ms(open({{verb::stress_peak_users, 1000, 0, 20s}}));
    ASSERT_EQ(at.size(), 1000U);
    EXPECT_EQ(at.front(), 0);
    EXPECT_LE(at.back(), 20'000);
    // User i stands at erfinv(2 i / (n + 2) - 1): 501 of 1000 is the middle, 501 - k and 501 + k are as far from it.
    EXPECT_NEAR(static_cast<double>(at[500]), 10'000, 1);
    for (std::size_t k = 1; k < 500; ++k) {
        ASSERT_NEAR(static_cast<double>(at[500 - k] + at[500 + k]), 20'000, 2.01);
    }
    const auto between = [&](int from, int to) {
        return std::count_if(at.begin(), at.end(), [&](auto ms) { return ms >= from && ms < to; });
    };
    EXPECT_GT(between(9000, 11'000), 4 * between(3000, 5000));
}

/// Kolmogorov and Smirnov: the greatest distance between the sample and the uniform distribution on [0, 1], times the
/// root of its size. 1.95 is exceeded by one sample in a thousand.
double distance_from_uniform(std::vector<double> sample) {
    std::sort(sample.begin(), sample.end());
    const auto n = static_cast<double>(sample.size());
    double most = 0;
    for (std::size_t i = 0; i < sample.size(); ++i) {
        most = std::max({most, static_cast<double>(i + 1) / n - sample[i], sample[i] - static_cast<double>(i) / n});
    }
    return most * std::sqrt(n);
}
constexpr double critical = 1.95;

/// Given their number, the arrivals of a Poisson process are uniform on the axis of the users expected so far.
template <class Expected>
void is_poisson(const injection_step& step, double mean, Expected share_until) {
    double sum = 0;
    constexpr int seeds = 20;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        const auto arrivals = all(open({step}, true), seed);
        sum += static_cast<double>(arrivals.size());
        EXPECT_NEAR(static_cast<double>(arrivals.size()), mean, 5 * std::sqrt(mean)) << "seed " << seed;
        std::vector<double> places;
        std::vector<double> gaps;
        double before = 0;
        for (const auto at : arrivals) {
            const double place = share_until(static_cast<double>(at.count()) / 1e9);
            places.push_back(place);
            gaps.push_back(-std::expm1(-(place - before) * mean));
            before = place;
        }
        EXPECT_LT(distance_from_uniform(places), critical) << "seed " << seed;
        EXPECT_LT(distance_from_uniform(gaps), critical) << "the gaps are not exponential, seed " << seed;
    }
    EXPECT_NEAR(sum / seeds, mean, 4 * std::sqrt(mean / seeds));
}

TEST(poisson, of_a_constant_rate) {
    is_poisson({verb::constant_users_per_sec, 200, 0, 20s}, 4000, [](double s) { return s / 20; });
}

TEST(poisson, of_a_rate_that_rises_or_falls) {
    is_poisson({verb::ramp_users_per_sec, 0, 400, 20s}, 4000, [](double s) { return s * s / 400; });
    is_poisson({verb::ramp_users_per_sec, 300, 100, 20s}, 4000, [](double s) { return (300 * s - 5 * s * s) / 4000; });
}

TEST(poisson, the_test_of_it_can_fail) {
    std::vector<double> even;
    std::vector<double> gaps;
    for (const auto at : all(open({{verb::constant_users_per_sec, 200, 0, 20s}}, false))) {
        even.push_back(static_cast<double>(at.count()) / 20e9);
        gaps.push_back(-std::expm1(-1.0));
    }
    EXPECT_LT(distance_from_uniform(even), critical); // evenly spaced is uniform as well …
    EXPECT_GT(distance_from_uniform(gaps), critical); // … and not exponential
}

TEST(poisson, is_the_same_for_the_same_seed_and_another_for_another) {
    const auto plan = open({{verb::ramp_users_per_sec, 1, 50, 10s}, {verb::constant_users_per_sec, 50, 0, 10s}}, true);
    EXPECT_EQ(all(plan, 7), all(plan, 7));
    EXPECT_NE(all(plan, 7), all(plan, 8));
    EXPECT_EQ(plan.users(), 755U);
}

std::vector<std::uint64_t> each_second(const injection_plan& plan) {
    std::vector<std::uint64_t> out;
    for (auto at = nanoseconds(0); const auto users = concurrent_users_at(plan, at); at += 1s) {
        out.push_back(*users);
    }
    return out;
}

TEST(closed_profiles, have_gatlings_target_at_each_second) {
    using targets = std::vector<std::uint64_t>;
    EXPECT_EQ(each_second(closed({{verb::constant_concurrent_users, 5, 0, 2s}})), (targets{5, 5, 5}));
    EXPECT_EQ(each_second(closed({{verb::ramp_concurrent_users, 0, 10, 4s}})), (targets{0, 2, 5, 7, 10}));
    EXPECT_EQ(each_second(closed({{verb::ramp_concurrent_users, 10, 0, 4s}})), (targets{10, 8, 5, 3, 0}));
    const auto stairs = closed({{verb::constant_concurrent_users, 3, 0, 2s},
                                {verb::ramp_concurrent_users, 3, 9, 3s},
                                {verb::constant_concurrent_users, 9, 0, 2s}});
    EXPECT_EQ(each_second(stairs), (targets{3, 3, 3, 5, 7, 9, 9, 9}));
    EXPECT_EQ(stairs.users(), 9U);
    EXPECT_EQ(stairs.length(), 7s);
    EXPECT_FALSE(concurrent_users_at(stairs, 7001ms).has_value());
    EXPECT_EQ(concurrent_users_at(stairs, 3999ms), 5U); // targets change on whole seconds
    EXPECT_EQ(each_second(closed({{verb::ramp_concurrent_users, 0, 300, 30s}}))[29], 290U);
}

TEST(drawn_durations, have_their_shape) {
    random_source random(3);
    const auto mean_of = [&](const drawn_duration& from) {
        double sum = 0;
        for (int i = 0; i < 20'000; ++i) {
            const auto drawn = draw(from, random);
            EXPECT_GE(drawn, 0ns);
            sum += static_cast<double>(drawn.count()) / 1e9;
        }
        return sum / 20'000;
    };
    using shape = drawn_duration::shape;
    EXPECT_EQ(draw({shape::constant, 5s, 0s, 0s, 0s}, random), 5s);
    EXPECT_NEAR(mean_of({shape::exponential, 10s, 0s, 0s, 0s}), 10, 0.3);
    EXPECT_NEAR(mean_of({shape::uniform, 0s, 2s, 4s, 0s}), 3, 0.03);
    EXPECT_NEAR(mean_of({shape::normal, 10s, 0s, 0s, 2s}), 10, 0.1);
    EXPECT_NEAR(mean_of({shape::normal, 0s, 0s, 0s, 1s}), 0.399, 0.02); // half of it is cut off at zero
}

} // namespace
} // namespace cb::load
