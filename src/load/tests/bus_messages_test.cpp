// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "load/bus_messages.hpp"
#include "load/bus_relay.hpp"

namespace cb::load {
namespace {

using namespace std::chrono_literals;

TEST(bus_messages, come_back_as_they_were_and_are_refused_when_cut) {
    const scenario_message scenario{"a.yaml", "format: 1\n", 77, 3, {"host"}};
    const auto bytes = encode(scenario);
    const auto back = decode_scenario(bytes);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->text, scenario.text);
    EXPECT_EQ(back->seed, 77U);
    EXPECT_EQ(back->allowed_targets, scenario.allowed_targets);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(decode_scenario(std::string_view(bytes).substr(0, size)));
    }

    machine_state_message state;
    state.cpu_ns = 9;
    state.memory_bytes = {1, 2};
    state.listening.emplace();
    state.listening->counts = {{1, 2}, {-3, 4}};
    state.listening->events = 5;
    state.listening->last_error = "gone\nfor now";
    const auto told = decode_machine_state(encode(state), 2);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->memory_bytes, state.memory_bytes);
    ASSERT_EQ(told->listening->counts.size(), 2U);
    EXPECT_EQ(told->listening->counts[1].doubled, -3);
    EXPECT_EQ(told->listening->last_error, "gone for now") << "what others say stays on one line";
    EXPECT_FALSE(decode_machine_state(encode(state), 3));

    EXPECT_TRUE(decode_heartbeat(encode(heartbeat_message{"1", "a", "t", 3, heartbeat_message::stage::running})));
    EXPECT_TRUE(decode_accepted(encode(accepted_message{1, 2})));
    EXPECT_FALSE(decode_accepted(encode(accepted_message{2, 2}))) << "there is no third of two";
    EXPECT_FALSE(decode_prepared(encode(prepared_message{}))) << "a machine without workers";
    EXPECT_EQ(decode_sentence(encode(sentence_message{"a\tb"})), "a b");
    EXPECT_EQ(decode_sentence("xy"), "");
    const std::string frame = encode_frame(bus_kind::order, "body");
    EXPECT_EQ(decode_frame(frame).first, bus_kind::order);
    EXPECT_EQ(decode_frame(frame).second, "body");
}

TEST(clock_comparison, keeps_the_answer_that_came_fastest) {
    clock_comparison clock;
    EXPECT_FALSE(clock.known());
    const mono_time here(1000s);
    const nanoseconds ahead = 3600s; // the other's clock
    // A slow answer that waited on its way back: wrong by half of that.
    clock.add(here, here + ahead + 1ms, here + 100ms);
    EXPECT_EQ(clock.wrong_by_at_most(), 50ms);
    // A fast one.
    clock.add(here + 1s, here + 1s + ahead + 1ms, here + 1s + 2ms);
    EXPECT_EQ(clock.here(here + ahead + 10s), here + 10s);
    // A slow one does not spoil it,
    clock.add(here + 2s, here + 2s + ahead, here + 2s + 80ms);
    EXPECT_EQ(clock.here(here + ahead + 10s), here + 10s);
    // until the fast one is old: clocks drift.
    clock.add(here + 20s, here + 20s + ahead + 4ms, here + 20s + 8ms);
    EXPECT_EQ(clock.wrong_by_at_most(), 4ms);
    EXPECT_EQ(clock.answers(), 4U);
}

} // namespace
} // namespace cb::load
