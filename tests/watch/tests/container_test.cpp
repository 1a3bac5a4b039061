// SPDX-License-Identifier: Apache-2.0
// Real containers: Podman from Debian, an image of nothing but known_use, and the engine's API over its socket.
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <cstdlib>

#include "watch/support/podman.hpp"
#include "watch/support/watch_run.hpp"

namespace {

using namespace cb::tests;
using boost::json::object;

constexpr double mib = 1024 * 1024;

class containers : public testing::Test {
protected:
    static void SetUpTestSuite() { engine_ = podman::make(); }
    static void TearDownTestSuite() { engine_.reset(); }

    void SetUp() override {
        if (!engine_) {
            GTEST_SKIP() << "podman is not installed: skipped";
        }
        if (!engine_->problem().empty()) {
            GTEST_SKIP() << "podman cannot run a container here: skipped\n" << engine_->problem();
        }
    }
    void TearDown() override {
        if (engine_ && engine_->problem().empty()) {
            engine_->remove_containers();
        }
    }
    static void start(const std::string& name, const std::vector<std::string>& options,
                      const std::vector<std::string>& arguments) {
        const auto started = engine_->start(name, options, arguments);
        ASSERT_EQ(started.code, 0) << started.output;
    }

    static inline std::unique_ptr<podman> engine_;
};

TEST_F(containers, their_figures_are_those_of_their_cgroup_and_their_exit_has_its_code) {
    start("holder", {"--memory", "200m"}, {"--hold", "60", "--files", "50", "--cpu", "0.1", "--exit", "5"});
    watch_run looking({"container:holder", "--every", "250ms"}, engine_->environment());
    const auto started = looking.event("started");
    ASSERT_TRUE(started) << looking.story();
    EXPECT_EQ(text_of(*started, "kind"), "container");
    EXPECT_EQ(text_of(*started, "instance"), "holder");
    const auto sample = looking.wait_for([](const object& line) {
        return text_of(line, "type") == "sample" && number_in(line, "figures", "working_set_bytes") > 60 * mib &&
               number_in(line, "figures", "cpu_cores") > 0;
    });
    ASSERT_TRUE(sample) << looking.story();
    EXPECT_LT(number_in(*sample, "figures", "working_set_bytes"), 70 * mib);
    EXPECT_EQ(number_in(*sample, "figures", "memory_limit_bytes"), 200 * mib);
    EXPECT_EQ(number_in(*sample, "figures", "processes"), 1);
    EXPECT_GE(number_in(*sample, "figures", "open_files"), 50);
    engine_->run({"stop", "--time", "10", "holder"});
    const auto ended = looking.event("ended");
    ASSERT_TRUE(ended);
    EXPECT_EQ(text_of(*ended, "text"), "exited 5") << looking.story();
}

TEST_F(containers, the_limit_kills_and_that_is_proven) {
    watch_run looking({"container:victim", "--every", "250ms"}, engine_->environment());
    ASSERT_TRUE(looking.event("notice"));
    start("victim", {"--memory", "30m"}, {"--hold", "5", "--grow", "10"});
    const auto ended = looking.event("ended");
    ASSERT_TRUE(ended) << looking.story();
    EXPECT_EQ(text_of(*ended, "cause"), "out of memory") << looking.story();
    EXPECT_EQ(number_of(*ended, "exit_code"), 137);
}

TEST_F(containers, a_child_killed_for_memory_is_seen_while_the_container_runs) {
    watch_run looking({"container:parent", "--every", "250ms"}, engine_->environment());
    ASSERT_TRUE(looking.event("notice"));
    start("parent", {"--memory", "30m"}, {"--hold", "5", "--child-hold", "100"});
    const auto killed = looking.event("child_killed");
    ASSERT_TRUE(killed) << looking.story();
    EXPECT_EQ(text_of(*killed, "cause"), "out of memory");
    EXPECT_TRUE(looking.wait_for([](const object& line) { return text_of(line, "type") == "sample"; }));
    EXPECT_TRUE(looking.all([](const object& line) { return text_of(line, "type") == "ended"; }).empty());
}

TEST_F(containers, a_kill_by_hand_is_not_called_out_of_memory) {
    start("killed", {"--memory", "100m"}, {"--hold", "5"});
    watch_run looking({"container:killed", "--every", "250ms"}, engine_->environment());
    ASSERT_TRUE(looking.event("started"));
    engine_->run({"kill", "--signal", "KILL", "killed"});
    const auto ended = looking.event("ended");
    ASSERT_TRUE(ended);
    EXPECT_EQ(text_of(*ended, "text"), "killed (137), cause unknown");
}

TEST_F(containers, compose_labels_name_services_and_a_restart_is_a_new_instance) {
    const std::vector<std::string> billing{"--label", "com.docker.compose.project=shop", "--label",
                                           "com.docker.compose.service=billing"};
    start("shop-billing-1", billing, {});
    start("shop-billing-2", billing, {});
    start("shop-search-1",
          {"--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=search"}, {});
    start("other", {"--label", "com.docker.compose.project=another"}, {});
    watch_run looking({"compose:shop", "--every", "250ms"}, engine_->environment());
    ASSERT_TRUE(looking.wait_for([](const object& line) {
        return text_of(line, "type") == "service" && text_of(line, "service") == "billing" &&
               number_of(line, "replicas") == 2;
    })) << looking.story();
    EXPECT_EQ(looking.all([](const object& line) { return text_of(line, "type") == "started"; }).size(), 3U);
    const auto restarted = engine_->run({"restart", "--time", "2", "shop-billing-2"});
    ASSERT_EQ(restarted.code, 0) << restarted.output;
    const auto again = looking.wait_for([](const object& line) {
        return text_of(line, "type") == "started" && text_of(line, "text") == "restart 1 of billing";
    });
    ASSERT_TRUE(again) << looking.story();
    EXPECT_EQ(text_of(*again, "instance"), "shop-billing-2");
}

TEST_F(containers, a_service_is_the_environments_word_before_the_labels) {
    start("one", {"--env", "CHAOSBROKER_SERVICE=ledger", "--label", "app.kubernetes.io/name=other"}, {});
    start("two", {"--label", "app.kubernetes.io/name=ledger"}, {});
    start("three", {"--label", "com.docker.compose.service=else", "--label", "app.kubernetes.io/name=ledger"}, {});
    watch_run looking({"service:ledger", "--every", "250ms"}, engine_->environment());
    ASSERT_TRUE(looking.wait_for([](const object& line) {
        return text_of(line, "type") == "service" && number_of(line, "replicas") == 2;
    })) << looking.story();
    // The processes of `one` carry the word as well: they are the container, not a replica more.
    std::size_t looks = 0;
    ASSERT_TRUE(
        looking.wait_for([&](const object& line) { return text_of(line, "type") == "service" && ++looks == 8; }));
    for (const auto& each : looking.all([](const object& line) { return text_of(line, "type") == "service"; })) {
        EXPECT_LE(number_of(each, "replicas"), 2);
    }
}

TEST_F(containers, a_dead_engine_is_said_once_and_watching_goes_on) {
    start("stays", {}, {"--cpu", "0.1"});
    watch_run looking({"container:stays", "--every", "250ms"}, engine_->environment());
    ASSERT_TRUE(looking.event("started"));
    engine_->stop_serving();
    const auto dead = [](const object& line) {
        return text_of(line, "text").find("no container engine answers") != std::string::npos;
    };
    ASSERT_TRUE(looking.wait_for(dead)) << looking.story();
    std::size_t samples = looking.samples("stays").size() + 8;
    std::size_t seen = 0;
    ASSERT_TRUE(looking.wait_for([&](const object& line) {
        return text_of(line, "type") == "sample" && ++seen == samples;
    })) << looking.story();
    EXPECT_EQ(looking.all(dead).size(), 1U);
    engine_->serve();
    ASSERT_TRUE(looking.wait_for([](const object& line) {
        return text_of(line, "text").find("the container engine answers again") != std::string::npos;
    })) << looking.story();
}

} // namespace
