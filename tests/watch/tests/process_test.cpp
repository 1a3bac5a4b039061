// SPDX-License-Identifier: Apache-2.0
// Processes: who they are, how they end, what their children do.
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <set>

#include <sys/stat.h>
#include <unistd.h>

#include "support/running_broker.hpp"
#include "watch/support/watch_run.hpp"

namespace {

using namespace cb::tests;
using boost::json::object;

std::vector<std::string> words(const std::string& target) { return {target, "--every", "200ms"}; }

std::string pid_target(const child_process& program) { return "pid:" + std::to_string(program.pid()); }

TEST(process, a_normal_exit_has_its_code) {
    child_process program({known_use_program(), "--exit", "7"});
    watch_run watch(words(pid_target(program)));
    ASSERT_TRUE(watch.event("started"));
    program.signal(SIGTERM);
    EXPECT_EQ(program.wait(std::chrono::seconds(10)), 7);
    const auto ended = watch.event("ended");
    ASSERT_TRUE(ended);
    EXPECT_EQ(text_of(*ended, "cause"), "exited");
    EXPECT_EQ(number_of(*ended, "exit_code"), 7);
    EXPECT_EQ(text_of(*ended, "text"), "exited 7");
}

TEST(process, kill_9_by_hand_is_not_called_out_of_memory) {
    child_process program({known_use_program()});
    watch_run watch(words(pid_target(program)));
    ASSERT_TRUE(watch.event("started"));
    program.signal(SIGKILL);
    EXPECT_EQ(program.wait(std::chrono::seconds(10)), 137);
    const auto ended = watch.event("ended");
    ASSERT_TRUE(ended);
    EXPECT_EQ(text_of(*ended, "cause"), "signalled");
    EXPECT_EQ(text_of(*ended, "text"), "killed (137), cause unknown");
}

TEST(process, a_crash_has_its_signal) {
    child_process program({known_use_program(), "--die", "11"});
    watch_run watch(words(pid_target(program)));
    ASSERT_TRUE(watch.event("started"));
    program.signal(SIGTERM);
    EXPECT_EQ(program.wait(std::chrono::seconds(10)), 139);
    const auto ended = watch.event("ended");
    ASSERT_TRUE(ended);
    EXPECT_EQ(text_of(*ended, "text"), "ended by SIGSEGV (139)");
}

TEST(process, a_restart_is_a_new_instance_of_the_same_service) {
    const auto service = "looper-" + std::to_string(::getpid());
    watch_run watch(words("service:" + service));
    ASSERT_TRUE(watch.event("notice")); // nothing there yet
    child_process loop({"sh", "-c",
                        "for i in 1 2 3; do CHAOSBROKER_SERVICE=" + service + " " + known_use_program() +
                            " --cpu 0.2 --seconds 0.9 --exit 3; done"});
    EXPECT_EQ(loop.wait(std::chrono::seconds(20)), 3);
    ASSERT_TRUE(watch.wait_for([&](const object& line) {
        return text_of(line, "type") == "service" && text_of(line, "service") == service &&
               number_of(line, "ended") == 3;
    })) << watch.story();
    const auto starts = watch.all([](const object& line) { return text_of(line, "type") == "started"; });
    ASSERT_EQ(starts.size(), 3U);
    std::set<std::string> identities;
    for (const auto& each : starts) {
        identities.insert(text_of(each, "identity"));
    }
    EXPECT_EQ(identities.size(), 3U);
    EXPECT_EQ(text_of(starts.back(), "text"), "restart 2 of " + service);
    for (const auto& each : watch.all([](const object& line) { return text_of(line, "type") == "ended"; })) {
        EXPECT_EQ(text_of(each, "text"), "exited 3");
    }
    // A series never jumps back or on: within an identity the counter only grows, and each begins near nothing.
    std::map<std::string, double> last;
    for (const auto& each : watch.samples(service)) {
        const auto cpu = number_in(each, "totals", "cpu_seconds");
        auto& before = last[text_of(each, "identity")];
        EXPECT_GE(cpu, before);
        before = cpu;
    }
    EXPECT_EQ(last.size(), 3U);
}

TEST(process, children_belong_to_their_instance_and_nothing_counts_twice) {
    child_process program({known_use_program(), "--cpu", "0.2", "--child-cpu", "0.3", "--hold", "40"});
    watch_run watch(words(pid_target(program)));
    const auto service = pid_target(program);
    // Ten children and more have come and gone by then.
    ASSERT_TRUE(program.wait_for_line([](const std::string& line) { return line.find("\"age_s\":4.") != line.npos; }));
    program.signal(SIGTERM);
    ASSERT_EQ(program.wait(std::chrono::seconds(10)), 0);
    ASSERT_TRUE(watch.event("ended"));
    const auto samples = watch.samples(service);
    ASSERT_GT(samples.size(), 10U);
    double most_processes = 0;
    for (const auto& each : samples) {
        most_processes = std::max(most_processes, number_in(each, "figures", "processes"));
    }
    EXPECT_EQ(most_processes, 2);
    // Its own accounting at the moment of a sample lies between the reports around it, and lacks only the child that
    // is not waited for yet (at most 0.3 cores for 0.3 s).
    const auto truth = truth_of(program);
    const auto total = number_in(samples.back(), "totals", "cpu_seconds");
    EXPECT_LE(total, number_of(truth.back(), "cpu_s") + 0.15);
    EXPECT_GE(total, number_of(truth[truth.size() - 3], "cpu_s") * 0.95);
}

TEST(process, matching_children_are_no_instances_and_we_are_none_either) {
    // A child of it has the same command line.
    const auto mark = "3600." + std::to_string(::getpid());
    child_process parent({known_use_program(), "--child-cpu", "0.1", "--seconds", mark});
    ASSERT_TRUE(parent.wait_for_line([](const std::string& line) { return line.starts_with("ready"); }));
    watch_run watch(words("process:known_use.*" + mark));
    ASSERT_TRUE(watch.wait_for([&](const object& line) {
        return text_of(line, "type") == "sample" && number_in(line, "figures", "processes") == 2;
    })) << watch.story();
    EXPECT_EQ(watch.all([](const object& line) { return text_of(line, "type") == "started"; }).size(), 1U);
}

TEST(process, open_files_are_counted_against_their_limit) {
    child_process program({known_use_program(), "--files", "300"});
    ASSERT_TRUE(program.wait_for_line([](const std::string& line) { return line.starts_with("ready"); }));
    watch_run watch(words(pid_target(program)));
    const auto sample = watch.event("sample");
    ASSERT_TRUE(sample);
    // Its three standard ones and what the test's own process left open besides.
    const auto files = number_in(*sample, "figures", "open_files");
    EXPECT_GE(files, 303);
    EXPECT_LT(files, 340);
    EXPECT_EQ(number_in(*sample, "figures", "open_files_fullest"), files);
    EXPECT_GT(number_in(*sample, "figures", "open_files_limit"), 300);
}

TEST(process, what_may_not_be_read_is_said_once_and_the_rest_is_shown) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can become somebody else: skipped";
    }
    child_process program({known_use_program(), "--cpu", "0.2"});
    watch_run watch(words(pid_target(program)), {},
                    {"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"});
    std::size_t seen = 0;
    ASSERT_TRUE(watch.wait_for([&](const object& line) { return text_of(line, "type") == "sample" && ++seen == 5; }))
        << watch.story();
    const auto denied = watch.all(
        [](const object& line) { return text_of(line, "text").find("permission denied") != std::string::npos; });
    ASSERT_EQ(denied.size(), 1U);
    const auto samples = watch.samples(pid_target(program));
    EXPECT_FALSE(std::isnan(number_in(samples.back(), "figures", "cpu_cores")));
    EXPECT_TRUE(std::isnan(number_in(samples.back(), "figures", "open_files")));
}

TEST(command, refuses_what_is_no_target_in_one_sentence) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> wrong{
        {{"billing"}, "billing: not a target; write self, pid:N"},
        {{"pid:abc"}, "pid:abc: not a process number"},
        {{"pod:shop/billing"}, "pod:shop/billing: pods are reserved for a later version"},
        {{"process:("}, "process:(: not an extended regular expression"},
        {{}, "watch what?"},
        {{"self", "--every", "1ms"}, "--every 1ms: write a duration from 100ms to 1h"},
        {{"--targets", "/nowhere/targets.yaml"}, "--targets /nowhere/targets.yaml: cannot be read"},
    };
    for (const auto& [arguments, sentence] : wrong) {
        std::vector<std::string> command{chaosbroker_program(), "watch"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        child_process program(command);
        EXPECT_EQ(program.wait(std::chrono::seconds(10)), 2) << sentence;
        EXPECT_NE(program.output().find(sentence), std::string::npos) << program.output();
    }
}

TEST(command, prints_plain_lines_where_there_is_no_terminal) {
    child_process program({chaosbroker_program(), "watch", "self", "--every", "200ms", "--for", "1s"});
    EXPECT_EQ(program.wait(std::chrono::seconds(20)), 0);
    EXPECT_NE(program.output().find("  self  pid " + std::to_string(program.pid()) + "  cpu "), std::string::npos)
        << program.output();
    EXPECT_EQ(program.output().find('\x1b'), std::string::npos);
}

TEST(command, ends_at_a_signal) {
    child_process program({chaosbroker_program(), "watch", "self"});
    ASSERT_TRUE(program.wait_for_line([](const std::string& line) { return line.find("started") != line.npos; }));
    program.signal(SIGINT);
    EXPECT_EQ(program.wait(std::chrono::seconds(10)), 0);
}

TEST(command, serves_its_figures_to_prometheus) {
    child_process program(
        {chaosbroker_program(), "watch", "self", "--every", "200ms", "--json", "--metrics", "127.0.0.1:0"});
    const auto line = program.wait_for_line(
        [](const std::string& each) { return each.find("\"event\":\"metrics\"") != std::string::npos; });
    ASSERT_TRUE(line);
    const auto port = line->substr(line->find("\"port\":") + 7);
    std::size_t samples = 0;
    ASSERT_TRUE(program.wait_for_line(
        [&](const std::string& each) { return each.find("\"sample\"") != std::string::npos && ++samples == 2; }));
    child_process curl(
        {"curl", "-s", "http://127.0.0.1:" + port.substr(0, port.find_first_not_of("0123456789")) + "/metrics"});
    ASSERT_EQ(curl.wait(std::chrono::seconds(10)), 0);
    const auto page = curl.output();
    const auto labels = "{service=\"self\",replica=\"pid " + std::to_string(program.pid()) + "\",kind=\"process\"} ";
    EXPECT_NE(page.find("chaosbroker_watch_cpu_seconds_total" + labels), std::string::npos) << page;
    EXPECT_NE(page.find("chaosbroker_service_replicas{service=\"self\"} 1\n"), std::string::npos) << page;
    EXPECT_NE(page.find("chaosbroker_host_cores "), std::string::npos) << page;
}

} // namespace
