// SPDX-License-Identifier: Apache-2.0
// What the engine is told to do.
#include "load/compiler.hpp"

#include <gtest/gtest.h>

#include "load/response_rule.hpp"
#include "test_files.hpp"
#include "test_user.hpp"

namespace cb::load {
namespace {

using namespace std::chrono_literals;

workload compiled(const std::string& text) {
    auto read = read_workload(text, "s.yaml", testing::made_up(testing::people), 9);
    EXPECT_TRUE(read) << read.error().text();
    return read ? std::move(*read) : workload();
}

workload with_steps(const std::string& steps, const std::string& more = "") {
    return compiled("format: 1\nname: n\nservices: {a: http://a/base/, b: 'https://[::1]:8443'}\nbrokers: k:1\n"
                    "feed: {people: {file: people.csv}}\n" +
                    more + "inject: {open: [{at_once_users: 1}]}\nsteps:\n" + steps);
}

std::string rendered(const text_template& text) {
    testing::test_user user;
    user.values[0] = "a b&\"c\"";
    user.cells[{0, 1}] = "Bad Ems";
    std::string out;
    render(text, user, out);
    return out;
}

/// The code, a line an instruction: readable where a test goes wrong.
std::string listing(const program& of) {
    const char* names[] = {"http",        "produce", "await",      "pause",       "pace",       "jump",
                           "branch",      "pick",    "loop_begin", "loop_test",   "loop_again", "during_begin",
                           "during_test", "feed",    "set",        "group_begin", "group_end",  "stop"};
    std::string out;
    for (const auto& each : of.code) {
        out += std::string(out.empty() ? "" : "; ") + names[static_cast<int>(each.op)] + " " + std::to_string(each.a) +
               "," + std::to_string(each.b) + "," + std::to_string(each.c);
    }
    return out;
}

TEST(compiler, the_designs_example) {
    const auto work = compiled(testing::deliver_a_bike);
    EXPECT_EQ(work.title, "deliver-a-bike");
    EXPECT_EQ(work.seed, 9U);
    ASSERT_EQ(work.targets.size(), 2U);
    EXPECT_EQ(work.targets[1].name, "tracking");
    EXPECT_EQ(work.targets[1].port, 8085);
    EXPECT_EQ(work.targets[1].host_header, "localhost:8085");
    ASSERT_EQ(work.steps.size(), 3U);
    EXPECT_EQ(work.steps[1].name, "matched");
    EXPECT_EQ(work.steps[1].what, measured_step::kind::await);
    EXPECT_EQ(work.steps[1].service, "announcement_matched");
    ASSERT_EQ(work.programs.size(), 1U);
    const auto& program = work.programs[0];
    EXPECT_EQ(program.arrivals.users(), 63'015U);
    EXPECT_TRUE(program.arrivals.poisson);
    EXPECT_EQ(listing(program), "http 0,0,0; pause 0,0,0; await 0,0,0; loop_begin 0,0,0; loop_test 0,7,0; http 1,0,0; "
                                "loop_again 0,4,0; stop 0,0,0");
    EXPECT_EQ(program.counters, 2); // the loop, and when "announce a good" began
    EXPECT_EQ(program.http[0].began_counter, 1);
    EXPECT_EQ(program.awaits[0].since_counter, 1);
    EXPECT_EQ(program.http[1].began_counter, std::nullopt);
    EXPECT_EQ(program.saved, std::vector<std::string>{"good"});
    EXPECT_EQ(program.feeds, std::vector<std::uint16_t>{0});
    EXPECT_EQ(rendered(program.http[0].head),
              "POST /announcements HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: chaosbroker\r\n"
              "Accept: */*\r\nContent-Type: application/json\r\n");
    EXPECT_EQ(rendered(*program.http[0].body), R"({"type":"GOOD","from":"Bad Ems"})");
    EXPECT_EQ(program.http[0].timeout, 60s);
    EXPECT_TRUE(program.http[0].judge.needs_body());
    EXPECT_TRUE(program.http[1].judge.only_status());
    EXPECT_FALSE(program.http[1].body.has_value());
    EXPECT_EQ(rendered(program.http[1].head).substr(0, 42), "GET /goods/a%20b%26%22c%22 HTTP/1.1\r\nHost:");
    EXPECT_EQ(program.awaits[0].since, program.http[0].step);
    EXPECT_EQ(program.awaits[0].within, 30s);
    ASSERT_EQ(work.awaited.size(), 1U);
    EXPECT_EQ(work.awaited[0].fields[0].path, "$.good.id");
    ASSERT_EQ(work.checks.size(), 2U);
    EXPECT_EQ(work.checks[0].text, "latency of announce a good: p99 < 250ms");
    EXPECT_EQ(work.checks[0].percentile, 99);
    EXPECT_EQ(work.checks[0].limit, 250);
    EXPECT_EQ(work.checks[0].step, program.http[0].step);
    EXPECT_EQ(work.checks[1].text, "errors of all steps: < 1%");
    EXPECT_DOUBLE_EQ(work.checks[1].limit, 0.01);
    EXPECT_FALSE(work.checks[1].step.has_value());
}

TEST(compiler, requests) {
    const auto work = with_steps(R"(
  - set: {x: 1}
  - http: {service: a, put: "/p?a=1", query: {"q 1": "${x}", r: "z/z"}, headers: {X-A: "${x}", accept: text/html},
           bearer: "${env:TOKEN}", form: {"k k": "${x}", b: "ä&"}, cookies: true}
  - http: {service: b, post: /empty}
  - http: {service: b, delete: "/${people.town}", headers: {Host: other}}
  - http: {service: b, head: /h, timeout: 3s}
  - http: {service: b, patch: /t, body: "raw ${x}"}
)");
    const auto& http = work.programs[0].http;
    ASSERT_EQ(http.size(), 5U);
    EXPECT_EQ(rendered(http[0].head),
              "PUT /base/p?a=1&q%201=a%20b%26%22c%22&r=z%2Fz HTTP/1.1\r\nHost: a\r\nUser-Agent: chaosbroker\r\n"
              "Content-Type: application/x-www-form-urlencoded\r\nAuthorization: Bearer s3cret\r\nX-A: a b&\"c\"\r\n"
              "accept: text/html\r\n");
    EXPECT_EQ(rendered(*http[0].body), "k+k=a+b%26%22c%22&b=%C3%A4%26");
    EXPECT_TRUE(http[0].keeps_cookies);
    EXPECT_FALSE(http[1].keeps_cookies);
    EXPECT_TRUE(work.programs[0].cookies);
    EXPECT_EQ(rendered(http[1].head).substr(0, 44), "POST /empty HTTP/1.1\r\nHost: [::1]:8443\r\nUser");
    EXPECT_TRUE(http[1].body.has_value() && rendered(*http[1].body).empty());
    EXPECT_TRUE(work.targets[1].tls);
    EXPECT_EQ(work.targets[1].host, "::1");
    EXPECT_EQ(rendered(http[2].head),
              "DELETE /Bad%20Ems HTTP/1.1\r\nUser-Agent: chaosbroker\r\nAccept: */*\r\nHost: other\r\n");
    EXPECT_TRUE(http[3].head_method);
    EXPECT_EQ(http[3].timeout, 3s);
    EXPECT_EQ(rendered(*http[4].body), "raw a b&\"c\"");
    EXPECT_NE(rendered(http[4].head).find("Content-Type: text/plain; charset=utf-8\r\n"), std::string::npos);
}

TEST(compiler, json_keeps_its_types) {
    const auto work = with_steps(R"(
  - set: {x: 1}
  - http:
      service: a
      post: /
      json:
        "${x}": ["${x}", '5', 5, -1.5e3, 05, 0x1F, true, "true", null, ~, yes, {}, [], "a\n\"b\"", .5, 1.]
        nested: {deep: {deeper: 1}}
)");
    EXPECT_EQ(
        rendered(*work.programs[0].http[0].body),
        R"({"a b&\"c\"":["a b&\"c\"","5",5,-1.5e3,"05","0x1F",true,"true",null,null,"yes",{},[],"a\n\"b\"",".5","1."],)"
        R"("nested":{"deep":{"deeper":1}}})");
}

TEST(compiler, loops_and_branches) {
    EXPECT_EQ(
        listing(
            with_steps("  - repeat: {times: '${user}', steps: [{http: {service: a, get: '/${loop}'}}]}").programs[0]),
        "loop_begin 0,0,0; loop_test 0,4,0; http 0,0,0; loop_again 0,1,0; stop 0,0,0");
    const auto during = with_steps("  - during: {for: 1m, steps: [{http: {service: a, get: '/${loop}'}}, {repeat: "
                                   "{times: 2, steps: [{pause: 1s}]}}]}");
    EXPECT_EQ(listing(during.programs[0]),
              "loop_begin 0,0,0; during_begin 1,0,0; during_test 1,9,0; http 0,0,0; loop_begin 2,0,0; loop_test 2,8,0; "
              "pause 1,0,0; loop_again 2,5,0; loop_again 0,2,0; stop 0,0,0");
    EXPECT_EQ(during.programs[0].counters, 3);
    const auto waiting = with_steps(
        "  - while: {condition: '${state} != DONE', steps: [{http: {service: a, get: /, save: {state: $.s}}}]}");
    EXPECT_EQ(listing(waiting.programs[0]), "loop_begin 0,0,0; branch 0,4,0; http 0,0,0; loop_again 0,1,0; stop 0,0,0");
    EXPECT_EQ(waiting.programs[0].conditions[0].is, condition::relation::not_equal);
    EXPECT_EQ(rendered(waiting.programs[0].conditions[0].right), "DONE");
    EXPECT_EQ(
        listing(
            with_steps(
                "  - if: {condition: {exists: '${user}'}, steps: [{pause: 1s}], else: [{pause: 2s}]}\n  - pause: 3s")
                .programs[0]),
        "branch 0,3,0; pause 0,0,0; jump 0,4,0; pause 1,0,0; pause 2,0,0; stop 0,0,0");
    EXPECT_EQ(listing(with_steps("  - if: {condition: '${user} <= 3', steps: [{pause: 1s}]}").programs[0]),
              "branch 0,2,0; pause 0,0,0; stop 0,0,0");
    const auto choice =
        with_steps("  - switch: [{share: 70%, steps: [{pause: 1s}]}, {share: 10%, steps: [{pause: 2s}]}]");
    EXPECT_EQ(listing(choice.programs[0]), "pick 0,0,0; pause 0,0,0; jump 0,5,0; pause 1,0,0; jump 0,5,0; stop 0,0,0");
    EXPECT_EQ(choice.programs[0].switches[0].go_to, (std::vector<code_index>{1, 3, 5}));
    EXPECT_EQ(choice.programs[0].switches[0].up_to.back(), 1);
    EXPECT_NEAR(choice.programs[0].switches[0].up_to[1], 0.8, 1e-12);
    const auto whole = with_steps("  - switch: [{share: 30, steps: [{pause: 1s}]}, {share: 70, steps: [{pause: 2s}]}]");
    EXPECT_EQ(whole.programs[0].switches[0].go_to.size(), 2U);
    EXPECT_EQ(whole.programs[0].switches[0].up_to.back(), 1);
}

TEST(compiler, loops_side_by_side_share_a_counter_and_a_pace_has_its_own) {
    const auto work = with_steps(R"(
  - repeat: {times: 2, name: outer, steps: [{pace: 1s}, {repeat: {times: 2, steps: [
        {http: {service: a, get: "/${loop}/${loop:outer}"}}]}}]}
  - repeat: {times: 2, steps: [{pace: 2s}]}
)");
    const auto& program = work.programs[0];
    EXPECT_EQ(program.counters, 4); // two nested loops, two paces
    EXPECT_EQ(rendered(program.http[0].head).substr(0, 18), "GET /base/101/100 ");
    EXPECT_NE(listing(program).find("pace 0,2,0"), std::string::npos);
    EXPECT_NE(listing(program).find("pace 1,3,0"), std::string::npos) << listing(program);
}

TEST(compiler, after_a_failure) {
    const auto go_on = with_steps("  - http: {service: a, get: /}\n  - pause: 1s");
    EXPECT_EQ(go_on.programs[0].http[0].on_failure, 1U);

    const auto end = with_steps("  - http: {service: a, get: /, on_failure: stop}\n  - pause: 1s");
    EXPECT_EQ(listing(end.programs[0]), "http 0,0,0; pause 0,0,0; stop 0,0,0; stop 0,0,1");
    EXPECT_EQ(end.programs[0].http[0].on_failure, 3U);

    const auto next =
        with_steps("  - repeat: {times: 2, steps: [{http: {service: a, get: /, on_failure: next}}, {pause: 1s}]}");
    EXPECT_EQ(listing(next.programs[0]),
              "loop_begin 0,0,0; loop_test 0,5,0; http 0,0,0; pause 0,0,0; loop_again 0,1,0; stop 0,0,0");
    EXPECT_EQ(next.programs[0].http[0].on_failure, 4U);

    // As the scenario's default, next is the user's end where there is no loop.
    const auto by_default = with_steps("  - http: {service: a, get: /}", "on_failure: next\n");
    EXPECT_EQ(by_default.programs[0].code[by_default.programs[0].http[0].on_failure].op, opcode::stop);
    EXPECT_EQ(by_default.programs[0].code[by_default.programs[0].http[0].on_failure].c, 1);
}

TEST(compiler, failures_close_the_groups_that_they_leave) {
    const auto work = with_steps(R"(
  - group:
      name: outer
      steps:
        - repeat:
            times: 2
            steps:
              - group:
                  name: inner
                  steps:
                    - http: {name: n, service: a, get: /, on_failure: next}
                    - produce: {name: s, topic: t, body: x, on_failure: stop}
                    - await: {name: w, where: {topic: t, key: k}, on_failure: next}
                    - await: {name: c, where: {topic: t, key: k}}
)");
    const auto& program = work.programs[0];
    EXPECT_EQ(listing(program),
              "group_begin 0,0,0; loop_begin 1,0,0; loop_test 1,10,0; group_begin 1,2,0; http 0,0,0; produce 0,0,0; "
              "await 0,0,0; await 1,0,0; group_end 1,2,0; loop_again 1,2,0; group_end 0,0,0; stop 0,0,0; "
              "group_end 1,2,1; jump 0,9,0; "                  // next
              "group_end 1,2,1; group_end 0,0,1; stop 0,0,1"); // stop
    EXPECT_EQ(program.http[0].on_failure, 12U);
    EXPECT_EQ(program.messages[0].on_failure, 14U);
    EXPECT_EQ(program.awaits[0].on_failure, 12U) << "the same way out, the same pad";
    EXPECT_EQ(program.awaits[1].on_failure, 8U);
    EXPECT_EQ(work.awaited.size(), 1U) << "the same fields of the same topic, the same index";
}

TEST(compiler, awaits_select_by_json_header_and_key) {
    const auto work = with_steps(R"(
  - await: {name: w, where: {topic: t, key: "${user}", header: {h: "2"}, json: {$.b: "3", $.a: "1"}}}
  - await: {name: v, where: {topic: t, json: {$.a: x, $.b: y}, header: {h: z}, key: k}}
  - await: {name: u, where: {topic: s, key: k}, since: w, within: 5s}
)");
    ASSERT_EQ(work.awaited.size(), 2U);
    ASSERT_EQ(work.awaited[0].fields.size(), 4U);
    EXPECT_EQ(work.awaited[0].fields[0].path, "$.a");
    EXPECT_EQ(work.awaited[0].fields[3].where, awaited_field::place::key);
    const auto& awaits = work.programs[0].awaits;
    EXPECT_EQ(awaits[0].index_id, awaits[1].index_id);
    EXPECT_EQ(rendered(awaits[0].values[0]) + rendered(awaits[0].values[1]) + rendered(awaits[0].values[2]) +
                  rendered(awaits[0].values[3]),
              "13241");
    EXPECT_EQ(awaits[0].within, 60s);
    EXPECT_FALSE(awaits[0].since.has_value());
    EXPECT_EQ(awaits[2].since, awaits[0].step);
}

TEST(compiler, messages) {
    const auto work = with_steps(
        "  - produce: {topic: 't-${people.town}', key: '${user}', headers: {h: v}, json: {a: 1}, timeout: 2s}");
    const auto& message = work.programs[0].messages[0];
    EXPECT_EQ(rendered(message.topic), "t-Bad Ems");
    EXPECT_EQ(rendered(*message.key), "41");
    EXPECT_EQ(rendered(message.value), R"({"a":1})");
    EXPECT_EQ(message.headers[0].first, "h");
    EXPECT_EQ(message.timeout, 2s);
}

TEST(compiler, several_scenarios) {
    const auto work = compiled(R"(
format: 1
name: n
seed: 77
services: {a: http://a}
feed: {people: {file: people.csv, order: queue}}
on_failure: stop
timeout: 5s
arrivals: uniform
scenarios:
  - {name: first, inject: {open: [{constant_users_per_sec: {rate: 1, during: 3s}}]},
     steps: [{http: {name: x, get: "/${people.name}"}}]}
  - {name: second, after: first, on_failure: continue, timeout: 6s, feed: {more: {file: people.csv}},
     inject: {open: [{at_once_users: 1}], arrivals: poisson},
     steps: [{http: {name: y, get: "/${more.name}"}}, {feed: people}]}
)");
    EXPECT_EQ(work.seed, 77U);
    ASSERT_EQ(work.programs.size(), 2U);
    ASSERT_EQ(work.feeds.size(), 2U);
    EXPECT_FALSE(work.programs[0].after.has_value());
    EXPECT_EQ(work.programs[1].after, 0);
    EXPECT_FALSE(work.programs[0].arrivals.poisson);
    EXPECT_TRUE(work.programs[1].arrivals.poisson);
    EXPECT_EQ(work.programs[0].feeds, (std::vector<std::uint16_t>{0}));
    EXPECT_EQ(work.programs[1].feeds, (std::vector<std::uint16_t>{1, 0}));
    EXPECT_EQ(work.programs[0].http[0].timeout, 5s);
    EXPECT_EQ(work.programs[1].http[0].timeout, 6s);
    EXPECT_EQ(work.programs[0].code[work.programs[0].http[0].on_failure].op, opcode::stop);
    EXPECT_EQ(work.programs[1].http[0].on_failure, 1U);
    EXPECT_EQ(listing(work.programs[1]), "http 0,0,0; feed 1,0,0; stop 0,0,0");
}

TEST(compiler, settings_of_the_run) {
    const auto work = with_steps("  - pause: 1s", R"(connections: {pool: 30}
source_addresses: [127.0.0.2, "::1"]
tls: {ca_file: people.csv, verify: false}
limits: {users: 5, saved_bytes: 6, body_bytes: 7}
trust: {slip_p99: 20ms, cpu: 80%}
kafka: {linger.ms: 5, sasl.password: "${env:TOKEN}"}
checks: [{latency: {p99.9: "<= 1s", max: "< 2s", mean: "< 3ms"}}, {rate: "> 100/s"}, {count: {is: "== 5"}}]
)");
    EXPECT_EQ(work.connections, connection_use::pool);
    EXPECT_EQ(work.pool_size, 30U);
    EXPECT_EQ(work.source_addresses, (std::vector<std::string>{"127.0.0.2", "::1"}));
    EXPECT_EQ(work.tls_ca_file, "people.csv");
    EXPECT_FALSE(work.tls_verify);
    EXPECT_EQ(work.users_max, 5U);
    EXPECT_EQ(work.saved_bytes, 6U);
    EXPECT_EQ(work.body_bytes, 7U);
    EXPECT_EQ(work.slip_p99_max_ms, 20);
    EXPECT_EQ(work.own_cpu_max_percent, 80);
    EXPECT_EQ(work.kafka_settings[1].second, "s3cret");
    ASSERT_EQ(work.checks.size(), 5U);
    EXPECT_EQ(work.checks[0].percentile, 99.9);
    EXPECT_EQ(work.checks[0].is, condition::relation::less_or_equal);
    EXPECT_EQ(work.checks[1].percentile, 100);
    EXPECT_EQ(work.checks[2].percentile, -1);
    EXPECT_EQ(work.checks[3].of, run_check::what::rate);
    EXPECT_EQ(work.checks[3].limit, 100);
    EXPECT_EQ(work.checks[4].text, "count of all steps: == 5");
}

TEST(compiler, stairs_are_written_out_as_gatling_does) {
    const auto stairs = [](const std::string& more) {
        const auto work = compiled("format: 1\nname: n\ninject: {open: [{increment_users_per_sec: {by: 5, times: 2, "
                                   "each_level_lasting: 10s" +
                                   more + "}}]}\nsteps: [{pause: 1s}]");
        std::string out;
        for (const auto& step : work.programs[0].arrivals.steps) {
            const bool ramp = step.what == injection_step::verb::ramp_users_per_sec;
            out += (ramp ? std::to_string(static_cast<int>(step.from)) + "-" + std::to_string(static_cast<int>(step.to))
                         : std::to_string(static_cast<int>(step.from))) +
                   "@" + std::to_string(step.during / 1s) + " ";
        }
        return out;
    };
    EXPECT_EQ(stairs(""), "0@10 5@10 ");
    EXPECT_EQ(stairs(", starting_from: 10"), "10@10 15@10 ");
    EXPECT_EQ(stairs(", separated_by_ramps_lasting: 3s"), "0-5@3 5@10 5-10@3 10@10 ");
    EXPECT_EQ(stairs(", separated_by_ramps_lasting: 3s, starting_from: 10"), "10@10 10-15@3 15@10 ");
}

TEST(compiler, saved_values_reach_their_slots) {
    const auto work = with_steps(
        "  - http: {service: a, get: /, save: {id: $.id, loc: {header: Location}, tok: {regex: 'token=(\\w+)'}}}");
    testing::test_user user;
    std::map<int, std::string> saved;
    const auto error = work.programs[0].http[0].judge.judge(
        {200, "HTTP/1.1 200 OK\r\nLocation: /x\r\n\r\n", R"({"id": 7, "t": "token=abc;"})"}, user,
        [&](std::uint16_t slot, std::string_view value) {
            saved[slot] = value;
            return true;
        });
    EXPECT_EQ(error, "");
    EXPECT_EQ(saved, (std::map<int, std::string>{{0, "7"}, {1, "/x"}, {2, "abc"}}));
    EXPECT_EQ(work.programs[0].http[0].judge.judge({500, "", "{}"}, user, {}), "status 500")
        << "a save is no check of the status";
}

} // namespace
} // namespace cb::load
