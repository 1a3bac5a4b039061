// SPDX-License-Identifier: Apache-2.0
// `chaosbroker load` from the outside: what it sends, keeps, says and returns.
#include <gtest/gtest.h>

#include <csignal>
#include <set>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "answering_server.hpp"
#include "metrics/histogram_log.hpp"
#include "running_load.hpp"
#include "support/running_broker.hpp"

namespace cb::tests {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// The generator's own lateness is the machine's business here, not the test's.
constexpr const char* trusting = "trust: {slip_p99: 60s, cpu: \"100%\"}\n";
const std::string ten_users = "inject: {open: [{ramp_users: {users: 10, during: 1s}}]}\n";
const std::string many_users = "inject: {open: [{constant_users_per_sec: {rate: 20, during: 10m}}]}\n";
const std::string one_get = "steps: [{http: {name: front page, get: /}}]\n";

struct outcome {
    int code = -1;
    std::string output;
    [[nodiscard]] bool says(const std::string& what) const { return output.find(what) != std::string::npos; }
};

outcome run(const std::vector<std::string>& command) {
    child_process process(command);
    const auto code = process.wait(60s);
    return {code, process.output()};
}

bool has_begun(const boost::json::value& state) { return state.at("steps").to_number<std::int64_t>() > 0; }

class load_command : public testing::Test {
protected:
    void scenario(const std::string& more) const { folder_.write_scenario(server_.url(), trusting + more); }

    answering_server server_;
    load_folder folder_;
};

TEST_F(load_command, keeps_and_tells_what_it_measured) {
    scenario("checks: [{latency: {step: front page, max: \"< 60s\"}}, {count: \"== 20\"}]\n" + ten_users +
             "steps: [{http: {name: front page, get: /}}, {http: {name: again, get: /}}]\n");
    const auto ran = run(folder_.command({"--seed", "7", "--workers", "2"}));
    ASSERT_EQ(ran.code, 0) << ran.output;
    EXPECT_EQ(server_.requests(), 20U);
    EXPECT_TRUE(ran.says("10 users a second at the peak")) << ran.output;
    EXPECT_TRUE(ran.says(server_.url())) << "where it goes is said before";
    EXPECT_LT(ran.output.find("passed"), ran.output.find("Response over")) << "the verdict comes first";
    EXPECT_EQ(ran.output.find("a load: "), ran.output.rfind("a load: ")) << "nothing is said twice: " << ran.output;

    const auto kept = folder_.summary();
    EXPECT_EQ(kept.facts.verdict->value, runstore::outcome::passed);
    EXPECT_EQ(kept.facts.about.seed, 7U);
    EXPECT_TRUE(kept.facts.ended_at_ms.has_value());
    ASSERT_EQ(kept.steps.size(), 2U);
    EXPECT_EQ(kept.steps[0].name, "front page");
    EXPECT_EQ(kept.steps[0].count, 10U);
    EXPECT_EQ(kept.steps[0].response.count(), 10U);
    EXPECT_EQ(kept.steps[0].slip.count(), 10U);
    EXPECT_GT(kept.steps[0].bytes_received, 0U);
    ASSERT_EQ(kept.checks.size(), 2U);
    EXPECT_EQ(kept.checks[0].name, "latency max of front page");
    EXPECT_EQ(kept.checks[1].found, "20");
    EXPECT_EQ(kept.phases.size(), 1U);
    std::set<std::string> names;
    for (const auto& each : kept.instances) {
        names.insert(each.about.name);
    }
    EXPECT_EQ(names, (std::set<std::string>{"worker 0", "worker 1", "coordinator"}));

    EXPECT_EQ(folder_.text_of("run/scenario.yaml"), folder_.text_of("scenario.yaml"));
    EXPECT_NE(folder_.text_of("run/junit.xml").find("name=\"latency max of front page\""), std::string::npos);
    EXPECT_EQ(boost::json::parse(folder_.text_of("run/report.json")).at("verdict").as_string(), "passed");
}

TEST_F(load_command, tells_watch_how_many_users_there_are) {
    scenario(many_users + "steps: [{http: {name: front page, get: /}}, {pause: 1h}]\n");
    running_load running(folder_.command());
    ASSERT_TRUE(running.wait_for(has_begun));
    child_process watch(
        {chaosbroker_program(), "watch", "self", "--json", "--every", "200ms", "--load", running.control()});
    const auto line =
        watch.wait_for_line([](const std::string& text) { return text.find("\"load_users\"") != std::string::npos; });
    ASSERT_TRUE(line) << watch.output();
    EXPECT_GT(boost::json::parse(*line).at("load_users").to_number<double>(), 0);

    // An end of the run is no end of watching: the number is not known any more.
    running.process().signal(SIGINT);
    running.process().wait(60s);
    bool was_known = false;
    EXPECT_TRUE(watch.wait_for_line([&](const std::string& text) {
        if (text.find("\"type\":\"host\"") == std::string::npos) {
            return false;
        }
        const bool known = text.find("\"load_users\"") != std::string::npos;
        was_known = was_known || known;
        return was_known && !known;
    })) << watch.output();
    const auto wrong = run({chaosbroker_program(), "watch", "self", "--load", "somewhere"});
    EXPECT_EQ(wrong.code, 2);
    EXPECT_TRUE(wrong.says("--load somewhere: not an address")) << wrong.output;
}

TEST_F(load_command, keeps_phases_apart_and_requests_as_evidence) {
    scenario("timeline: [{phase: warm-up, for: 1s}, {phase: steady}]\n"
             "checks: [{count: \"> 10\", phases: [steady]}, {errors: \"== 0%\", phases: [warm-up]}]\n"
             "inject: {open: [{constant_users_per_sec: {rate: 20, during: 3s}}], arrivals: uniform}\n"
             "steps: [{http: {name: slow, get: /late}}, {http: {name: broken, get: /broken}}]\n");
    const auto ran = run(folder_.command());
    EXPECT_EQ(ran.code, 1) << ran.output;
    EXPECT_TRUE(ran.says("in warm-up: expected == 0%, found 5")) << ran.output;
    const auto kept = folder_.summary();
    ASSERT_EQ(kept.phases.size(), 2U);
    EXPECT_EQ(kept.phases[0].phase.name, "warm-up");
    EXPECT_FALSE(kept.phases[0].phase.judged);
    EXPECT_EQ(kept.phases[1].phase.start_at_ms, 1000);
    ASSERT_EQ(kept.checks.size(), 2U);
    EXPECT_EQ(kept.checks[0].phase, "steady");
    EXPECT_LT(kept.steps[0].count, 60U) << "warm-up is not in the totals";

    const auto folder = runstore::run_folder::open(folder_.path("run"));
    auto reader = runstore::run_reader::open(*folder);
    const auto witnesses = reader->witnesses(1000);
    ASSERT_TRUE(witnesses);
    std::size_t failed = 0;
    std::size_t slow = 0;
    for (const auto& each : *witnesses) {
        failed += each.kind == "status 503" ? 1 : 0;
        slow += each.kind.empty() && each.response_ns > 40'000'000 ? 1 : 0;
        EXPECT_NE(each.detail.find("service "), std::string::npos) << each.detail;
    }
    EXPECT_GT(failed, 2U);
    EXPECT_GT(slow, 2U);
}

TEST_F(load_command, writes_histograms_that_add_up) {
    scenario(ten_users + one_get);
    ASSERT_EQ(run(folder_.command()).code, 0);
    const auto text = folder_.text_of("run/latency.hlog");
    metrics::histogram_log_reader rows(text);
    std::uint64_t responses = 0;
    for (auto row = rows.next(); row && *row; row = rows.next()) {
        responses += (*row)->tag == "front_page/response" ? (*row)->values.count() : 0;
    }
    EXPECT_EQ(responses, 10U);
}

TEST_F(load_command, fails_with_a_check_that_does_not_hold) {
    scenario("checks: [{latency: {p50: \"< 10ms\"}}]\n" + ten_users + "steps: [{http: {name: slow, get: /late}}]\n");
    const auto ran = run(folder_.command());
    EXPECT_EQ(ran.code, 1) << ran.output;
    EXPECT_TRUE(ran.says("latency p50 of all steps: expected < 10ms, found ")) << ran.output;
    EXPECT_NE(folder_.text_of("run/junit.xml").find("<failure"), std::string::npos);
}

TEST_F(load_command, tells_errors_by_kind_and_passes_only_what_worked) {
    scenario(ten_users + "steps: [{http: {name: broken, get: /broken}}]\n");
    const auto ran = run(folder_.command());
    EXPECT_EQ(ran.code, 3) << "no check, and nothing worked: " << ran.output;
    EXPECT_TRUE(ran.says("all 10 steps failed, most of them by: status 503")) << ran.output;
    const auto kept = folder_.summary();
    ASSERT_EQ(kept.errors.size(), 1U);
    EXPECT_EQ(kept.errors[0].count, 10U);
    EXPECT_EQ(kept.errors[0].step, "broken");
}

TEST_F(load_command, does_not_trust_itself_when_it_was_late) {
    // No machine sends within a nanosecond of the instant.
    folder_.write_scenario(server_.url(),
                           "trust: {slip_p99: 0.000001ms}\nchecks: [{errors: \"< 1%\"}]\n" + ten_users + one_get);
    const auto ran = run(folder_.command());
    EXPECT_EQ(ran.code, 3) << ran.output;
    EXPECT_TRUE(ran.says("not to be trusted: the generator itself was late: slip p99 is")) << ran.output;
    EXPECT_EQ(folder_.summary().checks.at(0).result, runstore::outcome::passed) << "what was found is shown anyway";
}

TEST_F(load_command, does_not_trust_itself_when_users_found_no_room) {
    scenario("limits: {users: 1}\ninject: {open: [{at_once_users: 5}]}\nsteps: [{http: {name: slow, get: /late}}]\n");
    const auto ran = run(folder_.command({"--workers", "1"}));
    EXPECT_EQ(ran.code, 3) << ran.output;
    EXPECT_TRUE(ran.says("4 users found no room and never came: raise limits.users")) << ran.output;
}

TEST_F(load_command, notices_a_worker_that_is_lost) {
    scenario(many_users + one_get);
    running_load load(folder_.command({"--workers", "2"}));
    ASSERT_TRUE(load.wait_for(has_begun));
    const auto workers = load.workers();
    ASSERT_EQ(workers.size(), 2U);
    ASSERT_EQ(::kill(workers[0], SIGKILL), 0);
    ASSERT_TRUE(load.process().wait_for_line(
        [](const std::string& line) { return line.find("was killed by signal 9") != std::string::npos; }));
    load.process().signal(SIGINT);
    EXPECT_EQ(load.process().wait(60s), 3);
    EXPECT_NE(load.process().output().find("1 of 2 workers ended before their users had"), std::string::npos);
    EXPECT_NE(load.process().output().find("stopped after"), std::string::npos);
}

TEST_F(load_command, stops_at_the_first_signal_and_reports) {
    scenario(many_users + one_get);
    running_load load(folder_.command());
    ASSERT_TRUE(load.wait_for(has_begun));
    const auto workers = load.workers();
    load.process().signal(SIGINT);
    EXPECT_EQ(load.process().wait(60s), 3);
    const auto output = load.process().output();
    EXPECT_NE(output.find("not to be trusted: stopped after"), std::string::npos) << output;
    EXPECT_GT(folder_.summary().steps.at(0).count, 0U);
    for (const auto each : workers) {
        EXPECT_FALSE(fs::exists("/proc/" + std::to_string(each))) << "a worker outlived its command";
    }
}

TEST_F(load_command, reports_when_all_its_processes_get_the_signal) {
    scenario(many_users + one_get);
    running_load load(folder_.command({"--workers", "2"}));
    ASSERT_TRUE(load.wait_for(has_begun));
    for (const auto each : load.workers()) {
        ASSERT_EQ(::kill(each, SIGTERM), 0);
    }
    load.process().signal(SIGTERM);
    load.process().signal(SIGTERM);
    EXPECT_EQ(load.process().wait(60s), 3);
    const auto output = load.process().output();
    EXPECT_NE(output.find("Response over"), std::string::npos) << output;
    EXPECT_EQ(output.find("ended before their users"), std::string::npos) << output;
}

TEST_F(load_command, ends_at_once_at_the_second_signal) {
    scenario(many_users + one_get);
    running_load load(folder_.command({"--workers", "1"}));
    ASSERT_TRUE(load.wait_for(has_begun));
    // A worker that cannot stop keeps the run from ending.
    const auto workers = load.workers();
    ASSERT_EQ(workers.size(), 1U);
    ASSERT_EQ(::kill(workers[0], SIGSTOP), 0);
    load.process().signal(SIGINT);
    load.process().signal(SIGINT); // as `timeout` does
    const auto report = load.process().wait_for_line(
        [](const std::string& line) { return line.find("Response over") != std::string::npos; }, 1s);
    EXPECT_FALSE(report.has_value());
    ASSERT_EQ(::kill(load.process().pid(), SIGTERM), 0) << "it is still there, and waits for its worker";
    EXPECT_EQ(load.process().wait(60s), 3);
    EXPECT_EQ(load.process().output().find("Response over"), std::string::npos);
}

TEST_F(load_command, is_paused_resumed_and_sped_up_while_it_runs) {
    scenario(many_users + one_get);
    running_load load(folder_.command());
    ASSERT_TRUE(load.wait_for(has_begun));

    EXPECT_EQ(load.ask({"pause"}).at("state").as_string(), "paused");
    const auto nobody = [](const boost::json::value& state) {
        const auto& last = state.at("last_second");
        return last.at("rate").to_number<double>() == 0 && last.at("steps").to_number<int>() == 0;
    };
    ASSERT_TRUE(load.wait_for(nobody)) << "a paused run sends nothing";
    EXPECT_EQ(load.ask({"rate", "3"}).at("rate").to_number<double>(), 3);
    // 20 a second at three times the rate: more than 40 in one of the coming seconds.
    EXPECT_TRUE(load.wait_for(
        [](const auto& state) { return state.at("last_second").at("steps").template to_number<int>() > 40; }));
    EXPECT_EQ(load.ask({"pause"}).at("rate").to_number<double>(), 0);
    EXPECT_EQ(load.ask({"resume"}).at("rate").to_number<double>(), 3) << "as before the pause";
    EXPECT_EQ(load.ask({"stop"}).at("state").as_string(), "stopping");
    EXPECT_EQ(load.process().wait(60s), 3);
    std::string rates;
    for (const auto& each : folder_.summary().notes) {
        rates += each.kind == "rate" ? each.text + "; " : "";
    }
    EXPECT_EQ(rates.find("paused; users come at 3 times the plan; "), 0U) << rates;
}

TEST_F(load_command, refuses_what_control_cannot_mean) {
    scenario(many_users + one_get);
    running_load load(folder_.command());
    const auto asked = [&](const std::vector<std::string>& words) {
        std::vector<std::string> all{chaosbroker_program(), "load"};
        all.insert(all.end(), words.begin(), words.end());
        all.insert(all.end(), {"--admin", load.control()});
        return run(all);
    };
    const auto refused = asked({"rate", "2000"});
    EXPECT_EQ(refused.code, 2);
    EXPECT_TRUE(refused.says("from 0 to 1000")) << refused.output;
    EXPECT_EQ(asked({"rate", "fast"}).code, 2);
    EXPECT_TRUE(asked({"status"}).says("state: running"));
    load.process().signal(SIGINT);
    load.process().wait(60s);
    const auto gone = asked({"status"});
    EXPECT_EQ(gone.code, 4);
    EXPECT_TRUE(gone.says("a run prints its control address")) << gone.output;
}

TEST_F(load_command, prints_json_for_scripts) {
    scenario(ten_users + one_get);
    child_process process(folder_.command({"--json"}));
    ASSERT_EQ(process.wait(60s), 0) << process.output();
    // What is for people goes to standard error; the test sees both.
    std::vector<boost::json::value> documents;
    std::istringstream lines(process.output());
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("{")) {
            documents.push_back(boost::json::parse(line));
        }
    }
    ASSERT_GE(documents.size(), 2U) << process.output();
    std::int64_t steps = 0;
    for (std::size_t i = 0; i + 1 < documents.size(); ++i) {
        steps += documents[i].at("steps").as_int64();
    }
    EXPECT_EQ(steps, 10);
    EXPECT_EQ(documents.back().at("report").at("verdict").as_string(), "passed");
    EXPECT_EQ(documents.back().at("folder").as_string(), folder_.path("run").string());
}

TEST_F(load_command, sends_nothing_when_something_is_wrong) {
    const auto refused = [&](int code, const std::string& sentence, const std::vector<std::string>& more = {}) {
        const auto ran = run(folder_.command(more));
        EXPECT_EQ(ran.code, code) << ran.output;
        EXPECT_TRUE(ran.says(sentence)) << ran.output;
        EXPECT_FALSE(fs::exists(folder_.path("run"))) << "a run that never was leaves no folder";
    };
    scenario(ten_users + "steps: [{http: {name: n, get: /, chek: {status: 200}}}]\n");
    refused(2, "scenario.yaml:6: steps[0].http.chek: unknown key 'chek'");
    scenario(ten_users + "feed: {people: {file: nobody.csv}}\n" + one_get);
    refused(2, "nobody.csv");
    scenario(ten_users + one_get);
    refused(2, "--max-duration soon: must be a time", {"--max-duration", "soon"});
    refused(2, "--workers", {"--workers", "0"});
    // A documentation address (RFC 5737): nobody is there, and nobody is asked.
    folder_.write_scenario("http://192.0.2.1:81", ten_users + one_get);
    refused(2, "http://192.0.2.1:81 (192.0.2.1:81) is beyond this machine: if it is yours to load, say so with "
               "--allow-target 192.0.2.1; nothing was sent");
    refused(2, "is beyond this machine", {"--allow-target", "192.0.2.2"});
    folder_.write_scenario("http://no-such-host.invalid", ten_users + one_get);
    refused(4, "no-such-host.invalid");
    EXPECT_EQ(server_.connections(), 0U);
}

TEST_F(load_command, leaves_nothing_behind_when_its_control_address_is_taken) {
    scenario(ten_users + one_get);
    const auto taken = server_.url().substr(std::string("http://").size());
    const auto ran = run({chaosbroker_program(), "load", folder_.path("scenario.yaml").string(), "--out",
                          folder_.path("run").string(), "--admin", taken});
    EXPECT_EQ(ran.code, 4) << ran.output;
    EXPECT_TRUE(ran.says("--admin " + taken + ": ")) << ran.output;
    EXPECT_FALSE(fs::exists(folder_.path("run")));
    EXPECT_EQ(server_.connections(), 0U);
}

TEST_F(load_command, never_writes_over_a_run) {
    scenario(ten_users + one_get);
    fs::create_directory(folder_.path("run"));
    folder_.write("run/report.json", "{}");
    const auto ran = run(folder_.command());
    EXPECT_EQ(ran.code, 2) << ran.output;
    EXPECT_EQ(server_.connections(), 0U);
    EXPECT_EQ(folder_.text_of("run/report.json"), "{}");
}

TEST_F(load_command, explains_without_sending_and_dumps_when_users_come) {
    scenario(ten_users + one_get);
    const auto first = folder_.path("first.csv").string();
    const auto second = folder_.path("second.csv").string();
    const auto explained = run(folder_.command({"--explain", "--seed", "5", "--dump-arrivals", first}));
    ASSERT_EQ(explained.code, 0) << explained.output;
    EXPECT_TRUE(explained.says("front page")) << explained.output;
    EXPECT_EQ(run(folder_.command({"--explain", "--seed", "5", "--dump-arrivals", second})).code, 0);
    EXPECT_EQ(server_.connections(), 0U);
    const auto text = folder_.text_of("first.csv");
    EXPECT_EQ(text.find("scenario,user,at_s\n\"a load\",0,0.049000000\n"), 0U) << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 11);
    EXPECT_EQ(text, folder_.text_of("second.csv"));
}

TEST_F(load_command, ends_by_itself_when_it_is_told_how_long) {
    scenario(many_users + one_get);
    const auto ran = run(folder_.command({"--max-duration", "1s"}));
    EXPECT_EQ(ran.code, 0) << "as long as was asked for is no accident: " << ran.output;
    EXPECT_TRUE(ran.says("--max-duration is over")) << ran.output;
}

TEST_F(load_command, needs_a_scenario_or_a_verb) {
    const auto none = run({chaosbroker_program(), "load"});
    EXPECT_EQ(none.code, 2);
    EXPECT_TRUE(none.says("load needs a scenario file")) << none.output;
    EXPECT_EQ(run({chaosbroker_program(), "load", "nothing.yaml"}).code, 2);
}

} // namespace
} // namespace cb::tests
