// SPDX-License-Identifier: Apache-2.0
#include "broker/time_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/random.hpp"

namespace cb::broker {
namespace {

TEST(time_index, says_what_a_linear_search_says) {
    const auto* given = std::getenv("CB_SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
    SCOPED_TRACE("CB_SEED=" + std::to_string(seed));
    random_source random(seed);
    time_index index;
    std::deque<std::int64_t> plain;
    for (int round = 0; round < 20'000; ++round) {
        // Long stretches of growing and of shrinking, so that whole levels come and go.
        const bool grows = (round / 3000) % 2 == 0 ? random.below(10) < 8 : random.below(10) < 3;
        if (grows || plain.empty()) {
            const auto time = static_cast<std::int64_t>(random.below(5)) * 1000 - round;
            index.push_back(time);
            plain.push_back(time);
        } else {
            index.pop_front();
            plain.pop_front();
        }
        ASSERT_EQ(index.size(), plain.size());
        const auto wanted = static_cast<std::int64_t>(random.below(6)) * 1000 - round;
        const auto found = std::find_if(plain.begin(), plain.end(), [&](auto each) { return each >= wanted; });
        const auto answer = index.first_at_or_after(wanted);
        ASSERT_EQ(answer.has_value(), found != plain.end()) << "round " << round;
        if (answer) {
            ASSERT_EQ(static_cast<std::ptrdiff_t>(*answer), found - plain.begin()) << "round " << round;
        }
        const auto greatest = std::max_element(plain.begin(), plain.end());
        ASSERT_EQ(index.latest().has_value(), greatest != plain.end());
        if (greatest != plain.end()) {
            ASSERT_EQ(*index.latest(), *greatest) << "round " << round;
        }
    }
}

TEST(time_index, does_not_walk_along_the_log) {
    time_index index;
    constexpr int batches = 1'000'000;
    for (int i = 0; i < batches; ++i) {
        index.push_back(i);
    }
    // A linear search would take 10^11 steps here, minutes; the tree takes a few million.
    std::size_t sum = 0;
    for (int i = 0; i < 100'000; ++i) {
        sum += *index.first_at_or_after(batches - 1 - i % 1000) != 0 ? 1 : 0;
    }
    EXPECT_EQ(sum, 100'000U);
    EXPECT_FALSE(index.first_at_or_after(batches).has_value());
}

} // namespace
} // namespace cb::broker
