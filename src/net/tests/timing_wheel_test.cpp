// SPDX-License-Identifier: Apache-2.0
#include "net/timing_wheel.hpp"

#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace cb::net {
namespace {

using namespace std::chrono_literals;
const mono_time start{1000s};

std::vector<timing_wheel::row> fired_at(timing_wheel& wheel, mono_time now) {
    std::vector<timing_wheel::row> out;
    wheel.advance(now, [&](timing_wheel::row which) { out.push_back(which); });
    return out;
}

TEST(timing_wheel, fires_when_the_time_has_come_and_not_before) {
    timing_wheel wheel(10, start);
    for (const auto due : {nanoseconds(0), nanoseconds(1), nanoseconds(70us), nanoseconds(67ms), nanoseconds(100ms),
                           nanoseconds(18s), nanoseconds(2h), nanoseconds(100h)}) {
        const auto began = start + 10min;
        fired_at(wheel, began);
        wheel.set(3, began + due);
        EXPECT_TRUE(fired_at(wheel, began + due - timing_wheel::tick).empty()) << due.count();
        EXPECT_EQ(fired_at(wheel, began + due + timing_wheel::tick), std::vector<timing_wheel::row>{3}) << due.count();
        EXPECT_EQ(wheel.count(), 0U);
        wheel = timing_wheel(10, start);
    }
}

TEST(timing_wheel, fires_what_lies_in_the_past_at_the_next_tick) {
    timing_wheel wheel(2, start);
    fired_at(wheel, start + 5s);
    wheel.set(1, start + 1s);
    EXPECT_TRUE(fired_at(wheel, start + 5s).empty());
    EXPECT_EQ(fired_at(wheel, start + 5s + timing_wheel::tick * 2), std::vector<timing_wheel::row>{1});
}

TEST(timing_wheel, a_fired_row_may_set_itself_and_cancel_others) {
    timing_wheel wheel(3, start);
    wheel.set(0, start + 1ms);
    wheel.set(1, start + 1ms);
    wheel.set(2, start + 1ms);
    int fired = 0;
    wheel.advance(start + 10ms, [&](timing_wheel::row which) {
        ++fired;
        for (timing_wheel::row other = 0; other < 3; ++other) {
            wheel.cancel(other);
        }
        wheel.set(which, start + 20ms);
    });
    EXPECT_EQ(fired, 1);
    EXPECT_EQ(wheel.count(), 1U);
    EXPECT_EQ(fired_at(wheel, start + 21ms).size(), 1U);
}

/// Against a sorted map, over all wheels: thousands of timers set, moved and cancelled while time goes on in steps of
/// microseconds to minutes.
TEST(timing_wheel, agrees_with_a_sorted_map) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        random_source random(seed);
        constexpr timing_wheel::row rows = 500;
        timing_wheel wheel(rows, start);
        std::map<timing_wheel::row, mono_time> model;
        auto now = start;
        for (int turn = 0; turn < 4000; ++turn) {
            const auto which = static_cast<timing_wheel::row>(random.below(rows));
            if (random.below(4) == 0) {
                wheel.cancel(which);
                model.erase(which);
            } else {
                const auto length = std::int64_t{1} << random.below(44);
                const auto due =
                    now + nanoseconds(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(length))));
                wheel.set(which, due);
                model[which] = due;
            }
            if (random.below(3) != 0) {
                continue;
            }
            const auto next = wheel.next_due();
            ASSERT_EQ(next.has_value(), !model.empty());
            now += nanoseconds(static_cast<std::int64_t>(random.below(std::uint64_t{1} << random.below(42))));
            for (const auto row : fired_at(wheel, now)) {
                ASSERT_TRUE(model.contains(row)) << "fired twice, or never set";
                ASSERT_LE(model[row], now);
                model.erase(row);
            }
            for (const auto& [row, due] : model) {
                ASSERT_GE(due, now - timing_wheel::tick * 2) << "overdue";
                ASSERT_TRUE(next) << row;
            }
            ASSERT_EQ(wheel.count(), model.size());
        }
    }
}

TEST(timing_wheel, sleeping_until_it_asks_misses_nothing) {
    random_source random(9);
    timing_wheel wheel(100, start);
    std::map<timing_wheel::row, mono_time> due;
    for (timing_wheel::row which = 0; which < 100; ++which) {
        due[which] = start + nanoseconds(static_cast<std::int64_t>(random.below(100'000'000'000)));
        wheel.set(which, due[which]);
    }
    std::size_t fired = 0;
    int wakes = 0;
    while (const auto next = wheel.next_due()) {
        ASSERT_LT(++wakes, 5000);
        wheel.advance(*next, [&](timing_wheel::row which) {
            ++fired;
            EXPECT_LE(due[which], *next);
            EXPECT_LE(*next - due[which], timing_wheel::tick * 2);
        });
    }
    EXPECT_EQ(fired, 100U);
}

} // namespace
} // namespace cb::net
