// SPDX-License-Identifier: Apache-2.0
// Events and awaits, whichever comes first, and what falls out of the table.
#include "load/await_window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/random.hpp"

namespace cb::load {
namespace {

using namespace std::chrono_literals;

constexpr step_index paid = 3;

mono_time at(nanoseconds since_start) { return mono_time(1000s + since_start); }

await_key key(std::string_view value, std::uint16_t index = 0) {
    auto out = await_key::of_index(index);
    out.add(value);
    return out;
}

class window_test : public ::testing::Test {
protected:
    await_window window_{{.waiters = 100, .entries = 10, .keep = 60s, .steps = 5}};
    std::vector<std::pair<std::uint32_t, std::uint32_t>> answered_; ///< who, serial

    void event(const await_key& of, nanoseconds when) {
        window_.event_came(of, at(when), [&](std::uint32_t who, std::uint32_t serial, step_index step) {
            EXPECT_EQ(step, paid);
            answered_.emplace_back(who, serial);
        });
    }
    std::optional<mono_time> begin(std::uint32_t who, const await_key& of, nanoseconds when,
                                   std::optional<mono_time> since = std::nullopt, std::uint32_t serial = 1) {
        return window_.begin(who, {serial, paid, since}, of, at(when));
    }
    [[nodiscard]] std::int64_t doubled() const { return window_.counts()[paid].doubled; }
    [[nodiscard]] std::int64_t late() const { return window_.counts()[paid].late; }
    using answers = decltype(answered_);
};

TEST_F(window_test, an_event_answers_who_waits_for_its_value) {
    EXPECT_EQ(begin(7, key("a"), 1s), std::nullopt);
    EXPECT_EQ(begin(8, key("b"), 1s), std::nullopt);
    event(key("a", 1), 2s); // another index
    event(key("c"), 2s);
    EXPECT_TRUE(answered_.empty());
    event(key("b"), 3s);
    event(key("a"), 3s);
    EXPECT_EQ(answered_, (answers{{8, 1}, {7, 1}}));
    EXPECT_EQ(doubled() + late(), 0);
}

TEST_F(window_test, all_who_wait_for_one_value_are_answered) {
    for (std::uint32_t who = 0; who < 4; ++who) {
        begin(who, key("a"), 1s, std::nullopt, 10 + who);
    }
    window_.end(1, 11, false, at(2s));
    window_.end(2, 99, false, at(2s)); // another wait of the same place: nothing happens
    event(key("a"), 3s);
    std::sort(answered_.begin(), answered_.end());
    EXPECT_EQ(answered_, (answers{{0, 10}, {2, 12}, {3, 13}}));
}

TEST_F(window_test, an_event_that_overtakes_its_await_counts) {
    event(key("a"), 5s);
    EXPECT_EQ(begin(1, key("a"), 6s, at(4s)), at(5s));
    EXPECT_EQ(begin(1, key("a"), 7s, at(4s)), std::nullopt) << "an event answers once";
    event(key("b"), 8s);
    EXPECT_EQ(begin(2, key("b"), 9s), at(8s)) << "without since it was there before";
}

TEST_F(window_test, an_event_from_before_what_is_counted_from_does_not_answer) {
    event(key("a"), 5s);
    EXPECT_EQ(begin(1, key("a"), 8s, at(7s)), std::nullopt);
    EXPECT_EQ(window_.unclaimed(), 1U);
    event(key("a"), 9s);
    EXPECT_EQ(answered_, (answers{{1, 1}}));
    EXPECT_EQ(doubled(), 0);

    begin(2, key("b"), 10s, at(12s)); // behind its pace: since lies ahead of the clock no more than that
    event(key("b"), 11s);
    EXPECT_EQ(answered_.size(), 1U);
    event(key("b"), 13s);
    EXPECT_EQ(answered_.back(), std::pair(2U, 1U));
    EXPECT_EQ(window_.unclaimed(), 2U);
    EXPECT_EQ(doubled(), 0);
}

TEST_F(window_test, doubles_are_counted_wherever_they_come) {
    begin(1, key("a"), 1s);
    event(key("a"), 2s);
    event(key("a"), 3s);
    EXPECT_EQ(doubled(), 1);
    event(key("b"), 4s); // both overtake
    event(key("b"), 4s);
    EXPECT_EQ(doubled(), 1);
    EXPECT_EQ(begin(2, key("b"), 5s), at(4s));
    EXPECT_EQ(doubled(), 2);
    event(key("b"), 6s);
    EXPECT_EQ(doubled(), 3);
    EXPECT_EQ(late(), 0);
    EXPECT_EQ(window_.unclaimed(), 0U);
}

TEST_F(window_test, an_event_behind_its_time_out_is_late_and_the_next_one_doubles_it) {
    begin(1, key("a"), 1s);
    window_.end(1, 1, true, at(3s));
    event(key("a"), 4s);
    EXPECT_EQ(late(), 1);
    event(key("a"), 5s);
    EXPECT_EQ(late(), 1);
    EXPECT_EQ(doubled(), 1);
    EXPECT_TRUE(answered_.empty());

    begin(2, key("b"), 6s);
    window_.end(2, 1, false, at(7s)); // given up: nobody expects it
    event(key("b"), 8s);
    EXPECT_EQ(late(), 1);
}

TEST_F(window_test, what_looked_like_a_double_is_taken_back_when_it_answers) {
    begin(1, key("a"), 1s, at(1s), 1);
    event(key("a"), 2s);
    event(key("a"), 4s); // of the next pass, overtaking its await
    EXPECT_EQ(doubled(), 1);
    EXPECT_EQ(begin(1, key("a"), 5s, at(3s), 2), at(4s));
    EXPECT_EQ(doubled(), 0);

    begin(2, key("b"), 1s, at(1s), 1);
    window_.end(2, 1, true, at(3s));
    event(key("b"), 5s);
    EXPECT_EQ(late(), 1);
    EXPECT_EQ(begin(2, key("b"), 6s, at(4s), 2), at(5s));
    EXPECT_EQ(late(), 0);
}

TEST_F(window_test, of_two_that_overtook_the_one_since_then_answers) {
    event(key("a"), 2s);
    event(key("a"), 5s);
    EXPECT_EQ(begin(1, key("a"), 6s, at(4s)), at(5s));
    EXPECT_EQ(doubled(), 0);
    EXPECT_EQ(window_.unclaimed(), 1U);
}

TEST_F(window_test, what_is_older_than_the_window_is_forgotten_and_counted) {
    event(key("a"), 1s);
    event(key("b"), 30s);
    begin(1, key("c"), 1s);
    begin(2, key("d"), 1s);
    event(key("d"), 2s);
    EXPECT_EQ(window_.remembered(), 4U);
    window_.forget_old(at(62s));
    EXPECT_EQ(window_.remembered(), 3U) << "d is 60 s old, and c is waited for";
    window_.forget_old(at(200s));
    EXPECT_EQ(window_.remembered(), 1U);
    EXPECT_EQ(window_.unclaimed(), 2U);
    EXPECT_EQ(window_.displaced(), 0U);
    EXPECT_EQ(begin(3, key("a"), 201s), std::nullopt);
    event(key("c"), 202s);
    EXPECT_EQ(answered_, (answers{{2, 1}, {1, 1}}));
    event(key("d"), 203s); // whether it doubles is not known any more
    EXPECT_EQ(doubled(), 0);
}

TEST_F(window_test, a_full_table_forgets_the_oldest_and_says_so) {
    for (std::uint32_t who = 0; who < 100; ++who) {
        begin(who, key("w" + std::to_string(who)), 1s);
    }
    for (int i = 0; i < 15; ++i) {
        event(key("e" + std::to_string(i)), 2s + i * 1ms);
    }
    EXPECT_EQ(window_.remembered(), 110U);
    EXPECT_EQ(window_.displaced(), 5U);
    EXPECT_EQ(window_.unclaimed(), 5U);
    event(key("w42"), 3s);
    EXPECT_EQ(answered_, (answers{{42, 1}}));
    EXPECT_EQ(begin(42, key("e4"), 4s, std::nullopt, 2), std::nullopt);
    EXPECT_EQ(begin(43, key("e14"), 4s, std::nullopt, 2), at(2s + 14ms)) << "a place that waits for something new";
    EXPECT_EQ(window_.remembered(), 110U);
}

TEST_F(window_test, a_worker_that_has_gone_is_waited_for_no_more) {
    begin(1, key("a"), 1s);
    window_.forget(1, at(2s));
    window_.forget(2, at(2s));
    event(key("a"), 3s);
    EXPECT_TRUE(answered_.empty());
    EXPECT_EQ(late(), 0);
}

/// Against a model with all the room of the world: unique values, any order, nothing forgotten.
TEST(await_window, counts_what_a_simple_model_counts) {
    random_source random(17);
    for (int round = 0; round < 50; ++round) {
        constexpr std::uint32_t values = 200;
        await_window window({.waiters = values, .entries = 4 * values, .keep = 1000s, .steps = 5});
        struct plan {
            nanoseconds when;
            int what; ///< 0: begins, 1: times out, 2: an event
            std::uint32_t value;
        };
        std::vector<plan> happens;
        std::int64_t answered = 0, missed = 0, doubled = 0, late = 0;
        for (std::uint32_t value = 0; value < values; ++value) {
            const nanoseconds begins(static_cast<std::int64_t>(random.unit() * 1e9));
            const auto times_out = begins + 500ms;
            happens.push_back({begins, 0, value});
            happens.push_back({times_out, 1, value});
            const auto events = static_cast<int>(random.unit() * 4);
            nanoseconds first = 1000s;
            for (int i = 0; i < events; ++i) {
                const nanoseconds when(static_cast<std::int64_t>(random.unit() * 2e9));
                happens.push_back({when, 2, value});
                first = std::min(first, when);
            }
            (events > 0 && first < times_out ? answered : missed) += 1;
            late += events > 0 && first >= times_out ? 1 : 0;
            doubled += std::max(events - 1, 0);
        }
        std::stable_sort(happens.begin(), happens.end(), [](auto& a, auto& b) { return a.when < b.when; });
        std::map<std::uint32_t, bool> waits;
        std::int64_t answers = 0;
        for (const auto& each : happens) {
            const auto of = key(std::to_string(each.value));
            if (each.what == 0) {
                const bool came = window.begin(each.value, {1, paid, std::nullopt}, of, at(each.when)).has_value();
                waits[each.value] = !came;
                answers += came ? 1 : 0;
            } else if (each.what == 1) {
                window.end(each.value, 1, true, at(each.when));
                missed -= std::exchange(waits[each.value], false) ? 1 : 0;
            } else {
                window.event_came(of, at(each.when), [&](std::uint32_t who, std::uint32_t, step_index) {
                    EXPECT_TRUE(std::exchange(waits[who], false));
                    ++answers;
                });
            }
        }
        EXPECT_EQ(answers, answered);
        EXPECT_EQ(missed, 0);
        EXPECT_EQ(window.counts()[paid].doubled, doubled);
        EXPECT_EQ(window.counts()[paid].late, late);
        EXPECT_EQ(window.displaced(), 0U);
    }
}

} // namespace
} // namespace cb::load
