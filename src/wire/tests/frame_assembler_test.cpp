// SPDX-License-Identifier: Apache-2.0
#include "wire/frame_assembler.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "wire/cursor.hpp"

namespace cb::wire {
namespace {

constexpr std::size_t bytes_max = 1'000'000;

/// Feeds `stream` in random portions and returns the frames.
std::vector<slice> cut(bytes_view stream, std::size_t lent_bytes, random_source& random) {
    frame_assembler assembler(10, bytes_max);
    std::vector<std::byte> lent(lent_bytes);
    std::vector<slice> frames;
    while (!stream.empty()) {
        const auto room = assembler.room(lent);
        const auto count = std::min({stream.size(), room.size(), 1 + random.below(room.size())});
        std::copy_n(stream.begin(), count, room.begin());
        stream = stream.subspan(count);
        EXPECT_TRUE(assembler.received(room.first(count)));
        while (auto frame = assembler.next()) {
            frames.push_back(*frame);
        }
    }
    EXPECT_EQ(assembler.bytes_held(), 0U);
    return frames;
}

TEST(frame_assembler, finds_the_same_frames_in_any_portions) {
    random_source random(5);
    for (int round = 0; round < 200; ++round) {
        std::vector<slice> sent;
        writer out;
        for (int i = 0; i < 20; ++i) {
            const auto size = 10 + random.below(random.below(10) == 0 ? 30'000 : 100);
            std::vector<std::byte> bytes(size);
            for (auto& byte : bytes) {
                byte = static_cast<std::byte>(random.below(256));
            }
            sent.push_back(slice::from(std::move(bytes)));
            out.i32(static_cast<std::int32_t>(size));
            out.bytes(sent.back().view());
        }
        const auto stream = out.take().flatten();
        EXPECT_EQ(cut(stream.view(), 16 + random.below(5000), random), sent) << "round " << round;
    }
}

TEST(frame_assembler, a_length_outside_the_bounds_is_an_error) {
    for (const std::int32_t length : {-1, 0, 9, 1'000'001, 0x7fffffff}) {
        frame_assembler assembler(10, bytes_max);
        writer out;
        out.i32(length);
        const auto bytes = out.take().flatten();
        const auto done = assembler.received(bytes.view());
        ASSERT_FALSE(done) << length;
        EXPECT_EQ(done.error().kind, errc::malformed);
    }
}

TEST(frame_assembler, an_announced_giant_takes_no_memory_until_it_comes) {
    frame_assembler assembler(10, bytes_max);
    writer out;
    out.i32(bytes_max);
    const auto bytes = out.take().flatten();
    ASSERT_TRUE(assembler.received(bytes.view()));
    EXPECT_LE(assembler.bytes_held(), 4096U);
}

} // namespace
} // namespace cb::wire
