// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/assert.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/strong_id.hpp"

namespace cb {
namespace {

TEST(random, is_the_same_everywhere_and_for_ever) {
    // Fault decisions rest on these numbers: a change here changes everybody's victims.
    EXPECT_EQ(mix64(0), 0xe220a8397b1dcdafU);
    random_source source(7);
    EXPECT_EQ(source.next(), 0x63cbe1e459320dd7U);
}

TEST(random, the_hash_of_text_is_xxh64) {
    EXPECT_EQ(stable_hash(""), 0xef46db3751d8e999U);
    EXPECT_EQ(stable_hash("a"), 0xd24ec4f1a98c6e5bU);
    EXPECT_EQ(stable_hash("abc"), 0x44bc2cf5ad770999U);
    EXPECT_EQ(stable_hash("Nobody inspects the spammish repetition"), 0xfbcea83c8a378bf1U);
    EXPECT_NE(stable_hash("a", 1), stable_hash("a", 2));
}

TEST(random, below_is_even) {
    random_source source(11);
    std::array<int, 10> seen{};
    for (int i = 0; i < 100'000; ++i) {
        ++seen[source.below(seen.size())];
    }
    for (const int count : seen) {
        EXPECT_NEAR(count, 10'000, 500);
    }
}

TEST(manual_clock, goes_on_only_when_told) {
    manual_clock clock;
    const auto start = clock.now();
    const auto wall = clock.wall_ms();
    clock.advance(std::chrono::microseconds(1500));
    clock.advance(std::chrono::microseconds(500));
    EXPECT_EQ(clock.now() - start, milliseconds(2));
    EXPECT_EQ(clock.wall_ms() - wall, 2);
}

TEST(assertion, stays_on_in_release) { EXPECT_DEATH(CB_ASSERT(1 == 2), "broken invariant: 1 == 2"); }

TEST(strong_id, compares_by_value) {
    EXPECT_EQ(connection_id(4), connection_id(4));
    EXPECT_LT(connection_id(4), connection_id(5));
}

} // namespace
} // namespace cb
