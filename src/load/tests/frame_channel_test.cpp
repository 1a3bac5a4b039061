// SPDX-License-Identifier: Apache-2.0
#include "load/frame_channel.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <vector>

namespace cb::load {
namespace {

class channel_test : public ::testing::Test {
protected:
    channel_test() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        one_ = frame_channel(ends[0]);
        other_ = frame_channel(ends[1]);
    }
    bool take() {
        return other_.receive([this](std::string_view frame) { frames_.emplace_back(frame); });
    }
    frame_channel one_, other_;
    std::vector<std::string> frames_;
};

TEST_F(channel_test, frames_come_whole_and_in_order) {
    EXPECT_TRUE(one_.send("a"));
    EXPECT_TRUE(one_.send(""));
    EXPECT_TRUE(one_.post("bc"));
    EXPECT_TRUE(take());
    EXPECT_EQ(frames_, (std::vector<std::string>{"a", "", "bc"}));
    EXPECT_TRUE(take());
    EXPECT_EQ(frames_.size(), 3U);
}

TEST_F(channel_test, a_post_does_not_wait_for_who_does_not_read) {
    const std::string large(3'000'000, 'x');
    EXPECT_TRUE(one_.post(large));
    EXPECT_TRUE(one_.has_unsent());
    EXPECT_TRUE(one_.post("behind"));
    for (int turns = 0; one_.has_unsent(); ++turns) {
        ASSERT_LT(turns, 1000);
        EXPECT_TRUE(take());
        EXPECT_TRUE(one_.flush());
    }
    EXPECT_TRUE(take());
    EXPECT_EQ(frames_, (std::vector<std::string>{large, "behind"}));
}

TEST_F(channel_test, an_end_that_has_gone_is_noticed) {
    other_.close();
    EXPECT_FALSE(one_.post("a"));
    EXPECT_FALSE(one_.receive([](std::string_view) {}));
}

TEST_F(channel_test, a_length_beyond_any_report_ends_it) {
    const std::uint32_t size = 0xffffffff;
    EXPECT_EQ(::send(one_.descriptor(), &size, sizeof(size), 0), static_cast<ssize_t>(sizeof(size)));
    EXPECT_FALSE(take());
    EXPECT_TRUE(frames_.empty());
}

} // namespace
} // namespace cb::load
