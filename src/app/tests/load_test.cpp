// SPDX-License-Identifier: Apache-2.0
// The parts of `load` that need neither sockets nor a terminal.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include <boost/json/parse.hpp>

#include "app/commands.hpp"
#include "app/load_control.hpp"
#include "app/load_targets.hpp"
#include "app/load_verdict.hpp"
#include "app/load_view.hpp"
#include "load/compiler.hpp"

namespace cb::app {
namespace {

using namespace std::chrono_literals;
using found = load::check_finding::outcome;

load::workload two_steps() {
    const std::string text = "format: 1\nname: a load\nservices: {a: \"http://a\"}\ninject: {open: "
                             "[{constant_users_per_sec: {rate: 5, during: 2m}}]}\n"
                             "steps: [{http: {name: one, get: /1}}, {http: {name: two, get: /2}}]\n";
    auto work = load::read_workload(text, "test.yaml", load::machine_surroundings("test.yaml"), 1);
    if (!work) {
        throw std::runtime_error(work.error().text());
    }
    return std::move(*work);
}

load::merged_seconds a_second(const load::workload& work) {
    load::merged_seconds out(work.steps.size());
    out.second = 64;
    out.steps[0].response.record(2'000'000, 900);
    out.steps[0].slip.record(1'000'000, 900);
    out.steps[1].response.record(50'000'000, 100);
    out.steps[1].failed.record(50'000'000, 3);
    out.errors[{1, "status 503"}] = 3;
    return out;
}

load::run_state a_state() {
    load::run_state out;
    out.users = {0, 1100, 103, 0, 0};
    out.started = 12'003;
    out.ended = 10'800;
    out.connections = 1'203;
    out.cpu_ns = {1'000'000'000, 2'000'000'000};
    out.cpu_share = {0.1, 0.43};
    out.connections_of = {600, 603};
    return out;
}

TEST(load_view, bars_show_the_latest_values_beside_the_highest) {
    EXPECT_EQ(bars({}, 10), "");
    EXPECT_EQ(bars({0, 0}, 10), "  ");
    EXPECT_EQ(bars({0, 1, 4, 8}, 10), " ▁▄█");
    EXPECT_EQ(bars({100, 0.001, 4, 8}, 3), "▁▄█") << "what has left the chart does not make it flat";
}

TEST(load_view, a_plain_line_has_it_all) {
    const auto work = two_steps();
    auto figures = figures_of(work, a_second(work), a_state(), 1);
    EXPECT_EQ(plain_line(figures),
              "   1:05  users 1,203  steps 1,000/s  failed 3  p50 2.00 ms  p95 50.0 ms  p99 50.0 ms  slip p99 1.00 ms  "
              "busiest worker 43 %  (status 503 3)");
    figures.state.rate_factor = 0;
    EXPECT_NE(plain_line(figures).find("  paused"), std::string::npos);
}

std::size_t columns_of(const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

TEST(load_view, a_screen_fits_the_terminal_whatever_its_size) {
    const auto work = two_steps();
    const load_view_subject subject{work, load::outline(work), "http://127.0.0.1:1"};
    const auto second = a_second(work);
    const auto figures = figures_of(work, second, a_state(), 1);
    load_history history;
    for (int i = 0; i < 1000; ++i) {
        history.add(figures);
    }
    for (const auto& size : {screen_size{200, 50}, screen_size{80, 24}, screen_size{40, 10}, screen_size{1, 1}}) {
        const auto lines = live_screen(subject, figures, history, 65s, second, size);
        EXPECT_LE(lines.size(), std::max<std::size_t>(1, size.rows - 1)) << size.columns;
        for (const auto& each : lines) {
            EXPECT_LE(columns_of(each.text), size.columns) << each.text;
        }
    }
}

TEST(load_view, a_screen_shows_progress_steps_and_alarms) {
    const auto work = two_steps();
    const load_view_subject subject{work, load::outline(work), ""};
    const auto second = a_second(work);
    const auto lines = live_screen(subject, figures_of(work, second, a_state(), 1), {}, 60s, second, {160, 40});
    std::string all;
    std::string alarms;
    for (const auto& each : lines) {
        all += each.text + "\n";
        alarms += each.alarm ? each.text.substr(0, 6) + ";" : "";
    }
    EXPECT_NE(all.find("a load  1:05 of 2:00"), std::string::npos) << all;
    EXPECT_NE(all.find("50 %"), std::string::npos) << all;
    EXPECT_NE(all.find("pausing 1,100  requesting 103"), std::string::npos) << all;
    EXPECT_NE(all.find("3 of 1,000 (0.3 %)   status 503 3"), std::string::npos) << all;
    EXPECT_NE(all.find("two "), std::string::npos) << all;
    EXPECT_EQ(alarms, "failed;") << all;
}

/// What a view prints of seven seconds, a notice among them.
std::string printed(std::unique_ptr<load_view> view, const load::workload& work) {
    testing::internal::CaptureStdout();
    view->started();
    for (std::int64_t i = 0; i < 7; ++i) {
        auto second = a_second(work);
        second.second = i;
        view->second(second, a_state(), 1s * (i + 1), second);
        if (i == 2) {
            view->notice("a worker is lost");
        }
    }
    view->ended();
    return testing::internal::GetCapturedStdout();
}

TEST(load_view, a_long_run_has_a_line_each_five_seconds_and_one_for_the_rest) {
    const auto work = two_steps();
    const auto text = printed(make_plain_view({work, load::outline(work), ""}), work);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
    EXPECT_EQ(text.find("a worker is lost\n   0:05  users 1,203  steps 1,000/s  failed 15  "), 0U) << text;
    EXPECT_NE(text.find("\n   0:07  users 1,203  steps 1,000/s  failed 6  "), std::string::npos) << text;
}

TEST(load_view, json_is_a_document_a_second) {
    const auto work = two_steps();
    std::istringstream lines(printed(make_json_view({work, load::outline(work), ""}), work));
    std::int64_t second = 0;
    for (std::string line; std::getline(lines, line); ++second) {
        const auto read = boost::json::parse(line);
        EXPECT_EQ(read.at("second").as_int64(), second);
        EXPECT_NEAR(static_cast<double>(read.at("response_us").at("p50").as_int64()), 2000, 2);
        EXPECT_EQ(read.at("errors").at(0).at("step").as_string(), "two");
    }
    EXPECT_EQ(second, 7);
}

TEST(load_view, the_live_view_draws_over_itself_and_leaves_notices_above) {
    const auto work = two_steps();
    const auto text = printed(make_live_view({work, load::outline(work), ""}), work);
    const auto notice = text.find("a worker is lost\n");
    ASSERT_NE(notice, std::string::npos);
    EXPECT_EQ(text.compare(notice + std::string("a worker is lost\n").size(), 6, "a load"), 0)
        << "nothing is cleared that the notice stands in";
    std::size_t drawn = 0;
    for (auto at = text.find("\x1b[J"); at != std::string::npos; at = text.find("\x1b[J", at + 1)) {
        ++drawn;
    }
    EXPECT_EQ(drawn, 7U) << "the first drawing and the one after the notice have nothing to clear";
}

TEST(load_verdict, says_each_reason_for_distrust_in_a_sentence) {
    auto work = two_steps();
    const auto totals = a_second(work);
    auto state = a_state();
    EXPECT_TRUE(reasons_for_distrust(work, totals, state, {10s, 2min, false}).empty());
    work.slip_p99_max_ms = 0.5;
    work.own_cpu_max_percent = 10;
    state.workers_lost = 1;
    state.refused = 4;
    const auto reasons = reasons_for_distrust(work, totals, state, {10s, 2min, true});
    ASSERT_EQ(reasons.size(), 5U);
    EXPECT_EQ(reasons[0], "the generator itself was late: slip p99 is 1.0 ms, trust.slip_p99 allows 0.5 ms");
    EXPECT_EQ(reasons[1],
              "the busiest worker took 20 % of a core, trust.cpu allows 10 %: give more cores, or --workers");
    EXPECT_EQ(reasons[2], "1 of 2 workers ended before their users had: their last second is missing");
    EXPECT_EQ(reasons[3], "4 users found no room and never came: raise limits.users");
    EXPECT_EQ(reasons[4], "stopped after 10s of the 2m in which users were to come");
    EXPECT_EQ(reasons_for_distrust(work, totals, state, {1s, 2min, true}).size(), 4U)
        << "of a short run CPU says nothing";
}

TEST(load_verdict, says_what_became_of_awaited_events) {
    auto work = two_steps();
    EXPECT_TRUE(await_outcomes(work, load::merged_seconds(work.steps.size())).empty()) << "nobody awaits anything";
    work.steps[1].what = load::measured_step::kind::await;
    load::merged_seconds totals(work.steps.size());
    totals.steps[1].response.record(1'000'000, 10);
    totals.steps[1].failed.record(1'000'000, 3);
    totals.steps[1].doubled = 2;
    totals.steps[1].late = 1;
    EXPECT_EQ(await_outcomes(work, totals),
              std::vector<std::string>{work.steps[1].name + ": 7 came, 3 missing, 2 doubled, 1 late, 0 early"});
    auto state = a_state();
    state.events_displaced = 5;
    EXPECT_EQ(reasons_for_distrust(work, a_second(work), state, {10s, 2min, false}).size(), 1U);
}

TEST(load_verdict, distrust_outweighs_checks_and_a_broken_check_an_undecided_one) {
    const auto work = two_steps();
    const auto totals = a_second(work);
    const load::check_finding held{"count", "> 1", "2", found::held, {}, {}};
    const load::check_finding broken{"errors", "< 1%", "2%", found::broken, {}, {}};
    const load::check_finding undecided{"rate", "> 1", {}, found::undecided, "why", {}};
    const auto code = [&](const std::vector<std::string>& distrust, const std::vector<load::check_finding>& findings) {
        return exit_code_of(judge(work, totals, distrust, findings).value);
    };
    EXPECT_EQ(code({}, {}), exit_code::done);
    EXPECT_EQ(code({}, {held}), exit_code::done);
    EXPECT_EQ(code({}, {undecided, broken}), exit_code::failed);
    EXPECT_EQ(code({}, {held, undecided}), exit_code::inconclusive);
    EXPECT_EQ(code({"late"}, {broken}), exit_code::inconclusive);
    const auto both = judge(work, totals, {"late"}, {broken});
    EXPECT_EQ(both.reasons, (std::vector<std::string>{"not to be trusted: late", "errors: expected < 1%, found 2%"}));
}

TEST(load_verdict, a_run_of_nothing_but_failures_has_measured_nothing) {
    const auto work = two_steps();
    load::merged_seconds totals(work.steps.size());
    EXPECT_EQ(judge(work, totals, {}, {}).value, runstore::outcome::inconclusive);
    totals.steps[0].response.record(1'000, 5);
    totals.steps[0].failed.record(1'000, 5);
    totals.errors[{0, "connection refused"}] = 5;
    EXPECT_EQ(judge(work, totals, {}, {}).reasons.at(0),
              "nothing was measured: all 5 steps failed, most of them by: connection refused");
    const load::check_finding down{"errors", "== 100%", "100%", found::held, {}, {}};
    EXPECT_EQ(judge(work, totals, {}, {down}).value, runstore::outcome::passed) << "somebody asked for just that";
}

load_target far_target(const std::string& host) {
    load::target to;
    to.host = host;
    to.port = 81;
    return {"shop", host, "http://" + host + ":81", load::resolve(to)};
}

TEST(load_targets, beyond_loopback_each_host_must_be_named) {
    const std::vector<load_target> targets{far_target("127.0.0.9"), far_target("192.0.2.1"), far_target("192.0.2.2")};
    EXPECT_NO_THROW(refuse_far_targets(targets, {"192.0.2.2", "192.0.2.1"}));
    try {
        refuse_far_targets(targets, {"192.0.2.2"});
        ADD_FAILURE() << "was not refused";
    } catch (const command_error& refused) {
        EXPECT_EQ(refused.code(), exit_code::usage);
        const std::string sentence = refused.what();
        EXPECT_NE(sentence.find("--allow-target 192.0.2.1"), std::string::npos) << sentence;
        EXPECT_EQ(sentence.find("192.0.2.2"), std::string::npos) << sentence;
        EXPECT_EQ(sentence.find("127.0.0.9"), std::string::npos) << sentence;
    }
}

TEST(load_targets, brokers_are_targets_too) {
    auto work = two_steps();
    work.targets.clear();
    work.brokers = "127.0.0.1:92, 192.0.2.7:93";
    const auto targets = look_up_targets(work);
    ASSERT_EQ(targets.size(), 2U);
    EXPECT_EQ(targets[1].url, "kafka://192.0.2.7:93");
    EXPECT_THROW(refuse_far_targets(targets, {}), command_error);
}

TEST(load_targets, the_announcement_shows_no_path) {
    auto work = two_steps();
    work.targets[0].host = "127.0.0.1";
    work.targets[0].base_path = "/secret";
    load::load_plan plan;
    plan.users_max = 1234;
    plan.warnings = {"ports are few"};
    const auto text = announcement(work, look_up_targets(work), plan, load::outline(work));
    EXPECT_EQ(text.find("secret"), std::string::npos) << text;
    EXPECT_NE(text.find("a load: 5 users a second at the peak, 1,234 users at the same time at most, over 2m"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("warning: ports are few"), std::string::npos) << text;
}

class recording_controls final : public load_controls {
public:
    void set_rate(double factor) override { rates.push_back(factor); }
    void stop() override { ++stops; }
    std::vector<double> rates;
    int stops = 0;
};

TEST(load_desk, remembers_the_rate_over_a_pause) {
    const auto work = two_steps();
    recording_controls controls;
    load_desk desk(work, load::outline(work), 2, controls);
    const auto state = [](const admin::http_response& answer) { return boost::json::parse(answer.body).at("state"); };
    EXPECT_EQ(desk.change(R"({"rate": 2.5})").status, 200U);
    EXPECT_EQ(state(desk.pause()), "paused");
    EXPECT_EQ(state(desk.pause()), "paused");
    EXPECT_EQ(state(desk.resume()), "running");
    EXPECT_EQ(state(desk.resume()), "running");
    EXPECT_EQ(controls.rates, (std::vector<double>{2.5, 0, 0, 2.5}));
    EXPECT_EQ(state(desk.stop()), "stopping");
    EXPECT_EQ(controls.stops, 1);
}

TEST(load_desk, refuses_rates_that_are_none) {
    const auto work = two_steps();
    recording_controls controls;
    load_desk desk(work, load::outline(work), 2, controls);
    for (const auto* wrong : {"", "[]", "{}", R"({"rate": -1})", R"({"rate": "2"})", R"({"rate": 1e300})",
                              R"({"rate": 1001})", R"({"speed": 2})"}) {
        const auto answer = desk.change(wrong);
        EXPECT_EQ(answer.status, 400U) << wrong;
        EXPECT_NE(boost::json::parse(answer.body).at("error").at("message").as_string().find("{\"rate\": 1.5}"),
                  std::string::npos);
    }
    EXPECT_TRUE(controls.rates.empty());
}

TEST(load_desk, has_metrics_that_only_grow) {
    const auto work = two_steps();
    recording_controls controls;
    load_desk desk(work, load::outline(work), 2, controls);
    desk.second(a_second(work), a_state(), 1s);
    desk.second(a_second(work), a_state(), 2s);
    const auto page = desk.metrics();
    for (const auto* line : {"chaosbroker_load_response_seconds_count{step=\"one\"} 1800\n",
                             "chaosbroker_load_response_seconds_bucket{step=\"two\",le=\"0.1\"} 200\n",
                             "chaosbroker_load_failed_total{step=\"two\"} 6\n",
                             "chaosbroker_load_errors_total{step=\"two\",kind=\"status 503\"} 6\n",
                             "chaosbroker_load_users{state=\"requesting\"} 103\n",
                             "chaosbroker_load_worker_cpu_seconds_total{worker=\"1\"} 2\n"}) {
        EXPECT_NE(page.find(line), std::string::npos) << line << page;
    }
}

/// `load WORDS…`, as far as the command line goes: what is refused before anything is read or asked.
exit_code refused_by_command_line(const std::vector<std::string>& words) {
    CLI::App program;
    auto outcome = exit_code::done;
    add_load_command(program, outcome);
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    reversed.emplace_back("load");
    try {
        program.parse(reversed);
    } catch (const CLI::ParseError&) {
        return exit_code::usage;
    } catch (const command_error& wrong) {
        return wrong.code();
    }
    return outcome;
}

TEST(load_command_line, a_word_is_a_verb_and_a_path_is_a_file) {
    EXPECT_EQ(refused_by_command_line({}), exit_code::usage);
    EXPECT_EQ(refused_by_command_line({"./pause"}), exit_code::usage) << "a file that is not there";
    // A port that nobody listens on: the verb was understood.
    EXPECT_EQ(refused_by_command_line({"pause", "--admin", "http://127.0.0.1:1"}), exit_code::environment);
    EXPECT_EQ(refused_by_command_line({"rate", "--admin", "http://127.0.0.1:1"}), exit_code::usage) << "how fast?";
    EXPECT_EQ(refused_by_command_line({"rate", "2", "--admin", "nowhere"}), exit_code::usage);
    EXPECT_EQ(refused_by_command_line({"a.yaml", "--workers", "0"}), exit_code::usage);
    EXPECT_EQ(refused_by_command_line({"a.yaml", "--seed", "-1"}), exit_code::usage);
}

} // namespace
} // namespace cb::app
