// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "load/compiler.hpp"
#include "load/plan_outline.hpp"
#include "load/run_checks.hpp"
#include "test_files.hpp"

namespace cb::load {
namespace {

using outcome = check_finding::outcome;
using namespace std::chrono_literals;

workload work_of(const std::string& more, const std::string& inject = "{open: [{at_once_users: 1}]}") {
    const auto text =
        "format: 1\nname: n\nservices: {a: \"http://a\"}\ninject: " + inject +
        "\nsteps: [{group: {name: both, steps: [{http: {name: one, get: /1}}, {http: {name: two, get: /2}}]}}]\n" +
        more;
    const auto work = read_workload(text, "test.yaml", testing::made_up(), 1);
    if (!work) {
        throw std::runtime_error(work.error().text());
    }
    return *work;
}

step_index step_named(const workload& work, const std::string& name) {
    for (std::size_t i = 0; i < work.steps.size(); ++i) {
        if (work.steps[i].name == name) {
            return static_cast<step_index>(i);
        }
    }
    throw std::runtime_error("no step " + name);
}

/// 90 of step one after 10 ms, 10 of step two after 1 s, of which five failed; the group took all of that.
merged_seconds measured(const workload& work) {
    merged_seconds out(work.steps.size());
    auto& one = out.steps[step_named(work, "one")];
    auto& two = out.steps[step_named(work, "two")];
    one.response.record(10'000'000, 90);
    two.response.record(1'000'000'000, 10);
    two.failed.record(1'000'000'000, 5);
    out.steps[step_named(work, "both")].response.record(1'010'000'000, 10);
    return out;
}

std::vector<check_finding> decide(const std::string& checks, nanoseconds length = 10s) {
    const auto work = work_of("checks: " + checks);
    return decide_checks(work, measured(work), {}, length);
}

TEST(run_checks, latencies_are_of_a_step_or_of_all_that_are_no_groups) {
    const auto found = decide(
        R"([{latency: {p50: "< 11ms", p99: "< 500ms"}}, {latency: {step: one, max: "<= 10.1ms", mean: "> 20ms"}}])");
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(found[0].name, "latency p50 of all steps");
    EXPECT_EQ(found[0].expected, "< 11ms");
    EXPECT_EQ(found[0].result, outcome::held);
    EXPECT_EQ(found[1].result, outcome::broken) << "a tenth took a second";
    EXPECT_EQ(found[1].found, "1000ms");
    EXPECT_EQ(found[2].name, "latency max of one");
    EXPECT_EQ(found[2].result, outcome::held) << found[2].found;
    EXPECT_EQ(found[3].result, outcome::broken) << found[3].found;
}

TEST(run_checks, errors_rates_and_counts_leave_groups_out_of_the_sum) {
    const auto found =
        decide(R"([{errors: "<= 5%"}, {errors: {step: two, is: "< 50%"}}, {rate: "== 10/s"}, {count: "== 100"},
                                 {count: {step: both, is: "== 10"}}, {errors: {step: one, is: "== 0%"}}])");
    ASSERT_EQ(found.size(), 6U);
    EXPECT_EQ(found[0].found, "5.000% (5 of 100)");
    EXPECT_EQ(found[0].result, outcome::held) << "at the bound";
    EXPECT_EQ(found[1].result, outcome::broken) << "below is not at";
    EXPECT_EQ(found[2].result, outcome::held) << found[2].found;
    EXPECT_EQ(found[3].result, outcome::held) << found[3].found;
    EXPECT_EQ(found[4].result, outcome::held) << found[4].found;
    EXPECT_EQ(found[5].result, outcome::held) << found[5].found;
}

TEST(run_checks, what_nobody_did_is_undecided) {
    const auto work = work_of(R"(checks: [{latency: {step: one, p99: "< 1s"}}, {errors: "< 1%"}, {count: "== 0"}])");
    const auto found = decide_checks(work, merged_seconds(work.steps.size()), {}, 10s);
    EXPECT_EQ(found[0].result, outcome::undecided);
    EXPECT_FALSE(found[0].reason.empty());
    EXPECT_EQ(found[1].result, outcome::undecided) << "no error among no steps proves nothing";
    EXPECT_EQ(found[2].result, outcome::held);
}

TEST(run_checks, are_about_the_phases_that_they_name_and_else_about_all_but_warm_up) {
    const auto work = work_of(R"(
timeline: [{phase: warm-up, for: 10s}, {phase: steady, for: 20s}, {phase: end}]
checks: [{count: "== 30"}, {count: "== 10", phases: [steady]}, {count: "== 7", phases: [warm-up]},
         {rate: "== 0.5/s", phases: [steady]}, {count: "== 30", phases: [steady, end]},
         {latency: {p50: "< 2s"}, phases: [warm-up]}]
)");
    ASSERT_EQ(work.phases.size(), 3U);
    EXPECT_EQ(work.phase_at(9), std::optional<std::size_t>(0));
    EXPECT_EQ(work.phase_at(10), std::optional<std::size_t>(1));
    EXPECT_EQ(work.phase_at(500), std::optional<std::size_t>(2));
    std::vector<merged_seconds> by_phase;
    merged_seconds totals(work.steps.size());
    for (const std::uint64_t count : {7U, 10U, 20U}) {
        auto& phase = by_phase.emplace_back(work.steps.size());
        phase.steps[step_named(work, "one")].response.record(10'000'000, count);
        totals.merge(phase);
    }
    const auto found = decide_checks(work, totals, by_phase, 40s);
    ASSERT_EQ(found.size(), 6U);
    for (const auto& each : found) {
        EXPECT_EQ(each.result, outcome::held) << each.name << ": " << each.found;
    }
    EXPECT_EQ(found[0].phases, "");
    EXPECT_EQ(found[1].phases, "steady");
    EXPECT_EQ(found[4].phases, "steady, end");

    const auto cut = decide_checks(work, totals, by_phase, 5s);
    EXPECT_EQ(cut[1].result, outcome::undecided);
    EXPECT_EQ(cut[1].reason, "the run ended before phase steady");
}

TEST(run_checks, a_timeline_that_cannot_be_is_refused) {
    const auto wrong = [](const std::string& more) {
        try {
            static_cast<void>(work_of(more));
        } catch (const std::runtime_error& why) {
            return std::string(why.what());
        }
        return std::string();
    };
    EXPECT_NE(wrong("timeline: [{phase: a}, {phase: b}]").find("stands behind a phase without `for`"),
              std::string::npos);
    EXPECT_NE(wrong("timeline: [{phase: a, for: 1500ms}]").find("must be whole seconds"), std::string::npos);
    EXPECT_NE(wrong("timeline: [{phase: a, for: 1s}, {phase: a}]").find("two phases have the name 'a'"),
              std::string::npos);
    EXPECT_NE(wrong("timeline: []").find("must be a list of phases"), std::string::npos);
    EXPECT_NE(wrong("timeline: [{phase: a}]\nchecks: [{count: \"> 1\", phases: [b]}]").find("the timeline has a"),
              std::string::npos);
    EXPECT_NE(wrong("checks: [{count: \"> 1\", phases: [b]}]").find("there is no phase 'b'; name some: timeline:"),
              std::string::npos);
    EXPECT_NE(wrong("timeline: [{phase: a}]\nchecks: [{phases: [a]}]").find("checks nothing"), std::string::npos);
}

TEST(plan_outline, tells_the_busiest_second_and_the_length) {
    const auto of = [](const std::string& inject) { return outline(work_of("", inject)); };
    EXPECT_EQ(of("{open: [{ramp_users_per_sec: {from: 1, to: 50, during: 10s}}, {nothing_for: 5s}]}").peak_users_per_s,
              50);
    EXPECT_EQ(of("{open: [{ramp_users_per_sec: {from: 1, to: 50, during: 10s}}, {nothing_for: 5s}]}").length, 15s);
    EXPECT_EQ(of("{open: [{at_once_users: 300}]}").peak_users_per_s, 300);
    EXPECT_EQ(of("{open: [{ramp_users: {users: 300, during: 10s}}]}").peak_users_per_s, 30);
    EXPECT_TRUE(of("{closed: [{constant_concurrent_users: {users: 3, during: 1s}}]}").all_closed);
}

TEST(plan_outline, the_peak_of_a_bell_is_that_of_its_busiest_second) {
    const auto work = work_of("", "{open: [{stress_peak_users: {users: 10000, during: 20s}}]}");
    auto schedule = schedule_of(work, 0);
    std::array<int, 21> users{};
    while (const auto at = schedule.next()) {
        ++users.at(static_cast<std::size_t>(*at / 1s));
    }
    const auto busiest = *std::max_element(users.begin(), users.end());
    // The top itself lies on the edge of two seconds.
    EXPECT_NEAR(outline(work).peak_users_per_s, busiest, busiest * 0.03);
}

TEST(plan_outline, who_follows_does_not_add_to_whom_it_follows) {
    const std::string text = R"(format: 1
name: n
services: {a: "http://a"}
scenarios:
  - {name: a, inject: {open: [{constant_users_per_sec: {rate: 10, during: 10s}}]}, steps: [{http: {name: a, get: /}}]}
  - {name: b, inject: {open: [{constant_users_per_sec: {rate: 5, during: 20s}}]}, steps: [{http: {name: b, get: /}}]}
  - {name: c, after: a, inject: {open: [{constant_users_per_sec: {rate: 12, during: 30s}}]}, steps: [{http: {name: c, get: /}}]}
)";
    const auto work = read_workload(text, "test.yaml", testing::made_up(), 1);
    ASSERT_TRUE(work) << work.error().text();
    EXPECT_EQ(outline(*work).peak_users_per_s, 17);
    EXPECT_EQ(outline(*work).length, 40s);
}

} // namespace
} // namespace cb::load
