// SPDX-License-Identifier: Apache-2.0
// One load run on several machines: here several processes, which meet on a bus all the same.
#include <gtest/gtest.h>

#include <csignal>
#include <memory>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "answering_server.hpp"
#include "load/bus.hpp"
#include "load/bus_messages.hpp"
#include "running_load.hpp"
#include "support/running_broker.hpp"

namespace cb::tests {
namespace {

using namespace std::chrono_literals;

constexpr const char* trusting = "trust: {slip_p99: 60s, cpu: \"100%\"}\n";
const std::string ten_seconds = "inject: {open: [{constant_users_per_sec: {rate: 50, during: 10s}}]}\n";
const std::string for_long = "inject: {open: [{constant_users_per_sec: {rate: 50, during: 10m}}]}\n";
const std::string one_get = "steps: [{http: {name: page, get: /}}]\n";

bool says(const child_process& process, const std::string& what) {
    return process.output().find(what) != std::string::npos;
}

/// A run that calls for machines, and those that join it.
class load_machines : public testing::Test {
protected:
    void scenario(const std::string& more) const { folder_.write_scenario(server_.url(), trusting + more); }

    child_process& begin(const std::vector<std::string>& more,
                         const std::map<std::string, std::string>& environment = {}) {
        coordinator_ = std::make_unique<child_process>(folder_.command(more), environment);
        return *coordinator_;
    }
    /// With a bus of its own, whose address it tells.
    child_process& begin_with_bus(int machines, const std::map<std::string, std::string>& environment = {}) {
        auto& out = begin({"--machines", std::to_string(machines), "--bus-listen", "127.0.0.1:0"}, environment);
        const auto line =
            out.wait_for_line([](const std::string& each) { return each.find("load --join ") != std::string::npos; });
        bus_ = line ? line->substr(line->find("--join ") + 7) : "";
        EXPECT_FALSE(bus_.empty()) << out.output();
        return out;
    }
    [[nodiscard]] std::unique_ptr<child_process> join(const std::vector<std::string>& more = {}) const {
        std::vector<std::string> words{chaosbroker_program(), "load", "--join", bus_};
        words.insert(words.end(), more.begin(), more.end());
        return std::make_unique<child_process>(words);
    }

    answering_server server_;
    load_folder folder_;
    std::unique_ptr<child_process> coordinator_;
    std::string bus_;
};

struct totals {
    std::vector<std::uint64_t> steps;
    std::uint64_t requests = 0;
    bool operator==(const totals&) const = default;
};

totals totals_of(const load_folder& folder, std::uint64_t requests) {
    totals out{{}, requests};
    for (const auto& each : folder.summary().steps) {
        out.steps.push_back(each.count);
    }
    return out;
}

TEST_F(load_machines, do_together_what_one_does_alone) {
    const std::string what = "seed: 11\nfeed: {people: {file: people.csv, order: circular}}\nscenarios:\n"
                             "  - name: come\n"
                             "    inject: {open: [{ramp_users_per_sec: {from: 5, to: 60, during: 4s}}]}\n"
                             "    steps:\n"
                             "      - http: {name: page, get: \"/${people.name}\"}\n"
                             "      - switch: [{share: 75%, steps: [{http: {name: often, get: /}}]}, "
                             "{share: 25%, steps: [{http: {name: seldom, get: /}}]}]\n"
                             "  - name: then\n"
                             "    after: come\n"
                             "    inject: {open: [{at_once_users: 31}]}\n"
                             "    steps: [{http: {name: last, get: /}}]\n";
    totals alone;
    {
        const load_folder other;
        other.write_scenario(server_.url(), trusting + what);
        other.write("people.csv", "name\nann\nbob\n");
        child_process run(other.command());
        ASSERT_EQ(run.wait(60s), 0) << run.output();
        alone = totals_of(other, server_.requests());
    }
    scenario(what);
    folder_.write("people.csv", "name\nann\nbob\n");
    auto& run = begin_with_bus(3);
    // What the others need comes over the bus.
    std::filesystem::remove(folder_.path("people.csv"));
    const auto second = join();
    const auto third = join({"--workers", "3"});
    ASSERT_EQ(run.wait(60s), 0) << run.output();
    EXPECT_EQ(second->wait(30s), 0) << second->output();
    EXPECT_EQ(third->wait(30s), 0) << third->output();
    EXPECT_EQ(totals_of(folder_, server_.requests() - alone.requests), alone);
    EXPECT_TRUE(says(*second, "users came here")) << second->output();

    const auto kept = folder_.summary();
    std::size_t of_others = 0;
    for (const auto& each : kept.instances) {
        of_others += each.about.detail.find(" of machine ") != std::string::npos ? 1 : 0;
    }
    EXPECT_GE(of_others, 4U) << "workers of the others are in the run as well";
    std::size_t introduced = 0;
    for (const auto& each : kept.notes) {
        introduced += each.kind == "machine" && each.text.find("begins within") != std::string::npos ? 1 : 0;
    }
    EXPECT_EQ(introduced, 2U);
}

TEST_F(load_machines, share_closed_users_and_a_pool) {
    scenario("connections: {pool: 5}\ninject: {closed: [{constant_concurrent_users: {users: 7, during: 3s}}]}\n"
             "checks: [{count: \"> 100\"}, {errors: \"== 0%\"}]\n"
             "steps: [{http: {name: page, get: /}}, {pause: 20ms}]\n");
    auto& run = begin_with_bus(2);
    const auto second = join();
    ASSERT_EQ(run.wait(60s), 0) << run.output();
    EXPECT_EQ(second->wait(30s), 0) << second->output();
    EXPECT_LE(server_.connections(), 5U);
}

TEST_F(load_machines, are_steered_together) {
    running_broker bus;
    bus_ = bus.bootstrap();
    scenario(for_long + one_get);
    const auto second = join();
    running_load running(folder_.command({"--machines", "2", "--bus", bus_}));
    const auto steps_of = [](const boost::json::value& state) {
        return state.at("last_second").at("steps").to_number<std::int64_t>();
    };
    ASSERT_TRUE(running.wait_for([&](const auto& state) { return steps_of(state) > 0; }));
    static_cast<void>(running.ask({"pause"}));
    EXPECT_TRUE(running.wait_for([&](const auto& state) { return steps_of(state) == 0; })) << "nobody comes anywhere";
    static_cast<void>(running.ask({"resume"}));
    EXPECT_TRUE(running.wait_for([&](const auto& state) { return steps_of(state) > 20; })) << "both go on";
    static_cast<void>(running.ask({"stop"}));
    EXPECT_EQ(running.process().wait(60s), 3) << running.process().output();
    EXPECT_EQ(second->wait(30s), 0) << second->output();
    EXPECT_EQ(folder_.summary().facts.verdict->reasons.size(), 1U) << "stopped, and nobody lost";
}

TEST_F(load_machines, a_lost_one_is_noticed_and_the_run_not_trusted) {
    scenario(ten_seconds + one_get);
    auto& run = begin_with_bus(2);
    const auto second = join();
    ASSERT_TRUE(run.wait_for_line([](const std::string& line) { return line.find("0:02") != std::string::npos; }))
        << run.output();
    second->signal(SIGKILL);
    EXPECT_EQ(run.wait(60s), 3) << run.output();
    EXPECT_TRUE(says(run, "not heard of for 6 s")) << run.output();
    const auto kept = folder_.summary();
    ASSERT_EQ(kept.facts.verdict->value, runstore::outcome::inconclusive);
    EXPECT_NE(kept.facts.verdict->reasons.at(0).find(" was lost "), std::string::npos)
        << kept.facts.verdict->reasons.at(0);
    EXPECT_NE(folder_.text_of("run/report.json").find(" was lost "), std::string::npos);
    EXPECT_GT(kept.steps.at(0).count, 200U) << "the other's users went on";
}

TEST_F(load_machines, one_that_leaves_is_told_at_once) {
    scenario(ten_seconds + one_get);
    auto& run = begin_with_bus(2);
    const auto second = join();
    ASSERT_TRUE(run.wait_for_line([](const std::string& line) { return line.find("0:01") != std::string::npos; }))
        << run.output();
    second->signal(SIGINT);
    EXPECT_EQ(second->wait(30s), 3) << second->output();
    EXPECT_EQ(run.wait(60s), 3) << run.output();
    EXPECT_TRUE(says(run, "it left: stopped by hand")) << run.output();
}

TEST_F(load_machines, stop_when_the_coordinator_is_stopped_or_gone) {
    scenario(for_long + one_get);
    {
        auto& run = begin_with_bus(2);
        const auto second = join();
        ASSERT_TRUE(run.wait_for_line(
            [](const std::string& line) { return line.find("busiest worker") != std::string::npos; }));
        run.signal(SIGINT);
        EXPECT_EQ(run.wait(60s), 3) << run.output();
        EXPECT_EQ(second->wait(30s), 0) << second->output();
    }
    std::filesystem::remove_all(folder_.path("run"));
    auto& run = begin_with_bus(2);
    const auto second = join();
    ASSERT_TRUE(
        run.wait_for_line([](const std::string& line) { return line.find("busiest worker") != std::string::npos; }));
    run.signal(SIGKILL);
    EXPECT_EQ(second->wait(60s), 4) << second->output();
    EXPECT_TRUE(says(*second, "has not been heard of for 10 s: the load here was ended")) << second->output();
    const auto before = server_.requests();
    child_process ended({"/bin/true"});
    ended.wait(10s);
    EXPECT_EQ(server_.requests(), before) << "nobody sends any more";
}

TEST_F(load_machines, one_that_cannot_take_part_says_why_with_its_name) {
    scenario(ten_seconds + "steps: [{http: {name: page, get: /, headers: {X-Key: \"${env:CB_TEST_KEY}\"}}}]\n");
    auto& run = begin_with_bus(2, {{"CB_TEST_KEY", "known here alone"}});
    const auto second = join();
    EXPECT_EQ(run.wait(60s), 4) << run.output();
    EXPECT_TRUE(says(run, "chaosbroker: machine ")) << run.output();
    EXPECT_TRUE(says(run, "CB_TEST_KEY")) << run.output();
    EXPECT_TRUE(says(run, "nothing was sent")) << run.output();
    EXPECT_EQ(second->wait(30s), 4) << second->output();
    EXPECT_TRUE(says(*second, "CB_TEST_KEY")) << second->output();
    EXPECT_EQ(server_.requests(), 0U);
}

TEST_F(load_machines, one_too_many_is_sent_away) {
    scenario(ten_seconds + one_get);
    auto& run = begin_with_bus(2);
    const auto second = join();
    ASSERT_TRUE(run.wait_for_line([](const std::string& line) { return line.find("0:01") != std::string::npos; }));
    const auto third = join();
    EXPECT_EQ(third->wait(30s), 4) << third->output();
    EXPECT_TRUE(says(*third, "has all its machines already")) << third->output();
    run.signal(SIGINT);
    EXPECT_EQ(run.wait(60s), 3);
}

TEST_F(load_machines, meet_on_a_kafka_that_is_there_one_run_at_a_time) {
    running_broker bus;
    bus_ = bus.bootstrap();
    scenario(ten_seconds + one_get);
    auto& first = begin({"--machines", "2", "--bus", bus_, "--max-duration", "2s"});
    ASSERT_TRUE(first.wait_for_line([](const std::string& each) { return each.find("--join") != std::string::npos; }));

    const load_folder other;
    other.write_scenario(server_.url(), trusting + ten_seconds + one_get);
    child_process second(other.command({"--machines", "2", "--bus", bus_}));
    EXPECT_EQ(second.wait(60s), 4) << second.output();
    EXPECT_TRUE(says(second, "another run, 'a load' of machine ")) << second.output();

    const auto joined = join();
    EXPECT_EQ(first.wait(60s), 0) << first.output();
    EXPECT_EQ(joined->wait(30s), 0) << joined->output();

    // The bus is free again.
    child_process third(other.command({"--machines", "2", "--bus", bus_, "--max-duration", "1s"}));
    const auto joined_again = join();
    EXPECT_EQ(third.wait(60s), 0) << third.output();
    EXPECT_EQ(joined_again->wait(30s), 0) << joined_again->output();
}

TEST_F(load_machines, of_another_version_are_sent_away) {
    scenario(ten_seconds + one_get);
    auto& run = begin_with_bus(2);
    load::bus bus({bus_, {}}, load::reports_topic, {load::orders_topic}, 20s);
    std::optional<std::uint64_t> called;
    std::string answer;
    for (const auto until = std::chrono::steady_clock::now() + 20s;
         answer.empty() && std::chrono::steady_clock::now() < until;) {
        bus.receive([&](load::bus_message&& what) {
            if (what.kind == load::bus_kind::heartbeat && !called) {
                called = what.run;
                bus.send({load::bus_kind::hello, *called, 77, 0,
                          load::encode(load::hello_message{"0.0.1", "elsewhere", "another place"})});
            } else if (what.kind == load::bus_kind::turned_away && what.to == 77) {
                answer = load::decode_sentence(what.body);
            }
        });
    }
    EXPECT_NE(answer.find("machine elsewhere has chaosbroker 0.0.1"), std::string::npos) << answer;
    EXPECT_TRUE(run.wait_for_line([](const std::string& each) {
        return each.find("it was turned away") != std::string::npos;
    })) << run.output();
    run.signal(SIGINT);
    EXPECT_EQ(run.wait(60s), 3) << run.output();
}

TEST_F(load_machines, elsewhere_have_another_loopback) {
    scenario(ten_seconds + one_get);
    auto& run = begin_with_bus(2);
    load::bus bus({bus_, {}}, load::reports_topic, {load::orders_topic}, 20s);
    bool called = false;
    for (const auto until = std::chrono::steady_clock::now() + 20s;
         !called && std::chrono::steady_clock::now() < until;) {
        bus.receive([&](load::bus_message&& what) {
            const auto heartbeat = load::decode_heartbeat(what.body);
            if (what.kind == load::bus_kind::heartbeat && heartbeat && !called) {
                called = true;
                bus.send({load::bus_kind::hello, what.run, 77, 0,
                          load::encode(load::hello_message{heartbeat->version, "elsewhere", "another place"})});
            }
        });
    }
    EXPECT_EQ(run.wait(60s), 2) << run.output();
    EXPECT_TRUE(says(run, "is on loopback, which is another place on machine elsewhere")) << run.output();
    EXPECT_EQ(server_.requests(), 0U);
}

TEST_F(load_machines, await_events_each_with_its_own_consumer) {
    running_broker kafka;
    scenario(fmt::format("brokers: \"{}\"\n"
                         "inject: {{open: [{{constant_users_per_sec: {{rate: 40, during: 3s}}}}]}}\nsteps:\n"
                         "  - produce: {{name: say, topic: said, json: {{who: \"${{user}}\"}}}}\n"
                         "  - await: {{name: heard, where: {{topic: said, json: {{$.who: \"${{user}}\"}}}}, "
                         "since: say, within: 20s}}\n",
                         kafka.bootstrap()));
    auto& run = begin_with_bus(2);
    const auto second = join();
    ASSERT_EQ(run.wait(60s), 0) << run.output();
    EXPECT_EQ(second->wait(30s), 0) << second->output();
    const auto kept = folder_.summary();
    ASSERT_EQ(kept.steps.size(), 2U);
    EXPECT_EQ(kept.steps[1].count, kept.steps[0].count);
    EXPECT_EQ(kept.steps[1].failed, 0U) << run.output();
    auto database = runstore::database::open(folder_.path("run/run.db"), runstore::database::access::read);
    ASSERT_TRUE(database);
    EXPECT_EQ(static_cast<std::uint64_t>(database->number("SELECT SUM(came) FROM awaits").value_or(-1)),
              kept.steps[1].count)
        << "second by second";
    bool told = false;
    for (const auto& each : kept.notes) {
        told = told || each.text.find("0 missing, 0 doubled, 0 late") != std::string::npos;
    }
    EXPECT_TRUE(told) << run.output();
}

TEST(load_machine_options, that_do_not_go_together_are_refused) {
    const load_folder folder;
    folder.write_scenario("http://127.0.0.1:1", ten_seconds + one_get);
    const auto scenario = folder.path("scenario.yaml").string();
    struct refused {
        std::vector<std::string> words;
        int code;
        std::string sentence;
    };
    for (const auto& [words, code, sentence] : std::vector<refused>{
             {{scenario, "--machines", "2"}, 2, "--machines needs a bus to meet on"},
             {{scenario, "--bus", "127.0.0.1:1"}, 2, "say how many with --machines"},
             {{scenario, "--machines", "2", "--bus", "127.0.0.1:1", "--bus-listen", "127.0.0.1:2"},
              2,
              "give one of them"},
             {{scenario, "--join", "127.0.0.1:1"}, 2, "give neither a file"},
             {{"--join", "nowhere"}, 2, "--join nowhere: 'nowhere' is not an address"},
             {{"--join", "127.0.0.1:1", "--bus-setting", "no.such.setting=1"}, 2, "librdkafka has no setting"},
             {{"--join", "127.0.0.1:1", "--wait", "soon"}, 2, "--wait soon: must be a time"},
             {{"--join", "127.0.0.1:1", "--wait", "1s"}, 4, "no bus answers at 127.0.0.1:1"},
             {{scenario, "--machines", "2", "--bus", "127.0.0.1:1", "--wait", "1s"},
              4,
              "no bus answers at 127.0.0.1:1"},
             {{scenario, "--machines", "2", "--bus-listen", "192.0.2.77:0"},
              4,
              "the bus does not listen on 192.0.2.77:0"},
             {{scenario, "--machines", "2", "--bus-listen", "127.0.0.1:0", "--wait", "1s"},
              4,
              "0 of 1 other machines joined within 1 s"}}) {
        std::vector<std::string> command{chaosbroker_program(), "load"};
        command.insert(command.end(), words.begin(), words.end());
        child_process ran(command);
        EXPECT_EQ(ran.wait(60s), code) << ran.output();
        EXPECT_TRUE(says(ran, sentence)) << ran.output();
    }
}

} // namespace
} // namespace cb::tests
