// SPDX-License-Identifier: Apache-2.0
#include "load/explanation.hpp"

#include <gtest/gtest.h>

#include "load/scenario_parser.hpp"
#include "test_files.hpp"

namespace cb::load {
namespace {

using namespace std::chrono_literals;

std::string explained(const std::string& text) {
    const auto parsed = file::parse_scenario(text, "s.yaml");
    EXPECT_TRUE(parsed) << parsed.error().text();
    return parsed ? explain(*parsed) : "";
}

TEST(explanation, of_the_designs_example) {
    EXPECT_EQ(explained(testing::deliver_a_bike), R"(deliver-a-bike
  service announcement: http://localhost:8080
  service tracking: http://localhost:8085
  Kafka: localhost:9092
  connections: one for each user and service
  feed people: people.csv

users (open, Poisson arrivals): about 63015 users in 5m30s
  for 30s      1 to 200 a second: 3015 users
  for 5m       200 a second: 60000 users
each user
  announce a good: requests announcement, POST /announcements
    right if status 201
    saves good from $.id
  pause about 10s (exponential)
  matched: awaits an event of announcement_matched
    where $.good.id is ${good}
    counted from the start of announce a good, within 30s
  5 times
    where is it: requests tracking, GET /goods/${good}
      right if status below 400

passed if
  p99 latency of announce a good < 250ms
  errors of all steps < 1%
)");
}

TEST(explanation, never_shows_what_the_environment_holds) {
    const auto text = explained(R"(
format: 1
name: n
services: {a: "${env:HOST}"}
inject: {closed: [{constant_concurrent_users: {users: 3, during: 1m}}]}
steps: [{http: {name: x, get: /, bearer: "${env:TOKEN}", headers: {X-Key: "${env:TOKEN}"}}}]
)");
    EXPECT_NE(text.find("service a: ${env:HOST}"), std::string::npos) << text;
    EXPECT_NE(text.find("at most 3 users at the same time, for 1m"), std::string::npos) << text;
    EXPECT_EQ(text.find("s3cret"), std::string::npos);
}

TEST(explanation, of_every_kind_of_step) {
    const auto text = explained(R"(
format: 1
name: n
services: {a: http://a}
brokers: b:1
connections: {pool: 7}
scenarios:
  - name: one
    inject: {open: [{at_once_users: 1}, {nothing_for: 2s}, {ramp_users: {users: 5, during: 1500ms}},
                    {stress_peak_users: {users: 9, during: 250ms}}]}
    steps:
      - set: {state: NEW}
      - feed: people
      - while: {condition: "${state} != DONE", steps: [{pause: {uniform: {from: 1s, to: 3s}}}, {pace: 2s}]}
      - during: {for: 90m, steps: [{pause: {normal: {mean: 5s, sd: 1s}}}]}
      - if: {condition: {exists: "${state}"}, steps: [{pause: 1s}], else: [{pause: 2s}]}
      - switch: [{share: 70%, steps: [{pause: 1s}]}, {share: 10, steps: [{pause: 2s}]}]
      - group: {name: g, steps: [{produce: {topic: t, key: k, body: x, on_failure: stop}}]}
  - name: two
    after: one
    inject: {open: [{constant_users_per_sec: {rate: 0.5, during: 10s}}], arrivals: uniform}
    steps: [{http: {get: /, check: {status: [200, 4xx], header: {a: exists}, json: {$.b: [c, d]}, regex: e,
                                    body: {contains: f}},
                    save: {h: {header: I}, r: {regex: j}}, on_failure: continue}}]
)");
    for (const auto* line :
         {"connections: 7 to each service", "scenario one\nusers (open): 15 users in 3.75s",
          "now          1 user at once", "for 2s       nobody", "for 1.5s     5 users, evenly",
          "for 250ms    9 users, most of them in the middle", "  set state to NEW\n", "  take the next row of people\n",
          "  while ${state} != DONE\n    pause 1s to 3s\n",
          "  for 1h30m\n    pause about 5s, give or take 1s (normal)\n", "  if ${state} exists\n    pause 1s\n  else\n",
          "  one of\n    70%\n      pause 1s\n    10%\n      pause 2s\n    20%: nothing\n",
          "  group g\n    produce t: sends an event to t, key k\n      after a failure: the user ends\n",
          "scenario two\nusers (open, uniform arrivals): 5 users in 10s, after one has ended",
          "right if status 200 or 4xx, header a exists, $.b is c or d, matches e, contains f\n",
          "saves h from header I\n", "saves r from what matches j\n", "after a failure: the next step\n"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line << "\nin\n" << text;
    }
}

TEST(durations, in_words) {
    EXPECT_EQ(duration_text(5min + 30s), "5m30s");
    EXPECT_EQ(duration_text(0s), "0ms");
    EXPECT_EQ(duration_text(1h), "1h");
    EXPECT_EQ(duration_text(61'500ms), "1m1.5s");
}

} // namespace
} // namespace cb::load
