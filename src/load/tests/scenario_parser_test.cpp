// SPDX-License-Identifier: Apache-2.0
// Everything that can be known to be wrong of a scenario file is one sentence with its line and what would be right.
#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "load/compiler.hpp"
#include "load/scenario_parser.hpp"
#include "test_files.hpp"

namespace cb::load {
namespace {

std::string refusal_of(const std::string& text) {
    const auto read = read_workload(text, "s.yaml", testing::made_up(testing::people), 1);
    return read ? "" : read.error().text();
}

/// A good file in which one thing is another.
std::string with_steps(const std::string& steps, const std::string& more = "") {
    return "format: 1\nname: n\nservices: {a: http://a, b: http://b}\nbrokers: k:1\n"
           "feed: {people: {file: people.csv}}\n" +
           more + "inject: {open: [{at_once_users: 1}]}\nsteps:\n" + steps;
}
std::string with_inject(const std::string& inject) {
    return "format: 1\nname: n\nservices: {a: http://a}\ninject: " + inject + "\nsteps: [{pause: 1s}]\n";
}

struct wrong_file {
    std::string text;
    std::string sentence; ///< what it must hold
};

void all_refused(const std::vector<wrong_file>& files) {
    for (const auto& each : files) {
        const auto said = refusal_of(each.text);
        EXPECT_NE(said.find(each.sentence), std::string::npos) << each.text << "\nsaid: " << said;
        EXPECT_EQ(said.rfind("s.yaml", 0), 0U) << said;
        EXPECT_EQ(said.find('\n'), std::string::npos) << said;
    }
}

TEST(scenario_file, the_designs_example_is_fine) { EXPECT_EQ(refusal_of(testing::deliver_a_bike), ""); }

TEST(scenario_file, as_json_as_well) {
    EXPECT_EQ(refusal_of(R"({"format": 1, "name": "n", "services": {"a": "http://a"},
        "inject": {"open": [{"at_once_users": 1}]}, "steps": [{"http": {"get": "/"}}]})"),
              "");
}

TEST(scenario_file, the_frame) {
    all_refused({
        {"", "must be a mapping"},
        {"- a", "s.yaml:1: a scenario must be a mapping"},
        {"name: n", "must begin with `format: 1`"},
        {"format: 2\nname: n", "must begin with `format: 1`"},
        {"format: 1", "needs name"},
        {"format: 1\nname: n\nstep: []", "s.yaml:3: step: unknown key 'step'; did you mean 'steps'?"},
        {"format: 1\nname: n\nsteps: []", "needs inject"},
        {"format: 1\nname: n\ninject: {open: [{at_once_users: 1}]}", "needs steps"},
        {"format: 1\nname: n\ninject: {open: [{at_once_users: 1}]}\nsteps: []",
         "s.yaml:4: steps: must hold at least one step"},
        {"a: [", "neither YAML nor JSON"},
        {"format: 1\nname: n\n? [a, b]\n: c", "s.yaml"},
        {std::string(limits::scenario_file_bytes + 1, ' '), "more than 4194304 bytes"},
    });
}

TEST(scenario_file, profiles) {
    all_refused({
        {with_inject("{}"), "needs open or closed"},
        {with_inject("{open: [{at_once_users: 1}], closed: [{constant_concurrent_users: {users: 1, during: 1s}}]}"),
         "and not both"},
        {with_inject("{open: [{constant_concurrent_users: {users: 1, during: 1s}}]}"),
         "is a closed profile; one scenario is open or closed"},
        {with_inject("{closed: [{at_once_users: 1}]}"), "is an open profile"},
        {with_inject("{open: [{at_once_user: 1}]}"),
         "s.yaml:4: inject.open[0].at_once_user: 'at_once_user' is no open profile; did you mean 'at_once_users'?"},
        {with_inject("{open: [{at_once_users: -1}]}"), "must be a whole number from 0"},
        {with_inject("{open: [{at_once_users: 0}]}"), "no user ever comes"},
        {with_inject("{open: []}"), "no user ever comes"},
        {with_inject("{open: {at_once_users: 1}}"), "must be a list of profiles"},
        {with_inject("{open: [at_once_users]}"), "must be one profile"},
        {with_inject("{open: [{constant_users_per_sec: {rate: 5, during: 0s}}]}"),
         "inject.open[0].constant_users_per_sec.during: must be more than 0s"},
        {with_inject("{open: [{constant_users_per_sec: {rate: -5, during: 1s}}]}"),
         "must be users a second, from 0 to 1000000"},
        {with_inject("{open: [{constant_users_per_sec: {rate: 5}}]}"), "needs during, as {rate: 200, during: 5m}"},
        {with_inject("{open: [{constant_users_per_sec: 5}]}"), "must be a mapping"},
        {with_inject("{open: [{ramp_users_per_sec: {from: 0, to: 5, during: 0s}}]}"), "must be more than 0s"},
        {with_inject("{open: [{ramp_users: {users: 5, during: 5}}]}"), "must be a duration with its unit"},
        {with_inject("{open: [{increment_users_per_sec: {by: 0, times: 2, each_level_lasting: 1s}}]}"),
         "must be more than 0"},
        {with_inject("{open: [{increment_users_per_sec: {by: 1, times: 0, each_level_lasting: 1s}}]}"),
         "from 1 to 1000"},
        {with_inject("{closed: [{ramp_concurrent_users: {from: 0, to: 5, during: 0s}}]}"), "held for some time"},
        {with_inject("{closed: [{constant_concurrent_users: {users: 1, during: 1s}}], arrivals: uniform}"),
         "is of open profiles"},
        {with_inject("{open: [{at_once_users: 1}], arrivals: even}"), "must be poisson or uniform"},
        {with_inject("{open: [{at_once_users: 1000000000}, {at_once_users: 1000000000}]}"),
         "more users than 1000000000"},
    });
}

TEST(scenario_file, http_steps) {
    all_refused({
        {with_steps("  - http: {service: a}"), "s.yaml:8: steps[0].http: needs a method and a path"},
        {with_steps("  - http: {service: a, get: /, post: /}"), "get and post exclude each other"},
        {with_steps("  - http: {service: a, get: goods}"), "must be a path that begins with /"},
        {with_steps("  - http: {service: a, get: '/a b'}"), "must be a path that begins with /"},
        {with_steps("  - http: {service: a, get: \"/a\\r\\nX: 1\"}"), "must be a path"},
        {with_steps("  - http: {service: c, get: /}"), "there is no service 'c'; "},
        {with_steps("  - http: {get: /}"), "needs service: there are several of them"},
        {with_steps("  - http: {service: a, get: /, jsn: {}}"), "did you mean 'json'?"},
        {with_steps("  - http: {service: a, post: /, json: {}, body: x}"), "exclude each other"},
        {with_steps("  - http: {service: a, head: /, body: x}"), "a HEAD request has no body"},
        {with_steps("  - http: {service: a, head: /, save: {x: $.id}}"), "has no body to look into"},
        {with_steps("  - http: {service: a, get: /, headers: {\"X\\r\\nY\": a}}"), "is no name of a header"},
        {with_steps("  - http: {service: a, get: /, headers: {X: \"a\\r\\nY: b\"}}"), "stands on one line"},
        {with_steps("  - http: {service: a, get: /, headers: {Content-Length: 1}}"),
         "is written by chaosbroker itself"},
        {with_steps("  - http: {service: a, get: /, bearer: x, headers: {authorization: y}}"), "exclude each other"},
        {with_steps("  - http: {service: a, get: /, name: 'a ${user}'}"), "is the same for all users"},
        {with_steps("  - http: {service: a, get: /, timeout: 0s}"), "must be more than 0s"},
        {with_steps("  - http: {service: a, get: /, on_failure: retry}"), "must be continue"},
        {with_steps("  - http: {service: a, get: /, on_failure: next}"), "there is none around this step"},
        {with_steps("  - http: {name: x, service: a, get: /}\n  - http: {name: x, service: a, get: /}"),
         "s.yaml:9: steps[1].http.name: two steps have the name 'x'"},
        {with_steps("  - http: {service: a, get: /, check: {}}"), "checks nothing"},
        {with_steps("  - http: {service: a, get: /, check: {status: 99}}"), "must be a status"},
        {with_steps("  - http: {service: a, get: /, check: {status: 20x}}"), "must be a status"},
        {with_steps("  - http: {service: a, get: /, check: {json: {id: 1}}}"), "is no path: it must begin with $"},
        {with_steps("  - http: {service: a, get: /, check: {regex: 'a('}}"), "is no regular expression"},
        {with_steps("  - http: {service: a, get: /, check: {json: {$.id: '${x}'}}}"), "'${x}' is not known here"},
        {with_steps("  - http: {service: a, get: /, save: {user: $.id}}"), "cannot be a name to save under"},
        {with_steps("  - http: {service: a, get: /, save: {x: id}}"), "is no path"},
        {with_steps("  - http: {service: a, get: /, save: {x: {header: a, regex: b}}}"),
         "needs one of json, header and regex"},
    });
}

TEST(scenario_file, names) {
    all_refused({
        {with_steps("  - http: {service: a, get: '/${people.twon}'}"),
         "names no column of the feed 'people'; did you mean 'town'?"},
        {with_steps("  - http: {service: a, get: '/${peple.town}'}"), "did you mean 'people.town'?"},
        {with_steps("  - http: {service: a, get: '/${x}'}\n  - set: {x: 1}"), "'${x}' is saved only by a later step"},
        {with_steps("  - http: {service: a, get: '/${loop}'}"), "has no meaning outside of a loop"},
        {with_steps("  - repeat: {times: 2, name: l, steps: [{http: {service: a, get: '/${loop:m}'}}]}"),
         "names no loop around this step"},
        {with_steps("  - http: {service: a, get: '/${env:NOPE}'}"), "the environment has no variable 'NOPE'"},
        {with_steps("  - http: {service: a, get: '/${x'}"), "is not closed"},
        {with_steps("  - feed: persons"), "there is no feed 'persons'; known are people"},
        {with_steps("  - set: {loop: 1}"), "cannot be set"},
        {with_steps("  - set: {}"), "sets nothing"},
    });
}

TEST(scenario_file, control_flow) {
    all_refused({
        {with_steps("  - {pause: 1s, set: {a: 1}}"), "must be one step"},
        {with_steps("  - pause"), "must be one step"},
        {with_steps("  - sleep: 1s"), "unknown key 'sleep'"},
        {with_steps("  - pause: 5"), "must be a duration"},
        {with_steps("  - pause: {uniform: {from: 3s, to: 1s}}"), "from must not be more than to"},
        {with_steps("  - pause: {gamma: 3s}"), "unknown key 'gamma'"},
        {with_steps("  - repeat: {times: 0, steps: [{pause: 1s}]}"), "must be a whole number from 1"},
        {with_steps("  - repeat: {times: 5, steps: []}"), "must hold at least one step"},
        {with_steps("  - repeat: {times: 5}"), "needs steps"},
        {with_steps("  - while: {condition: '${user} > 1', steps: [{set: {a: 1}}]}"), "it would spin"},
        {with_steps("  - during: {for: 1m, steps: [{pause: 0s}]}"), "it would spin"},
        {with_steps("  - during: {for: 1m, steps: [{if: {condition: '${user} > 1', steps: [{pause: 1s}]}}]}"),
         "it would spin"},
        {with_steps("  - during: {for: 1m, steps: [{switch: [{share: 90%, steps: [{pause: 1s}]}]}]}"), "it would spin"},
        {with_steps("  - repeat: {times: 5, steps: [{repeat: {times: '${user}', steps: [{pause: 1s}]}}]}"),
         "it would spin"},
        {with_steps("  - if: {condition: 'a', steps: [{pause: 1s}]}"), "with one of =="},
        {with_steps("  - if: {condition: 'a == b', steps: [{pause: 1s}]}"), "the same for all users and at all times"},
        {with_steps("  - if: {condition: {exist: '${user}'}, steps: [{pause: 1s}]}"), "did you mean 'exists'?"},
        {with_steps("  - switch: [{share: 70%, steps: [{pause: 1s}]}, {share: 40%, steps: [{pause: 1s}]}]"),
         "more than 100%"},
        {with_steps("  - switch: []"), "must be a list of ways"},
        {with_steps("  - switch: [{share: -1, steps: [{pause: 1s}]}]"), "must be a share"},
        {with_steps("  - group: {steps: [{pause: 1s}]}"), "needs name"},
    });
    std::string deep = "{pause: 1s}";
    for (int i = 0; i < limits::scenario_nesting + 1; ++i) {
        deep = "{group: {name: g" + std::to_string(i) + ", steps: [" + deep + "]}}";
    }
    all_refused({{with_steps("  - " + deep), "more than 32 deep"}});
}

TEST(scenario_file, loops_that_take_time_on_every_way_are_fine) {
    EXPECT_EQ(refusal_of(with_steps(
                  "  - during: {for: 1m, steps: [{switch: [{share: 90%, steps: [{pause: 1s}]}]}, {pace: 1s}]}")),
              "");
    EXPECT_EQ(
        refusal_of(with_steps("  - while: {condition: '${user} > 1', steps: [{if: {condition: '${user} > 1', steps: "
                              "[{pause: 1s}], else: [{pause: 2s}]}}]}")),
        "");
}

TEST(scenario_file, kafka) {
    all_refused({
        {with_steps("  - produce: {body: x}"), "needs topic"},
        {with_steps("  - produce: {topic: 'a b', body: x}"), "must be the name of one topic"},
        {with_steps("  - produce: {topic: t}"), "needs json or body"},
        {with_steps("  - await: {name: x}"), "needs where"},
        {with_steps("  - await: {where: {topic: t}}"), "at least one of json, header and key"},
        {with_steps("  - await: {where: {topic: 't*', key: x}}"), "must be the name of one topic"},
        {with_steps("  - await: {where: {topic: 't${user}', key: x}}"), "is the same for all users"},
        {with_steps("  - await: {where: {topic: t, json: {id: x}}}"), "is no path"},
        {with_steps("  - await: {where: {topic: t, json: {$.id: [a, b]}}}"), "must be the awaited value, one text"},
        {with_steps("  - http: {name: one, service: a, get: /}\n  - await: {where: {topic: t, key: x}, since: on}"),
         "did you mean 'one'?"},
        {with_steps("  - await: {where: {topic: t, key: x}, since: one}\n  - http: {name: one, service: a, get: /}"),
         "no step above this one"},
        {"format: 1\nname: n\ninject: {open: [{at_once_users: 1}]}\nsteps: [{produce: {topic: t, body: x}}]",
         "the file names no brokers"},
        {with_steps("  - pause: 1s", "kafka: {bootstrap.servers: x}\n"), "bootstrap.servers is given by brokers"},
        {with_steps("  - pause: 1s", "kafka: {linger: 5}\n"), "librdkafka has no setting linger"},
        {with_steps("  - pause: 1s", "kafka: {acks: many}\n"), "Invalid value for configuration property \"request.required.acks\""},
        {with_steps("  - pause: 1s", "kafka: {dr_cb: x}\n"), "dr_cb"},
    });
}

TEST(scenario_file, surroundings) {
    const auto with = [](const std::string& more) { return with_steps("  - pause: 1s", more); };
    const auto service = [](const std::string& url) {
        return "format: 1\nname: n\nservices: {a: '" + url +
               "'}\ninject: {open: [{at_once_users: 1}]}\nsteps: [{pause: 1s}]";
    };
    const auto brokers = [](const std::string& list) {
        return "format: 1\nname: n\nbrokers: '" + list +
               "'\ninject: {open: [{at_once_users: 1}]}\nsteps: [{pause: 1s}]";
    };
    const auto feed = [](const std::string& feeds) {
        return "format: 1\nname: n\nfeed: " + feeds + "\ninject: {open: [{at_once_users: 1}]}\nsteps: [{pause: 1s}]";
    };
    for (const auto* url :
         {"a", "ftp://a", "http://", "http://u:p@a", "http://a?x", "http://a#x", "http://a b", "${env:TOKEN}"}) {
        all_refused({{service(url), "must be an address as http"}});
    }
    all_refused({
        {service("http://a:0"), "a port is a number"},
        {service("http://a:70000"), "a port is a number"},
        {service("http://${user}"), "can"},
        {brokers("a"), "must be addresses of brokers"},
        {brokers("a:1,"), "must be addresses of brokers"},
        {brokers("a:1, b:2"), "must be addresses of brokers"},
        {brokers("a:0"), "must be addresses of brokers"},
        {feed("{p: {file: none.csv}}"), "s.yaml:3: feed.p.file: the file 'none.csv' does not exist"},
        {feed("{p: {file: people.csv, order: rand}}"), "must be circular, random, queue or shuffle"},
        {feed("{p.q: {file: people.csv}}"), "cannot be the name of a feed"},
        {feed("{p: {}}"), "needs file"},
        {with("connections: shared\n"), "must be per-user or {pool: 1000}"},
        {with("connections: {pool: 0}\n"), "must be a whole number from 1"},
        {with("source_addresses: [127.0.0.300]\n"), "must be an address of this machine"},
        {with("tls: {ca_file: none.pem}\n"), "the file 'none.pem' does not exist"},
        {with("limits: {user: 5}\n"), "did you mean 'users'?"},
        {"format: 1\nname: n\nlimits: {users: 5}\ninject: {closed: [{constant_concurrent_users: {users: 6, during: "
         "1s}}]}\n"
         "steps: [{pause: 1s}]",
         "s.yaml:4: inject: asks for 6 users at the same time, and limits.users is 5"},
        {with("trust: {cpu: 120%}\n"), "must be a share of one core"},
        {with("trust: {slip_p99: 10}\n"), "must be a duration"},
        {with("seed: -1\n"), "must be a whole number"},
    });
}

TEST(scenario_file, several_scenarios) {
    const auto with = [](const std::string& list) {
        return "format: 1\nname: n\nservices: {a: http://a}\nfeed: {people: {file: people.csv}}\nscenarios:\n" + list;
    };
    const std::string rest = ", inject: {open: [{at_once_users: 1}]}, steps: [{pause: 1s}]";
    all_refused({
        {with("  - {name: x" + rest + "}\n  - {name: x" + rest + "}"), "two scenarios have the name 'x'"},
        {with("  - {name: x, after: y" + rest + "}\n  - {name: y" + rest + "}"),
         "must be the name of a scenario that stands above"},
        {with("  - {name: x, after: x" + rest + "}"), "must be the name of a scenario that stands above"},
        {with("  - {name: x, feed: {people: {file: people.csv}}" + rest + "}"), "already"},
        {with("  []"), "must be a list of scenarios"},
        {with("  - {name: x" + rest + "}\nsteps: []"), "stand inside of each scenario"},
        {with("  - {inject: {}, steps: []}"), "needs name"},
        {with("  - {name: x, checks: []" + rest + "}"), "unknown key 'checks'"},
        {with("  - {name: x" + rest +
              ", feed: {q: {file: people.csv}}}\n  - {name: y, inject: {open: [{at_once_users: 1}]}, steps: [{feed: "
              "q}]}"),
         "there is no feed 'q'"},
    });
}

TEST(scenario_file, run_checks) {
    const auto with = [](const std::string& checks) {
        return with_steps("  - http: {name: login, service: a, get: /}", "checks: " + checks + "\n");
    };
    all_refused({
        {with("{}"), "must be a list"},
        {with("[{latency: {step: logon, p99: '< 1s'}}]"), "there is no step 'logon'; did you mean 'login'?"},
        {with("[{latency: {step: login}}]"), "names no measure"},
        {with("[{latency: '< 1s'}]"), "must name measures and their bounds"},
        {with("[{latency: {q99: '< 1s'}}]"), "is no measure of a latency"},
        {with("[{latency: {p100: '< 1s'}}]"), "is no measure of a latency"},
        {with("[{latency: {p99: 1s}}]"), "must be a bound"},
        {with("[{latency: {p99: '< 250'}}]"), "with a duration and its unit"},
        {with("[{errors: '< 1'}]"), "must be a bound, as \"< 1%\""},
        {with("[{errors: '< 101%'}]"), "must be a share up to 100%"},
        {with("[{rate: '> 100'}]"), "must be a bound, as \"> 100/s\""},
        {with("[{rate: {step: login}}]"), "needs is"},
        {with("[{error: '< 1%'}]"), "did you mean 'errors'?"},
    });
}

TEST(scenario_file, aliases_within_aliases_stay_bounded) {
    std::string text = "format: 1\nname: n\nservices: {a: http://a}\ninject: {open: [{at_once_users: 1}]}\nsteps:\n"
                       "  - http: {post: /, json: {a: &a0 [x, x, x, x, x, x, x, x, x, x]";
    for (int i = 1; i < 20; ++i) {
        text += ", k" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int j = 0; j < 10; ++j) {
            text += (j == 0 ? "*a" : ", *a") + std::to_string(i - 1);
        }
        text += "]";
    }
    all_refused({{text + "}}", "more than 1048576 bytes of a body"}});
}

TEST(scenario_file, is_told_from_rules_by_its_keys) {
    EXPECT_TRUE(file::looks_like_scenario(testing::deliver_a_bike));
    EXPECT_TRUE(file::looks_like_scenario("format: 1\nscenarios: []"));
    EXPECT_FALSE(file::looks_like_scenario("format: 1\nrules: []"));
    EXPECT_FALSE(file::looks_like_scenario(""));
    EXPECT_FALSE(file::looks_like_scenario("a: ["));
}

} // namespace
} // namespace cb::load
