// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <fstream>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiment_folder.hpp"
#include "support/running_broker.hpp"

namespace cb::tests {

using runstore::outcome;
using testing::HasSubstr;

namespace {

const char* three_phases = R"(timeline:
  - {phase: warm-up, for: 1s}
  - {phase: quiet, for: 3s}
  - {phase: losses, for: 3s, rules: [{name: lose, intercept: produce, where: {topic: events}, chance: 50%, do: delete}]}
  - {phase: after, for: 4s}
)";

const runstore::check_result* check_named(const report::run_summary& run, const std::string& name) {
    const auto found =
        std::find_if(run.checks.begin(), run.checks.end(), [&](const auto& each) { return each.name == name; });
    return found != run.checks.end() ? &*found : nullptr;
}

/// Waits for a line of what the experiment says of itself.
bool wait_for(child_process& program, const std::string& text) {
    return program.wait_for_line([&](const std::string& line) { return line.find(text) != std::string::npos; })
        .has_value();
}

pid_t pid_in(const std::filesystem::path& file) {
    std::ifstream in(file);
    pid_t pid = 0;
    in >> pid;
    return pid;
}

} // namespace

TEST(run_command, carries_out_an_experiment_and_says_what_it_found) {
    experiment_folder folder;
    folder.write(std::string("hypothesis: Telling never fails.\n") + three_phases + R"(checks:
  - {errors: "< 1%"}
  - {latency: {step: tell, p99: "< 5s"}, phases: [losses]}
  - {audit: {name: the books, command: [sh, -c, "echo '{\"lost\": 0, \"kind\": \"all\"}'"]}, expect: {lost: 0, kind: "all"}}
)");
    const auto done = folder.carry_out();
    EXPECT_EQ(done.exit_code, 0) << done.output;
    const auto run = folder.summary();
    ASSERT_TRUE(run.facts.verdict);
    EXPECT_EQ(run.facts.verdict->value, outcome::passed);
    EXPECT_EQ(run.facts.about.kind, "experiment");
    EXPECT_EQ(run.facts.about.hypothesis, "Telling never fails.");
    ASSERT_EQ(run.phases.size(), 4U);
    EXPECT_FALSE(run.phases[0].phase.judged);
    EXPECT_EQ(run.phases[2].phase.name, "losses");
    EXPECT_NEAR(static_cast<double>(run.phases[2].phase.start_at_ms), 4000, 500);
    ASSERT_EQ(run.rules.size(), 1U);
    EXPECT_EQ(run.rules[0].rule, "lose");
    EXPECT_GT(run.rules[0].injected, 10U);
    EXPECT_GT(run.rules[0].matched, run.rules[0].injected);
    // Second for second at its place: some 50 a second in each phase.
    for (std::size_t i = 1; i < 3; ++i) {
        const auto tell = std::find_if(run.phases[i].steps.begin(), run.phases[i].steps.end(),
                                       [](const auto& each) { return each.name == "tell"; });
        ASSERT_NE(tell, run.phases[i].steps.end());
        EXPECT_NEAR(static_cast<double>(tell->count), 150, 70) << run.phases[i].phase.name;
    }
    EXPECT_TRUE(std::filesystem::exists(folder.run_path() / "experiment.yaml"));
    EXPECT_TRUE(std::filesystem::exists(folder.run_path() / "scenario.yaml"));
    EXPECT_TRUE(std::filesystem::exists(folder.run_path() / "report.json"));
    EXPECT_THAT(done.output, HasSubstr("passed"));
    EXPECT_FALSE(is_open(folder.broker_port()));
}

TEST(run_command, keeps_the_ledger_of_its_faults) {
    experiment_folder folder;
    folder.write(three_phases + std::string("checks: [{errors: \"< 1%\"}]\n"));
    ASSERT_EQ(folder.carry_out().exit_code, 0);
    auto opened = runstore::run_folder::open(folder.run_path());
    auto reader = runstore::run_reader::open(*opened);
    const auto kept = reader->tables().number(
        "SELECT COUNT(*) FROM ledger_entry WHERE rule = 'lose' AND effect = 'delete' AND state = 'done'");
    ASSERT_TRUE(kept);
    EXPECT_EQ(static_cast<std::uint64_t>(*kept), folder.summary().rules[0].injected);
}

TEST(run_command, is_inconclusive_when_a_fault_never_fired) {
    experiment_folder folder;
    folder.write(R"(timeline:
  - phase: losses
    for: 3s
    rules: [{name: lose, intercept: produce, where: {topic: nobody-writes-here}, chance: 50%, do: delete}]
checks: [{errors: "< 1%"}]
)");
    const auto done = folder.carry_out();
    EXPECT_EQ(done.exit_code, 3) << done.output;
    EXPECT_THAT(done.output, HasSubstr("the fault lose of phase losses never fired"));
}

TEST(run_command, fails_with_the_reason_when_a_check_does_not_hold) {
    experiment_folder folder;
    folder.write(R"(timeline: [{phase: quiet, for: 3s}]
checks:
  - {audit: {name: the books, command: [sh, -c, "echo '{\"lost\": 7}'; exit 1"]}, expect: {lost: 0}}
  - {rate: {step: tell, is: "> 1/s"}}
)");
    const auto done = folder.carry_out();
    EXPECT_EQ(done.exit_code, 1) << done.output;
    EXPECT_THAT(done.output, HasSubstr("the books: expected {\"lost\":0}, found lost 7"));
    const auto run = folder.summary();
    EXPECT_EQ(check_named(run, "the books")->result, outcome::failed);
    EXPECT_EQ(check_named(run, "rate of tell")->result, outcome::passed);
}

TEST(run_command, kills_pauses_and_starts_processes_of_its_own_only) {
    experiment_folder folder;
    // The same service by somebody else: it must live on.
    child_process stranger({"sleep", "600"}, {{"CHAOSBROKER_SERVICE", "victim"}});
    folder.write(R"(system:
  start:
    - {name: victim, command: [sh, -c, "echo up; exec sleep 600"], env: {CHAOSBROKER_SERVICE: victim}}
  ready: [{log: victim, has: up}]
watch: ["service:victim"]
timeline:
  - {phase: quiet, for: 2s}
  - phase: crash
    for: 4s
    do:
      - {at: 0s, pause: "service:victim"}
      - {at: 500ms, resume: "service:victim"}
      - {at: 1s, kill: "service:victim"}
      - {at: 2s, start: victim}
  - {phase: after, for: 2s}
checks: [{restarts: {service: victim, is: "== 1"}}]
)");
    const auto done = folder.carry_out();
    EXPECT_EQ(done.exit_code, 0) << done.output;
    EXPECT_THAT(done.output, HasSubstr("kill service:victim: 1 process\n"));
    EXPECT_TRUE(is_alive(stranger.pid()));
    const auto run = folder.summary();
    const auto ended = std::count_if(run.instances.begin(), run.instances.end(), [](const auto& each) {
        return each.about.service == "victim" && each.end && each.end->signal == SIGKILL;
    });
    EXPECT_EQ(ended, 1);
    stranger.signal(SIGKILL);
}

TEST(run_command, aborts_when_too_much_fails) {
    experiment_folder folder;
    folder.write_file("scenario.yaml", "format: 1\nname: nobody there\nservices: {none: \"http://127.0.0.1:1\"}\n"
                                       "inject: {open: [{constant_users_per_sec: {rate: 20, during: 60s}}]}\n"
                                       "steps: [{http: {name: ask, get: /}}]\n");
    folder.write(
        "timeline: [{phase: long, for: 100s}]\nabort: [{errors: \"> 20%\", for: 2s}]\nchecks: [{errors: \"< 1%\"}]\n");
    const auto began = std::chrono::steady_clock::now();
    const auto done = folder.carry_out();
    EXPECT_EQ(done.exit_code, 3) << done.output;
    EXPECT_THAT(done.output, HasSubstr("aborted: errors > 20% for 2s"));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(60));
}

TEST(run_command, leaves_nothing_behind_when_it_is_killed) {
    experiment_folder folder;
    folder.write(R"(system:
  start: [{name: victim, command: [sh, -c, "echo $$ > ${run}/victim.pid; exec sleep 600"]}]
timeline: [{phase: losses, for: 100s, mix: {delete: 50}}]
checks: [{errors: "< 1%"}]
)");
    child_process program(folder.command());
    ASSERT_TRUE(wait_for(program, "rules of losses are on")) << program.output();
    const auto victim = pid_in(folder.run_path() / "victim.pid");
    ASSERT_TRUE(is_alive(victim));
    ASSERT_TRUE(is_open(folder.broker_port()));
    program.signal(SIGKILL);
    program.wait(std::chrono::seconds(10));
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(40);
    while ((is_alive(victim) || is_open(folder.broker_port())) && std::chrono::steady_clock::now() < until) {
    }
    EXPECT_FALSE(is_alive(victim));
    EXPECT_FALSE(is_open(folder.broker_port()));
    // What was measured so far can be reported.
    child_process report({chaosbroker_program(), "report", folder.run_path().string()});
    EXPECT_EQ(report.wait(std::chrono::seconds(20)), 0) << report.output();
    EXPECT_FALSE(folder.summary().facts.verdict);
}

TEST(run_command, ends_in_order_at_a_signal) {
    experiment_folder folder;
    folder.write("timeline: [{phase: long, for: 100s}]\nchecks: [{errors: \"< 1%\"}]\n");
    child_process program(folder.command());
    ASSERT_TRUE(wait_for(program, "phase long")) << program.output();
    program.signal(SIGINT);
    EXPECT_EQ(program.wait(std::chrono::seconds(60)), 3) << program.output();
    EXPECT_THAT(program.output(), HasSubstr("stopped by hand before its end"));
    EXPECT_FALSE(is_open(folder.broker_port()));
}

TEST(run_command, says_what_could_not_be_started) {
    experiment_folder folder;
    folder.write("system:\n  start: [{name: ghost, command: [no-such-program-anywhere]}]\ntimeline: [{phase: quiet, "
                 "for: 2s}]\n");
    const auto done = folder.carry_out();
    EXPECT_EQ(done.exit_code, 4);
    EXPECT_THAT(done.output, HasSubstr("ghost: no-such-program-anywhere cannot be started: No such file or directory"));
    EXPECT_FALSE(is_open(folder.broker_port()));
}

TEST(run_command, says_that_the_system_is_not_ready) {
    experiment_folder folder;
    folder.write("system:\n  start: [{name: mute, command: [sleep, \"600\"]}]\n  ready: [{log: mute, has: never}]\n  "
                 "within: 1s\n"
                 "timeline: [{phase: quiet, for: 2s}]\n");
    const auto done = folder.carry_out();
    EXPECT_EQ(done.exit_code, 4);
    EXPECT_THAT(done.output, HasSubstr("the system is not ready after 1s: the log of mute has no \"never\" yet"));
}

struct wrong_file {
    const char* what;
    const char* says;
};

class wrong_experiment : public testing::TestWithParam<wrong_file> {};

TEST_P(wrong_experiment, is_refused_in_one_sentence_and_nothing_is_started) {
    experiment_folder folder;
    folder.write(GetParam().what);
    const auto done = folder.carry_out();
    EXPECT_EQ(done.exit_code, 2) << done.output;
    EXPECT_THAT(done.output, HasSubstr(GetParam().says));
    EXPECT_THAT(done.output, HasSubstr("experiment.yaml:"));
    EXPECT_EQ(std::count(done.output.begin(), done.output.end(), '\n'), 1) << done.output;
    EXPECT_FALSE(std::filesystem::exists(folder.run_path()));
}

INSTANTIATE_TEST_SUITE_P(
    files, wrong_experiment,
    testing::Values(
        wrong_file{"timelime: []\n", "did you mean 'timeline'?"},
        wrong_file{"timeline: []\n", "must be a list of phases"},
        wrong_file{"timeline: [{phase: a, for: 1s}, {phase: a, for: 1s}]\n", "two phases have the name 'a'"},
        wrong_file{"timeline: [{phase: a}]\n", "must be how long the phase lasts"},
        wrong_file{"timeline: [{phase: a, for: 500ms}]\n", "whole seconds"},
        wrong_file{"timeline: [{phase: a, for: 1s, mix: {delete: 60, slow: 60}}]\n", "100"},
        wrong_file{"timeline: [{phase: a, for: 1s, rules: [{name: x, intercept: produce, chance: 5%, do: explode}]}]\n",
                   "explode"},
        wrong_file{"timeline: [{phase: a, for: 2s, do: [{at: 3s, kill: \"service:x\"}]}]\n",
                   "not before the end of its phase"},
        wrong_file{"timeline: [{phase: a, for: 2s, do: [{kill: \"self\"}]}]\n", "must be service:NAME"},
        wrong_file{"timeline: [{phase: a, for: 2s, do: [{start: nobody}]}]\n", "there is no process 'nobody'"},
        wrong_file{"timeline: [{phase: a, for: 2s, do: [{at: 1s}]}]\n", "does nothing"},
        wrong_file{"timeline: [{phase: a, for: 1s}]\nchecks: [{latency: {step: tel, p99: \"< 1s\"}}]\n",
                   "there is no step 'tel'"},
        wrong_file{"timeline: [{phase: a, for: 1s}]\nchecks: [{errors: \"< 1%\", phases: [b]}]\n",
                   "there is no phase 'b'"},
        wrong_file{"timeline: [{phase: a, for: 1s}]\nchecks: [{recovers: {within: 5s, after: a}}]\n",
                   "no phase 'steady' to come back to"},
        wrong_file{"timeline: [{phase: a, for: 1s}]\nchecks: [{compare: {p98: \"<= 3x\", to: a}}]\n",
                   "cannot be compared"},
        wrong_file{"timeline: [{phase: a, for: 1s}]\nchecks: [{audit: {command: moving}, expect: {lost: 0}}]\n",
                   "must be a command"},
        wrong_file{"timeline: [{phase: a, for: 1s}]\nabort: [{errors: \"< 20%\"}]\n", "a share that is too much"},
        wrong_file{"timeline: [{phase: a, for: 1s}]\nwatch: [\"pods:x\"]\n", "pods"},
        wrong_file{"timeline: [{phase: a, for: 1s}]\nrepeat: 3\n", "repeat"},
        wrong_file{"system: {start: [{name: x, command: []}]}\ntimeline: [{phase: a, for: 1s}]\n",
                   "must be a command"}));

TEST(wrong_experiment_file, names_the_scenarios_own_mistake) {
    experiment_folder folder;
    folder.write("timeline: [{phase: a, for: 1s}]\n");
    folder.write_file("scenario.yaml", "format: 1\nname: x\nstepps: []\n");
    const auto done = folder.carry_out();
    EXPECT_EQ(done.exit_code, 2);
    EXPECT_THAT(done.output, HasSubstr("scenario.yaml:"));
    EXPECT_THAT(done.output, HasSubstr("stepps"));
}

} // namespace cb::tests
