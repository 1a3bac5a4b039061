// SPDX-License-Identifier: Apache-2.0
#include "load/user_scheduler.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "load/compiler.hpp"

namespace cb::load {
namespace {

using namespace std::chrono_literals;
const mono_time start{1000s};

/// Answers every request after a fixed time, when the clock has come there; notes what was asked.
class answering final : public step_driver {
public:
    nanoseconds service = 10ms;
    int status = 200;
    bool silent = false;
    struct asked {
        user_index user;
        mono_time at;
        std::string text;
    };
    std::vector<asked> seen;
    std::multimap<mono_time, std::pair<user_index, mono_time>> under_way;
    std::set<user_index> gone;
    int abandoned = 0;
    user_scheduler* users = nullptr;

    void begin_http(user_index user, const http_request& request, mono_time now) override {
        std::string text;
        users->render_request(user, request, text);
        seen.push_back({user, now, text});
        if (!silent) {
            under_way.emplace(now + service, std::pair(user, now));
        }
    }
    void begin_publish(user_index, const kafka_message&, mono_time) override {}
    void begin_await(user_index, const await_event&, mono_time) override {}
    std::optional<mono_time> abandon(user_index user) override {
        ++abandoned;
        std::erase_if(under_way, [&](const auto& each) { return each.second.first == user; });
        return start;
    }
    void user_gone(user_index user) override { gone.insert(user); }

    void answer_until(mono_time now) {
        while (!under_way.empty() && under_way.begin()->first <= now) {
            const auto [when, who] = *under_way.begin();
            under_way.erase(under_way.begin());
            const std::string head = "HTTP/1.1 200 OK\r\nSet-Cookie: id=" + std::to_string(who.first) + "\r\n\r\n";
            users->http_ended(who.first, {status, head, R"({"id": "good-1"})"}, who.second, when);
        }
    }
};

workload compiled(const std::string& yaml) {
    auto work = read_workload("format: 1\nname: test\nservices: {shop: http://127.0.0.1:1}\n" + yaml, "test.yaml",
                              machine_surroundings("test.yaml"), 7);
    EXPECT_TRUE(work) << work.error().text();
    return std::move(*work);
}

/// A scheduler, its driver and a clock that goes in steps.
struct simulation {
    workload work;
    step_recorder recorder;
    answering driver;
    user_scheduler users;
    mono_time now = start;

    explicit simulation(const std::string& yaml, worker_share share = {}, std::size_t users_max = 1000)
        : work(compiled(yaml)), recorder(work.steps.size()), users(work, share, users_max, start, driver, recorder) {
        driver.users = &users;
    }
    void run_until(mono_time end, nanoseconds step = 1ms) {
        for (; now < end; now += step) {
            driver.answer_until(now);
            while (users.advance(now)) {
            }
        }
    }
};

TEST(user_scheduler, runs_users_to_their_end_and_measures_from_the_intended_instant) {
    simulation at("inject: {open: [{at_once_users: 3}]}\n"
                  "steps: [{http: {name: a, get: /a}}, {pause: 100ms}, {http: {name: b, get: /b}}]");
    at.run_until(start + 1s);
    EXPECT_TRUE(at.users.finished());
    EXPECT_EQ(at.users.started(), 3U);
    EXPECT_EQ(at.users.ended(), 3U);
    EXPECT_EQ(at.driver.gone.size(), 3U);
    ASSERT_EQ(at.driver.seen.size(), 6U);
    EXPECT_EQ(at.driver.seen[0].text,
              "GET /a HTTP/1.1\r\nHost: 127.0.0.1:1\r\nUser-Agent: chaosbroker\r\nAccept: */*\r\n\r\n");
    // 10 ms of service, then the pause from the answer's end: the wheel and the steps of this clock add at most 1.1 ms.
    EXPECT_GE(at.driver.seen[3].at, start + 110ms);
    EXPECT_LE(at.driver.seen[3].at, start + 112ms);
    const auto& b = at.recorder.steps()[1];
    EXPECT_EQ(b.response.count(), 3U);
    EXPECT_NEAR(b.service.mean(), 10e6, 0.01e6);
    EXPECT_GE(b.response.mean(), b.service.mean());
    EXPECT_LE(b.slip.max(), 2'000'000);
}

TEST(user_scheduler, a_late_generator_is_seen_in_response_and_slip_and_not_in_service) {
    simulation at("inject: {open: [{constant_users_per_sec: {rate: 100, during: 1s}}]}\narrivals: uniform\n"
                  "steps: [{http: {name: a, get: /}}]");
    at.now = start + 500ms; // held up for half a second: fifty users have been waiting, 250 ms on average
    at.run_until(start + 2s);
    const auto& a = at.recorder.steps()[0];
    EXPECT_EQ(a.response.count(), 100U);
    EXPECT_NEAR(a.service.mean(), 10e6, 0.1e6);
    EXPECT_NEAR(a.slip.mean(), 125e6, 10e6);
    EXPECT_NEAR(a.response.mean(), 135e6, 10e6);
}

TEST(user_scheduler, failures_are_counted_by_kind_and_lead_where_the_scenario_says) {
    const std::string inject = "inject: {open: [{at_once_users: 2}]}\n";
    simulation going_on(inject + "steps: [{http: {name: a, get: /}}, {http: {name: b, get: /}}]");
    going_on.driver.status = 503;
    going_on.run_until(start + 1s);
    EXPECT_EQ(going_on.recorder.errors().at(error_key(0, "status 503")), 2U);
    EXPECT_EQ(going_on.recorder.steps()[0].failed.count(), 2U);
    EXPECT_EQ(going_on.recorder.steps()[1].response.count(), 2U);

    simulation stopping(inject + "on_failure: stop\nsteps: [{http: {name: a, get: /}}, {http: {name: b, get: /}}]");
    stopping.driver.status = 503;
    stopping.run_until(start + 1s);
    EXPECT_TRUE(stopping.users.finished());
    EXPECT_TRUE(stopping.recorder.steps()[1].response.empty());
}

TEST(user_scheduler, a_request_without_an_answer_times_out_with_its_time_in_the_latencies) {
    simulation at("inject: {open: [{at_once_users: 1}]}\nsteps: [{http: {name: a, get: /, timeout: 2s}}]");
    at.driver.silent = true;
    at.run_until(start + 3s);
    EXPECT_TRUE(at.users.finished());
    EXPECT_EQ(at.driver.abandoned, 1);
    EXPECT_EQ(at.recorder.errors().at(error_key(0, "timeout")), 1U);
    EXPECT_NEAR(at.recorder.steps()[0].response.mean(), 2e9, 0.01e9);
}

TEST(user_scheduler, loops_branches_values_and_feeds) {
    simulation at("inject: {open: [{at_once_users: 1}]}\ncookies: true\n"
                  "steps:\n"
                  "  - repeat:\n"
                  "      times: 3\n"
                  "      steps:\n"
                  "        - http: {name: post, post: '/n/${loop}', json: {user: '${user}'}, save: {good: $.id}}\n"
                  "        - pause: 5ms\n"
                  "  - if: {condition: '${good} == good-1', steps: [{http: {name: right, get: '/${good}'}}],\n"
                  "         else: [{http: {name: wrong, get: /}}]}\n"
                  "  - during: {for: 95ms, steps: [{http: {name: timed, get: /}}, {pause: 20ms}]}\n");
    at.run_until(start + 2s);
    ASSERT_TRUE(at.users.finished());
    std::map<std::string, std::uint64_t> counts;
    for (std::size_t i = 0; i < at.work.steps.size(); ++i) {
        counts[at.work.steps[i].name] = at.recorder.steps()[i].response.count();
    }
    EXPECT_EQ(counts["post"], 3U);
    EXPECT_EQ(counts["right"], 1U);
    EXPECT_EQ(counts["wrong"], 0U);
    EXPECT_EQ(counts["timed"], 4U) << "30 ms a pass, the last begins before the 95 ms are over";
    EXPECT_NE(at.driver.seen[1].text.find("POST /n/1 "), std::string::npos) << at.driver.seen[1].text;
    EXPECT_NE(at.driver.seen[1].text.find("Cookie: id=0\r\n"), std::string::npos);
    EXPECT_NE(at.driver.seen[0].text.find("\r\n\r\n{\"user\":\"0\"}"), std::string::npos) << at.driver.seen[0].text;
    EXPECT_NE(at.driver.seen[3].text.find("GET /good-1 "), std::string::npos);
}

TEST(user_scheduler, pace_is_anchored_to_the_users_start_and_shows_a_stall) {
    simulation at("inject: {open: [{at_once_users: 1}]}\n"
                  "steps: [{repeat: {times: 10, steps: [{pace: 100ms}, {http: {name: a, get: /}}]}}]");
    at.run_until(start + 350ms);
    at.driver.service = 500ms; // a stall in the middle, of one answer
    at.run_until(start + 450ms);
    at.driver.service = 10ms;
    at.run_until(start + 3s);
    const auto& a = at.recorder.steps()[0];
    EXPECT_EQ(a.response.count(), 10U);
    // The passes behind the stall were intended 100 ms apart, whatever came before them.
    EXPECT_GE(a.response.value_at_percentile(70), 100'000'000);
    EXPECT_LE(a.service.value_at_percentile(80), 11'000'000);
    EXPECT_LE(a.slip.max(), 3'000'000) << "which was not the generator's fault";
}

TEST(user_scheduler, workers_share_all_arrivals_and_none_comes_twice) {
    const std::string yaml = "inject: {open: [{constant_users_per_sec: {rate: 500, during: 1s}}]}\n"
                             "steps: [{http: {name: a, get: '/${user}'}}]";
    std::vector<std::string> alone;
    std::vector<std::string> shared;
    simulation one(yaml);
    one.run_until(start + 2s);
    for (const auto& each : one.driver.seen) {
        alone.push_back(each.text);
    }
    for (std::uint32_t index = 0; index < 3; ++index) {
        simulation part(yaml, {index, 3});
        part.run_until(start + 2s);
        EXPECT_TRUE(part.users.finished());
        for (const auto& each : part.driver.seen) {
            shared.push_back(each.text);
        }
    }
    std::sort(alone.begin(), alone.end());
    std::sort(shared.begin(), shared.end());
    EXPECT_EQ(alone, shared);
    EXPECT_GT(alone.size(), 400U);
}

TEST(user_scheduler, closed_plans_keep_so_many_users_there) {
    simulation at("inject: {closed: [{constant_concurrent_users: {users: 50, during: 5s}}]}\n"
                  "steps: [{http: {name: a, get: /}}, {pause: 200ms}]");
    at.run_until(start + 2s);
    for (; at.now < start + 4s; at.now += 1ms) {
        at.driver.answer_until(at.now);
        at.users.advance(at.now);
        ASSERT_GE(at.users.users().present(), 45U);
        ASSERT_LE(at.users.users().present(), 50U);
    }
    at.run_until(start + 7s);
    EXPECT_TRUE(at.users.finished());
}

TEST(user_scheduler, the_rate_changes_while_users_come) {
    simulation at("inject: {open: [{constant_users_per_sec: {rate: 100, during: 10s}}]}\narrivals: uniform\n"
                  "steps: [{http: {name: a, get: /}}]");
    at.run_until(start + 1s);
    EXPECT_NEAR(static_cast<double>(at.users.started()), 100, 2);
    at.users.set_rate(0, at.now);
    at.run_until(start + 3s);
    EXPECT_NEAR(static_cast<double>(at.users.started()), 100, 2);
    at.users.set_rate(4, at.now);
    at.run_until(start + 4s);
    EXPECT_NEAR(static_cast<double>(at.users.started()), 500, 5);
    at.users.set_rate(1, at.now);
    at.run_until(start + 20s);
    EXPECT_EQ(at.users.started(), 1000U);
    EXPECT_TRUE(at.users.finished());
}

TEST(user_scheduler, refuses_users_beyond_its_table_and_says_so) {
    simulation at("inject: {open: [{at_once_users: 10}]}\nsteps: [{http: {name: a, get: /}}]", {}, 4);
    at.run_until(start + 1s);
    EXPECT_EQ(at.users.started(), 4U);
    EXPECT_EQ(at.users.refused(), 6U);
    EXPECT_EQ(at.recorder.errors().at(error_key(no_step, "no room for another user")), 6U);
}

TEST(user_scheduler, stops_all_users_at_once) {
    simulation at("inject: {open: [{at_once_users: 10}, {nothing_for: 1h}, {at_once_users: 10}]}\n"
                  "steps: [{http: {name: a, get: /}}, {pause: 1h}]");
    at.run_until(start + 5ms);
    at.users.stop();
    EXPECT_TRUE(at.users.finished());
    EXPECT_EQ(at.users.users().present(), 0U);
    EXPECT_EQ(at.driver.abandoned, 10);
}

TEST(user_scheduler, a_scenario_that_follows_another_waits_for_its_order) {
    simulation at("scenarios:\n"
                  "  - {name: first, inject: {open: [{at_once_users: 1}]}, steps: [{http: {name: a, get: /}}]}\n"
                  "  - {name: second, after: first, inject: {open: [{at_once_users: 2}]},\n"
                  "     steps: [{http: {name: b, get: /}}]}\n");
    at.run_until(start + 100ms);
    EXPECT_TRUE(at.users.finished(0));
    EXPECT_FALSE(at.users.finished());
    EXPECT_EQ(at.users.started(), 1U);
    at.users.set_rate(0, at.now); // a pause holds for a scenario that begins in it
    at.users.begin(1, at.now);
    at.run_until(at.now + 100ms);
    EXPECT_EQ(at.users.started(), 1U);
    at.users.set_rate(1, at.now);
    at.run_until(at.now + 100ms);
    EXPECT_TRUE(at.users.finished());
    EXPECT_EQ(at.users.started(), 3U);
}

} // namespace
} // namespace cb::load
