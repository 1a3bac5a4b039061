// SPDX-License-Identifier: Apache-2.0
// Cgroups of the kernel that runs here: limits that are met, quotas that hold back.
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>

#include "watch/support/watch_run.hpp"

namespace {

using namespace cb::tests;
using boost::json::object;

constexpr std::size_t mib = 1024 * 1024;

class cgroups : public testing::Test {
protected:
    void SetUp() override {
        const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
        group_ = test_group::make(name);
        if (!group_) {
            GTEST_SKIP() << "no cgroup can be made here: skipped";
        }
    }
    [[nodiscard]] std::vector<std::string> words() const { return {"cgroup:" + group_->name(), "--every", "200ms"}; }
    [[nodiscard]] std::vector<std::string> program(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), known_use_program());
        return group_->inside(arguments);
    }

    std::unique_ptr<test_group> group_;
};

TEST_F(cgroups, the_limit_kills_the_only_process_and_that_is_proven) {
    group_->limit_memory(40 * mib);
    watch_run watch(words());
    ASSERT_TRUE(watch.event("notice")); // empty yet
    child_process victim(program({"--hold", "10", "--grow", "20"}));
    ASSERT_TRUE(watch.event("started"));
    EXPECT_EQ(victim.wait(std::chrono::seconds(20)), 137);
    const auto ended = watch.event("ended");
    ASSERT_TRUE(ended) << watch.story();
    EXPECT_EQ(text_of(*ended, "cause"), "out of memory");
    EXPECT_EQ(number_of(*ended, "exit_code"), 137);
    EXPECT_TRUE(text_of(*ended, "text").starts_with("killed (137), out of memory: ")) << text_of(*ended, "text");
    EXPECT_FALSE(text_of(*ended, "evidence").empty());
    const auto service = watch.wait_for(
        [](const object& line) { return text_of(line, "type") == "service" && number_of(line, "oom_kills") > 0; });
    ASSERT_TRUE(service);
    EXPECT_EQ(number_of(*service, "oom_kills"), 1);
    EXPECT_EQ(number_of(*service, "replicas"), 0);
}

TEST_F(cgroups, a_process_target_inside_a_limited_group_is_proven_as_well) {
    group_->limit_memory(40 * mib);
    child_process victim(program({"--hold", "10", "--grow", "15"}));
    ASSERT_TRUE(victim.wait_for_line([](const std::string& line) { return line.starts_with("ready"); }));
    watch_run watch({"pid:" + std::to_string(victim.pid()), "--every", "200ms"});
    EXPECT_EQ(victim.wait(std::chrono::seconds(20)), 137);
    const auto ended = watch.event("ended");
    ASSERT_TRUE(ended) << watch.story();
    EXPECT_EQ(text_of(*ended, "cause"), "out of memory") << text_of(*ended, "text");
}

TEST_F(cgroups, a_child_killed_for_memory_is_seen_while_its_parent_lives) {
    group_->limit_memory(40 * mib);
    watch_run watch(words());
    child_process parent(program({"--hold", "5", "--child-hold", "100"}));
    const auto killed = watch.event("child_killed");
    ASSERT_TRUE(killed) << watch.story();
    EXPECT_EQ(text_of(*killed, "cause"), "out of memory") << text_of(*killed, "text");
    EXPECT_NE(number_of(*killed, "pid"), parent.pid());
    parent.signal(SIGTERM);
    EXPECT_EQ(parent.wait(std::chrono::seconds(10)), 0);
    const auto ended = watch.event("ended");
    ASSERT_TRUE(ended);
    EXPECT_EQ(text_of(*ended, "cause"), "exited") << text_of(*ended, "text");
    EXPECT_EQ(number_of(*ended, "exit_code"), 0);
    EXPECT_EQ(watch.all([](const object& line) { return text_of(line, "type") == "child_killed"; }).size(), 1U);
}

TEST_F(cgroups, kill_9_in_a_limited_group_is_not_called_out_of_memory) {
    group_->limit_memory(60 * mib);
    child_process program_inside(program({"--hold", "10"}));
    ASSERT_TRUE(program_inside.wait_for_line([](const std::string& line) { return line.starts_with("ready"); }));
    watch_run watch(words());
    ASSERT_TRUE(watch.event("started"));
    program_inside.signal(SIGKILL);
    EXPECT_EQ(program_inside.wait(std::chrono::seconds(10)), 137);
    const auto ended = watch.event("ended");
    ASSERT_TRUE(ended);
    EXPECT_EQ(text_of(*ended, "text"), "killed (137), cause unknown");
}

TEST_F(cgroups, a_kill_by_hand_after_a_childs_oom_kill_is_not_called_out_of_memory) {
    group_->limit_memory(40 * mib);
    watch_run watch(words());
    child_process parent(program({"--hold", "5", "--child-hold", "100"}));
    ASSERT_TRUE(watch.event("child_killed")) << watch.story();
    parent.signal(SIGKILL);
    EXPECT_EQ(parent.wait(std::chrono::seconds(10)), 137);
    const auto ended = watch.event("ended");
    ASSERT_TRUE(ended);
    EXPECT_EQ(text_of(*ended, "text"), "killed (137), cause unknown");
}

TEST_F(cgroups, a_quota_that_holds_back_shows_as_throttled) {
    group_->limit_cpu(20'000, 100'000);
    child_process burner(program({"--cpu", "0.9"}));
    ASSERT_TRUE(burner.wait_for_line([](const std::string& line) { return line.starts_with("ready"); }));
    watch_run watch(words());
    const auto sample = watch.wait_for([](const object& line) {
        return text_of(line, "type") == "sample" && number_in(line, "figures", "cpu_throttled_periods_per_second") > 0;
    });
    ASSERT_TRUE(sample) << watch.story();
    EXPECT_DOUBLE_EQ(number_in(*sample, "figures", "cpu_limit_cores"), 0.2);
    EXPECT_GT(number_in(*sample, "figures", "cpu_throttled_share"), 0);
    // The quota is the kernel's own bound: over seconds no more than it can be used.
    std::size_t samples = 0;
    ASSERT_TRUE(
        watch.wait_for([&](const object& line) { return text_of(line, "type") == "sample" && ++samples == 12; }));
    const auto all = watch.samples(group_->name());
    double elapsed = 0;
    for (std::size_t i = 1; i < all.size(); ++i) {
        elapsed += number_of(all[i], "interval_s");
    }
    const auto used = number_in(all.back(), "totals", "cpu_seconds") - number_in(all.front(), "totals", "cpu_seconds");
    EXPECT_LT(used, 0.2 * elapsed + 0.05);
    EXPECT_GT(used, 0);
}

TEST_F(cgroups, memory_is_told_with_its_limit_and_a_forecast_when_it_grows) {
    group_->limit_memory(400 * mib);
    child_process grower(program({"--hold", "20", "--grow", "10"}));
    ASSERT_TRUE(grower.wait_for_line([](const std::string& line) { return line.starts_with("ready"); }));
    watch_run watch(words());
    const auto sample = watch.wait_for(
        [](const object& line) { return text_of(line, "type") == "sample" && line.contains("memory_limit_in_s"); });
    ASSERT_TRUE(sample) << watch.story();
    EXPECT_DOUBLE_EQ(number_in(*sample, "figures", "memory_limit_bytes"), 400.0 * mib);
    EXPECT_GE(number_in(*sample, "figures", "memory_peak_bytes"), number_in(*sample, "figures", "memory_bytes"));
    // It takes 10 MiB a second by its own clock: what is left over that, give or take how evenly it was let run.
    const auto left = 400.0 * mib - number_in(*sample, "figures", "working_set_bytes");
    EXPECT_NEAR(number_of(*sample, "memory_limit_in_s"), left / (10.0 * mib), 0.5 * left / (10.0 * mib));
}

TEST_F(cgroups, a_group_made_anew_is_another_instance) {
    const auto name = group_->name();
    watch_run watch(words());
    std::string first;
    {
        child_process program_inside(program({}));
        const auto started = watch.event("started");
        ASSERT_TRUE(started);
        first = text_of(*started, "identity");
    }
    ASSERT_TRUE(watch.event("ended"));
    group_->remove();
    group_ = test_group::make(testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_TRUE(group_);
    ASSERT_EQ(group_->name(), name);
    child_process program_inside(program({}));
    ASSERT_TRUE(watch.wait_for([&](const object& line) {
        return text_of(line, "type") == "started" && text_of(line, "identity") != first;
    })) << watch.story();
}

} // namespace
