// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <filesystem>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiment/judge.hpp"
#include "experiment/timeline.hpp"
#include "runstore/run_writer.hpp"

namespace cb::experiment {

using runstore::outcome;
using testing::HasSubstr;

namespace {

constexpr std::int64_t ms = 1'000'000;

/// A run of 60 seconds: steady (0-20), fault (20-40), after (40-60); a step "ask" of a hundred in each second, whose
/// latency and failures a test decides.
class made_run {
public:
    struct second {
        double latency_ms = 10;
        std::uint64_t failed = 0;
        std::uint64_t count = 100;
    };

    explicit made_run(const std::function<second(std::int64_t)>& what) {
        auto name = (std::filesystem::temp_directory_path() / ("cb-judge-" + std::string(6, 'X'))).string();
        path_ = ::mkdtemp(name.data());
        folder_ = std::make_unique<runstore::run_folder>(*runstore::run_folder::create_at(path_ / "run"));
        runstore::run_description about;
        about.title = "made";
        about.kind = "experiment";
        about.started_ms = 1;
        about.started_mono_ns = 1;
        writer_ = *runstore::run_writer::create(*folder_, about);
        const auto step = *writer_->step("scenario", "ask");
        const std::vector<std::pair<std::string, std::int64_t>> phases{{"steady", 0}, {"fault", 20}, {"after", 40}};
        for (const auto& [phase, start] : phases) {
            if (start > 0) {
                EXPECT_TRUE(writer_->end_phase(start * 1000));
            }
            EXPECT_TRUE(writer_->begin_phase(phase, start * 1000));
            for (auto at = start; at < start + 20; ++at) {
                write(step, at, what(at));
            }
        }
        EXPECT_TRUE(writer_->end_phase(60'000));
    }
    ~made_run() { std::filesystem::remove_all(path_); }
    made_run(const made_run&) = delete;
    made_run& operator=(const made_run&) = delete;

    runstore::run_writer& writer() { return *writer_; }
    runstore::run_reader& reader() {
        EXPECT_TRUE(writer_->flush());
        reader_ = std::make_unique<runstore::run_reader>(*runstore::run_reader::open(*folder_));
        return *reader_;
    }

private:
    void write(runstore::step_id step, std::int64_t at, const second& of) {
        metrics::hdr_histogram response(metrics::latency_shape_ns(3));
        metrics::hdr_histogram failed(metrics::latency_shape_ns(3));
        for (std::uint64_t i = 0; i < of.count; ++i) {
            const auto ns = static_cast<std::int64_t>(of.latency_ms * ms) + static_cast<std::int64_t>(i) * 1000;
            response.record(ns);
            if (i < of.failed) {
                failed.record(ns);
            }
        }
        runstore::load_second out;
        out.second = at;
        runstore::step_second measured;
        measured.step = step;
        measured.count = of.count;
        measured.failed = of.failed;
        measured.response = &response;
        measured.failed_response = &failed;
        out.steps.push_back(measured);
        EXPECT_TRUE(writer_->write(out));
    }

    std::filesystem::path path_;
    std::unique_ptr<runstore::run_folder> folder_;
    std::unique_ptr<runstore::run_writer> writer_;
    std::unique_ptr<runstore::run_reader> reader_;
};

made_run::second steady(std::int64_t) { return {}; }

experiment about(const std::string& checks, const std::string& fault = "") {
    const auto parsed = parse_experiment("format: 1\ntitle: t\nbroker: {embedded: true}\ntimeline:\n  - {phase: "
                                         "steady, for: 20s}\n  - {phase: fault, for: 20s" +
                                             fault + "}\n  - {phase: after, for: 20s}\nchecks:\n" + checks,
                                         "x.yaml");
    if (!parsed) {
        throw std::runtime_error(parsed.error().text());
    }
    return *parsed;
}

runstore::check_result decided(made_run& run, const std::string& check, const audit_answer* audit = nullptr) {
    const auto what = about("  - " + check + "\n");
    const auto evidence = run_evidence::read(run.reader());
    return *decide(what.checks.at(0), *evidence, audit);
}

} // namespace

TEST(load_checks, look_at_the_phases_that_they_name) {
    made_run run([](std::int64_t at) {
        return made_run::second{at >= 20 && at < 40 ? 300.0 : 10.0, at >= 20 && at < 40 ? 50U : 0U, 100};
    });
    EXPECT_EQ(decided(run, "{latency: {p99: \"< 250ms\"}, phases: [steady, after]}").result, outcome::passed);
    const auto during = decided(run, "{latency: {p99: \"< 250ms\"}, phases: [fault]}");
    EXPECT_EQ(during.result, outcome::failed);
    EXPECT_EQ(during.phase, "fault");
    EXPECT_EQ(decided(run, "{latency: {p99: \"< 250ms\"}}").result, outcome::failed);
    EXPECT_THAT(decided(run, "{errors: \"< 1%\"}").found, HasSubstr("(1000 of 6000)"));
    EXPECT_EQ(decided(run, "{rate: \">= 100/s\"}").result, outcome::passed);
}

TEST(comparison, is_of_one_phase_with_another) {
    made_run run([](std::int64_t at) { return made_run::second{at >= 20 && at < 40 ? 40.0 : 10.0, 0, 100}; });
    EXPECT_EQ(decided(run, "{compare: {p99: \"<= 3x\", to: steady}, phases: [fault]}").result, outcome::failed);
    EXPECT_EQ(decided(run, "{compare: {p99: \"<= 5x\", to: steady}, phases: [fault]}").result, outcome::passed);
    EXPECT_EQ(decided(run, "{compare: {p50: \"<= 1.1x\", to: steady}, phases: [after]}").result, outcome::passed);
}

TEST(recovery, is_measured_from_the_end_of_the_fault) {
    made_run run([](std::int64_t at) { return made_run::second{at >= 20 && at < 47 ? 400.0 : 10.0, 0, 100}; });
    EXPECT_EQ(decided(run, "{recovers: {within: 10s, after: fault}}").result, outcome::passed);
    const auto slow = decided(run, "{recovers: {within: 5s, after: fault}}");
    EXPECT_EQ(slow.result, outcome::failed);
    EXPECT_THAT(slow.found, HasSubstr("7 s"));
}

TEST(recovery, of_failures_counts_as_well_and_silence_is_none) {
    made_run failing([](std::int64_t at) { return made_run::second{10, at >= 20 && at < 50 ? 30U : 0U, 100}; });
    EXPECT_EQ(decided(failing, "{recovers: {within: 5s, after: fault}}").result, outcome::failed);
    made_run silent([](std::int64_t at) { return made_run::second{10, 0, at < 40 ? 100U : 0U}; });
    EXPECT_EQ(decided(silent, "{recovers: {within: 5s, after: fault}}").result, outcome::failed);
}

TEST(audit, is_compared_member_by_member) {
    made_run run(steady);
    const std::string check = "{audit: {command: [moving, audit]}, expect: {lost: 0, kind: \"all\"}}";
    audit_answer said{1, boost::json::value{{"lost", 0}, {"kind", "all"}, {"more", 1}}, ""};
    EXPECT_EQ(decided(run, check, &said).result, outcome::passed);
    said.said->as_object()["lost"] = 3;
    EXPECT_THAT(decided(run, check, &said).found, HasSubstr("lost 3"));
    said.said->as_object().erase("lost");
    EXPECT_EQ(decided(run, check, &said).result, outcome::inconclusive);
    const audit_answer silent{std::nullopt, std::nullopt, "it did not end"};
    EXPECT_EQ(decided(run, check, &silent).reason, "it did not end");
    EXPECT_EQ(decided(run, check, nullptr).result, outcome::inconclusive);
    const audit_answer by_code{1, boost::json::object(), ""};
    EXPECT_EQ(decided(run, "{audit: {command: [check]}}", &by_code).result, outcome::failed);
}

TEST(counts, need_a_service_that_was_watched) {
    made_run run(steady);
    EXPECT_EQ(decided(run, "{restarts: {service: billing, is: \"== 0\"}}").result, outcome::inconclusive);
    const auto instance = *run.writer().instance({"billing", "pid 1", "1", 0, ""});
    EXPECT_EQ(decided(run, "{restarts: {service: billing, is: \"== 0\"}}").result, outcome::passed);
    EXPECT_TRUE(run.writer().add(runstore::death{instance, 5, 137, 9, "out of memory", "oom_kill rose"}));
    EXPECT_EQ(decided(run, "{restarts: {service: billing, is: \"== 0\"}}").result, outcome::failed);
    EXPECT_EQ(decided(run, "{oom_kills: {service: billing, is: \"== 1\"}}").result, outcome::passed);
}

TEST(doubts, are_faults_that_never_fired) {
    made_run run(steady);
    const auto what =
        about("  - {errors: \"< 1%\"}\n", ", rules: [{name: lose, intercept: produce, chance: 5%, do: delete}]");
    auto evidence = run_evidence::read(run.reader());
    EXPECT_THAT(*doubts(what, *evidence), testing::ElementsAre("the fault lose of phase fault never fired"));
    EXPECT_TRUE(run.writer().set_rule_counts({{"lose", "delete", 10, 3, 0}}));
    evidence = run_evidence::read(run.reader());
    EXPECT_TRUE(doubts(what, *evidence)->empty());
}

TEST(doubts, are_what_the_parts_say_of_themselves) {
    made_run run(steady);
    EXPECT_TRUE(run.writer().add(runstore::run_note{5, note_distrust, "slip p99 is 40 ms"}));
    EXPECT_TRUE(run.writer().add(runstore::run_note{6, note_aborted, "aborted: errors > 20%"}));
    const auto evidence = run_evidence::read(run.reader());
    EXPECT_THAT(*doubts(about("  - {errors: \"< 1%\"}\n"), *evidence),
                testing::ElementsAre("aborted: errors > 20%", "not to be trusted: slip p99 is 40 ms"));
}

TEST(doubts, are_baselines_that_were_not_steady) {
    made_run rising([](std::int64_t at) {
        return made_run::second{at < 20 ? 10.0 + 2 * static_cast<double>(at) : 50.0, 0, 100};
    });
    const auto what = about("  - {recovers: {within: 5s, after: fault}}\n");
    auto evidence = run_evidence::read(rising.reader());
    const auto found = *doubts(what, *evidence);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_THAT(found[0], HasSubstr("steady was not steady: its p95 rose"));
    made_run run(steady);
    evidence = run_evidence::read(run.reader());
    EXPECT_TRUE(doubts(what, *evidence)->empty());
}

TEST(verdict, has_three_values_and_names_its_reasons) {
    const runstore::check_result good{"a", "", "< 1", "0", outcome::passed, ""};
    const runstore::check_result bad{"b", "fault", "< 1", "2", outcome::failed, ""};
    const runstore::check_result unknown{"c", "", "< 1", "", outcome::inconclusive, "nothing was measured"};
    EXPECT_EQ(conclude({good}, {}).value, outcome::passed);
    EXPECT_EQ(conclude({good, bad, unknown}, {}).value, outcome::failed);
    EXPECT_THAT(conclude({unknown, bad}, {}).reasons,
                testing::ElementsAre("b in fault: expected < 1, found 2", "c: nothing was measured"));
    EXPECT_EQ(conclude({good, unknown}, {}).value, outcome::inconclusive);
    EXPECT_EQ(conclude({good, bad}, {"the fault never fired"}).value, outcome::inconclusive);
    EXPECT_EQ(conclude({good, bad}, {"the fault never fired"}).reasons.front(), "the fault never fired");
    EXPECT_EQ(conclude({}, {}).value, outcome::inconclusive);
}

TEST(timeline, has_actions_within_their_phases_and_an_end) {
    const auto parsed =
        parse_experiment("format: 1\ntitle: t\ntimeline:\n"
                         "  - {phase: a, for: 2s, do: [{at: 1500ms, run: [x]}, {run: [y]}]}\n  - {phase: b, for: 3s}\n",
                         "x.yaml");
    ASSERT_TRUE(parsed) << parsed.error().text();
    const auto moments = timeline_of(*parsed);
    ASSERT_EQ(moments.size(), 5U);
    using kind = due::kind;
    EXPECT_EQ(moments[0].what, kind::begin_phase);
    EXPECT_EQ(moments[1].at, nanoseconds(0));
    EXPECT_EQ(parsed->timeline[0].actions[moments[1].action].to_run.words.front(), "y");
    EXPECT_EQ(moments[2].at, milliseconds(1500));
    EXPECT_EQ(moments[3].at, std::chrono::seconds(2));
    EXPECT_EQ(moments[4].what, kind::end);
    EXPECT_EQ(moments[4].at, std::chrono::seconds(5));
    EXPECT_EQ(parsed->length(), std::chrono::seconds(5));
}

TEST(experiment_file, is_told_from_others) {
    EXPECT_TRUE(looks_like_experiment("format: 1\ntimeline: []\n"));
    EXPECT_FALSE(looks_like_experiment("format: 1\nsteps: []\ntimeline: []\n"));
    EXPECT_FALSE(looks_like_experiment("format: 1\nrules: []\n"));
}

} // namespace cb::experiment
