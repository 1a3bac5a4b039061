// SPDX-License-Identifier: Apache-2.0
#include "broker/fetch_sessions.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"

namespace cb::broker {
namespace {

fetch_partition named(const std::string& topic, std::int32_t partition) {
    fetch_partition out;
    out.topic = topic;
    out.partition = partition;
    return out;
}

TEST(fetch_session, finds_by_name_or_by_id_and_keeps_the_order_of_answers) {
    fetch_session session;
    protocol::uuid id;
    id.bytes[0] = std::byte{7};
    session.add(named("a", 0));
    session.add(named("a", 1));
    auto by_id = named("", 0);
    by_id.topic_id = id;
    session.add(by_id);
    EXPECT_EQ(session.find("a", {}, 1)->partition, 1);
    EXPECT_EQ(session.find("whatever it is called", id, 0)->topic_id, id);
    EXPECT_EQ(session.find("a", {}, 2), nullptr);
    EXPECT_EQ(session.find("b", {}, 0), nullptr);
    session.move_to_end("a", {}, 0);
    EXPECT_EQ(session.partitions().front().partition, 1);
    EXPECT_EQ(session.find("a", {}, 0), &session.partitions().back()) << "it is found where it went";
    session.remove("a", {}, 0);
    EXPECT_EQ(session.find("a", {}, 0), nullptr);
    EXPECT_EQ(session.partitions().size(), 2U);
}

TEST(fetch_session, with_every_partition_that_a_broker_can_have_does_not_walk_along_them) {
    fetch_session session;
    const auto count = static_cast<std::int32_t>(limits::partitions);
    for (std::int32_t i = 0; i < count; ++i) {
        session.add(named("t", i));
    }
    // Walking along the list takes 2,500,000,000 steps for this, a minute and more.
    for (int round = 0; round < 2; ++round) {
        for (std::int32_t i = 0; i < count; ++i) {
            auto* found = session.find("t", {}, i);
            ASSERT_NE(found, nullptr);
            EXPECT_EQ(found->partition, i);
        }
    }
}

} // namespace
} // namespace cb::broker
