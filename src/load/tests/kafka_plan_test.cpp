// SPDX-License-Identifier: Apache-2.0
// What Kafka's steps add to the check before a run.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "base/limits.hpp"
#include "load/load_plan.hpp"

namespace cb::load {
namespace {

machine_facts roomy_machine() {
    machine_facts out;
    out.cores = 4;
    out.memory_free_bytes = 64 * limits::gib;
    return out;
}

workload with(std::size_t messages, std::size_t awaits) {
    workload out;
    out.brokers = "k:1";
    out.users_max = 1000;
    program code;
    code.messages.resize(messages);
    code.awaits.resize(awaits);
    if (awaits > 0) {
        out.awaited.push_back({"t", {{awaited_field::place::key, ""}}});
    }
    out.programs.push_back(std::move(code));
    return out;
}

std::size_t memory_of(const workload& work) {
    const auto plan = plan_load(work, {}, roomy_machine(), 4);
    EXPECT_TRUE(plan) << plan.error();
    return plan ? plan->memory_bytes : 0;
}

std::string refusal(const workload& work, const machine_facts& machine = roomy_machine()) {
    const auto plan = plan_load(work, {}, machine, 4);
    return plan ? "" : plan.error();
}

TEST(kafka_plan, counts_producers_and_the_window_of_awaits) {
    const auto neither = memory_of(with(0, 0));
    const auto producing = memory_of(with(1, 0));
    const auto awaiting = memory_of(with(0, 1));
    EXPECT_GE(producing, neither + 4 * limits::mib);
    EXPECT_GE(awaiting, neither + limits::load_consumer_kib * limits::kib + limits::load_await_entries * 50);
    EXPECT_GT(memory_of(with(1, 1)), std::max(producing, awaiting));
    auto small = roomy_machine();
    small.memory_free_bytes = neither + 40 * limits::mib;
    EXPECT_EQ(refusal(with(0, 0), small), "");
    EXPECT_NE(refusal(with(0, 1), small).find("killed for memory"), std::string::npos);
}

TEST(kafka_plan, refuses_kafka_without_brokers_and_settings_that_exclude_each_other) {
    for (const auto& [messages, awaits] : {std::pair(1, 0), std::pair(0, 1)}) {
        auto work = with(static_cast<std::size_t>(messages), static_cast<std::size_t>(awaits));
        work.brokers.clear();
        EXPECT_EQ(refusal(work), "produce and await steps need Kafka, and no brokers are given");
    }
    auto work = with(1, 0);
    work.kafka_settings = {{"enable.idempotence", "true"}, {"acks", "1"}};
    EXPECT_NE(refusal(work).find("idempotence"), std::string::npos) << refusal(work);
    work = with(0, 1);
    work.kafka_settings = {{"security.protocol", "ssl"}, {"ssl.ca.location", "/nowhere/ca.pem"}};
    EXPECT_NE(refusal(work).find("ssl.ca.location"), std::string::npos) << refusal(work);
}

TEST(load_plan, machines_share_users_and_a_pool) {
    auto work = with(0, 0);
    work.targets.resize(1);
    const auto alone = plan_load(work, {}, roomy_machine(), 4);
    const auto third = plan_load(work, {}, roomy_machine(), 4, 3);
    ASSERT_TRUE(alone && third);
    EXPECT_EQ(third->machines, 3U);
    EXPECT_EQ(third->users_max, 334U);
    EXPECT_EQ(third->users_per_worker, 84U);
    EXPECT_EQ(third->connections_max, 334U);
    EXPECT_LT(third->memory_bytes, alone->memory_bytes);
    work.connections = connection_use::pool;
    work.pool_size = 7;
    EXPECT_EQ(plan_load(work, {}, roomy_machine(), 4, 3)->workers, 2U) << "each worker has a connection of its own";
    EXPECT_NE(plan_load(work, {}, roomy_machine(), 4, 8).error().find("cannot be shared by 8 machines"),
              std::string::npos);
}

} // namespace
} // namespace cb::load
