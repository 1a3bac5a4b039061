// SPDX-License-Identifier: Apache-2.0
// Users that produce and await, against the running broker: what they say of themselves is compared with what a client
// of its own reads, and with the broker's ledger.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <librdkafka/rdkafka.h>

#include "probe_run.hpp"

namespace cb::tests {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
namespace fs = std::filesystem;

struct read_message {
    std::string key, value, source;
};

/// The first `count` messages of partition 0.
std::vector<read_message> read_back(const std::string& brokers, const std::string& topic, std::size_t count) {
    const auto consumer = make_client(RD_KAFKA_CONSUMER, brokers);
    rd_kafka_poll_set_consumer(consumer.get());
    auto* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic.c_str(), 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(consumer.get(), list);
    rd_kafka_topic_partition_list_destroy(list);
    std::vector<read_message> out;
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (out.size() < count && std::chrono::steady_clock::now() < until) {
        const std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)> message(
            rd_kafka_consumer_poll(consumer.get(), 200), rd_kafka_message_destroy);
        if (!message || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            continue;
        }
        rd_kafka_headers_t* headers = nullptr;
        const void* source = nullptr;
        std::size_t size = 0;
        if (rd_kafka_message_headers(message.get(), &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_header_get_last(headers, "source", &source, &size);
        }
        out.push_back({{static_cast<const char*>(message->key), message->key_len},
                       {static_cast<const char*>(message->payload), message->len},
                       {static_cast<const char*>(source), size}});
    }
    return out;
}

std::int64_t missing(const json::object& run, const std::string& step) {
    const auto all = errors(run, step);
    EXPECT_LE(all.size(), 1U) << json::serialize(all);
    return all.contains("nothing came in time") ? all.at("nothing came in time").to_number<std::int64_t>() : 0;
}

TEST_F(load_on_kafka, messages_arrive_as_they_are_written) {
    const running_broker broker;
    const auto result = run(broker.bootstrap(), R"(
kafka: {enable.idempotence: "true", compression.codec: lz4}
inject: {open: [{at_once_users: 300}]}
steps:
  - repeat:
      times: 2
      name: pass
      steps:
        - produce: {name: order, topic: orders, key: "k${user}", headers: {source: "from ${user}"},
                    json: {id: "${user}-${loop:pass}", price: 12.50}}
)");
    EXPECT_EQ(number(result, "order", "count"), 600);
    EXPECT_EQ(number(result, "order", "failed"), 0);
    EXPECT_EQ(result.at("ended").as_int64(), 300);
    std::set<std::string> values;
    std::size_t bytes = 0;
    for (const auto& each : read_back(broker.bootstrap(), "orders", 600)) {
        const auto body = json::parse(each.value).as_object();
        const std::string id(body.at("id").as_string());
        EXPECT_EQ("k" + id.substr(0, id.find('-')), each.key);
        EXPECT_EQ("from " + id.substr(0, id.find('-')), each.source);
        EXPECT_EQ(body.at("price").as_double(), 12.5);
        values.insert(id);
        bytes += each.key.size() + each.value.size() + std::string("source").size() + each.source.size();
    }
    EXPECT_EQ(values.size(), 600U);
    EXPECT_EQ(number(result, "order", "sent_bytes"), static_cast<std::int64_t>(bytes));
}

TEST_F(load_on_kafka, awaits_find_events_by_json_header_and_key) {
    const running_broker broker({"--partitions", "3"});
    const auto result = run(broker.bootstrap(), R"(
inject: {open: [{constant_users_per_sec: {rate: 100, during: 2s}}], arrivals: uniform}
steps:
  - repeat:
      times: 5
      name: pass
      steps:
        - set: {id: "${user}-${loop:pass}"}
        - produce: {name: order, topic: orders, key: "${user}", headers: {type: PAID, id: "${id}"}, json: {order: {id: "${id}"}}}
        - await: {name: by json, where: {topic: orders, json: {$.order.id: "${id}"}, header: {type: PAID}}, since: order, within: 20s}
        - produce: {name: other, topic: others, key: "${id}", headers: {id: "h${id}"}, body: no JSON}
        - await: {name: by header, where: {topic: others, header: {id: "h${id}"}, key: "${id}"}, since: other, within: 20s}
)");
    for (const auto* step : {"order", "by json", "other", "by header"}) {
        EXPECT_EQ(number(result, step, "count"), 1000) << step;
        EXPECT_EQ(number(result, step, "failed"), 0) << step;
        EXPECT_EQ(number(result, step, "doubled"), 0) << step;
        EXPECT_EQ(number(result, step, "late"), 0) << step;
        EXPECT_GT(milliseconds(result, step, "p50_ms"), 0) << step;
    }
    EXPECT_EQ(result.at("events").as_int64(), 2000);
    EXPECT_EQ(result.at("no_json").as_int64(), 0);
    EXPECT_EQ(result.at("unclaimed").as_int64(), 0);
}

TEST_F(load_on_kafka, an_event_that_overtakes_its_await_is_timed_by_when_it_came) {
    const running_broker broker;
    const auto result = run(broker.bootstrap(), R"(
inject: {open: [{at_once_users: 50}]}
steps:
  - produce: {name: order, topic: orders, json: {id: "${user}"}}
  - pause: 1500ms
  - await: {name: counted, where: {topic: orders, json: {$.id: "${user}"}}, since: order, within: 5s}
  - produce: {name: again, topic: orders, json: {id: "again ${user}"}}
  - pause: 500ms
  - await: {name: was there, where: {topic: orders, json: {$.id: "again ${user}"}}, within: 5s}
)");
    EXPECT_EQ(number(result, "counted", "count"), 50);
    EXPECT_EQ(number(result, "counted", "failed"), 0);
    EXPECT_EQ(number(result, "counted", "early"), 0);
    EXPECT_GT(milliseconds(result, "counted", "p50_ms"), 0);
    EXPECT_LT(milliseconds(result, "counted", "p50_ms"), 1500) << "the pause is none of the event's time";
    EXPECT_EQ(number(result, "was there", "failed"), 0);
    EXPECT_EQ(number(result, "was there", "early"), 50);
    EXPECT_LT(milliseconds(result, "was there", "max_ms"), 0.001) << "nobody waited";
}

/// Entries of the ledger's file by effect, each as its last line has it.
std::map<std::string, std::int64_t> injected(const fs::path& ledger) {
    std::map<std::int64_t, std::pair<std::string, std::string>> last;
    std::ifstream in(ledger);
    for (std::string line; std::getline(in, line);) {
        const auto entry = json::parse(line).as_object();
        last[entry.at("sequence").as_int64()] = {std::string(entry.at("effect").as_string()),
                                                 std::string(entry.at("state").as_string())};
    }
    std::map<std::string, std::int64_t> out;
    for (const auto& [sequence, entry] : last) {
        EXPECT_EQ(entry.second, "done") << sequence << ' ' << entry.first;
        ++out[entry.first];
    }
    return out;
}

class await_under_faults : public load_on_kafka {
protected:
    /// 3,000 orders, of which 5 % each are deleted, doubled and late.
    json::object run_with(const std::string& delay, const std::string& within) {
        const auto rules = write("rules.yaml", R"(format: 1
rules:
  - {name: lost, where: {topic: orders}, chance: 5%, one_of: day, do: delete}
  - {name: twice, where: {topic: orders}, chance: 5%, one_of: day, do: {duplicate: {copies: 1}}}
  - {name: slow, where: {topic: orders}, chance: 5%, one_of: day, do: {late: {delay: )" +
                                                   delay + "}}}\n");
        running_broker broker({"--rules", rules, "--seed", "11", "--ledger", ledger_, "--partitions", "2"});
        auto result = run(broker.bootstrap(), R"(
inject: {open: [{constant_users_per_sec: {rate: 600, during: 5s}}], arrivals: uniform}
steps:
  - produce: {name: order, topic: orders, key: "${user}", json: {id: "${user}"}}
  - await: {name: seen, where: {topic: orders, json: {$.id: "${user}"}}, since: order, within: )" +
                                                  within + R"(, on_failure: continue}
  - pause: 4s
)");
        EXPECT_EQ(broker.stop(), 0);
        EXPECT_EQ(number(result, "order", "failed"), 0);
        EXPECT_EQ(number(result, "seen", "count"), 3000);
        EXPECT_EQ(result.at("displaced").as_int64(), 0);
        return result;
    }
    std::string ledger_ = folder_ / "ledger.jsonl";
};

TEST_F(await_under_faults, late_ones_that_are_waited_for_are_only_slow) {
    const auto result = run_with("400ms", "3s");
    const auto faults = injected(ledger_);
    for (const auto& [effect, count] : faults) {
        EXPECT_GT(count, 80) << effect;
        EXPECT_LT(count, 230) << effect;
    }
    EXPECT_EQ(faults.size(), 3U);
    EXPECT_EQ(missing(result, "seen"), faults.at("delete"));
    EXPECT_EQ(number(result, "seen", "failed"), faults.at("delete"));
    EXPECT_EQ(number(result, "seen", "doubled"), faults.at("duplicate"));
    EXPECT_EQ(number(result, "seen", "late"), 0);
    EXPECT_EQ(result.at("events").as_int64(), 3000 - faults.at("delete") + faults.at("duplicate"));
}

TEST_F(await_under_faults, late_ones_that_miss_their_await_are_missing_and_late) {
    const auto result = run_with("2500ms", "1s");
    const auto faults = injected(ledger_);
    EXPECT_EQ(faults.size(), 3U);
    EXPECT_EQ(missing(result, "seen"), faults.at("delete") + faults.at("late"));
    EXPECT_EQ(number(result, "seen", "late"), faults.at("late"));
    EXPECT_EQ(number(result, "seen", "doubled"), faults.at("duplicate"));
    EXPECT_EQ(result.at("events").as_int64(), 3000 - faults.at("delete") + faults.at("duplicate"));
}

TEST_F(load_on_kafka, a_broker_that_goes_is_a_few_kinds_of_errors_and_the_run_ends) {
    running_broker broker;
    child_process process(probe(scenario(broker.bootstrap(), R"(
inject: {open: [{constant_users_per_sec: {rate: 50, during: 6s}}], arrivals: uniform}
steps:
  - produce: {name: order, topic: orders, json: {id: "${user}"}, timeout: 1s}
  - await: {name: seen, where: {topic: orders, json: {$.id: "${user}"}}, within: 1s}
)"),
                                2));
    ASSERT_TRUE(process.wait_for_line([](const std::string& line) { return line == "second 2"; })) << process.output();
    broker.process().signal(SIGKILL);
    const auto result = result_of(process);
    EXPECT_EQ(result.at("lost").as_int64(), 0);
    EXPECT_EQ(result.at("ended").as_int64(), 300);
    EXPECT_EQ(number(result, "order", "count"), 300);
    EXPECT_GT(number(result, "order", "failed"), 50);
    EXPECT_LT(number(result, "order", "failed"), 290);
    const std::set<std::string> expected{"timeout", "_MSG_TIMED_OUT", "_TRANSPORT"};
    std::int64_t counted = 0;
    for (const auto& [kind, count] : errors(result, "order")) {
        EXPECT_TRUE(expected.contains(std::string(kind))) << kind;
        counted += count.to_number<std::int64_t>();
    }
    EXPECT_EQ(counted, number(result, "order", "failed"));
}

TEST_F(load_on_kafka, partitions_that_are_added_are_read) {
    const running_broker broker;
    child_process process(probe(scenario(broker.bootstrap(), R"(
inject: {open: [{at_once_users: 3}]}
steps: [{await: {name: seen, where: {topic: grown, key: "k${user}"}, within: 30s}}]
)"),
                                1));
    ASSERT_TRUE(process.wait_for_line([](const std::string& line) { return line == "started"; })) << process.output();
    const auto producer = make_client(RD_KAFKA_PRODUCER, broker.bootstrap());
    char why[256];
    auto* more = rd_kafka_NewPartitions_new("grown", 4, why, sizeof(why));
    auto* queue = rd_kafka_queue_new(producer.get());
    rd_kafka_CreatePartitions(producer.get(), &more, 1, nullptr, queue);
    rd_kafka_event_destroy(rd_kafka_queue_poll(queue, 10'000));
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewPartitions_destroy(more);
    for (int i = 0; i < 3; ++i) {
        const auto key = "k" + std::to_string(i);
        rd_kafka_producev(producer.get(), RD_KAFKA_V_TOPIC("grown"), RD_KAFKA_V_PARTITION(i + 1),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_KEY(const_cast<char*>(key.data()), key.size()), RD_KAFKA_V_END);
    }
    ASSERT_EQ(rd_kafka_flush(producer.get(), 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    const auto result = result_of(process);
    EXPECT_EQ(number(result, "seen", "count"), 3);
    EXPECT_EQ(number(result, "seen", "failed"), 0);
}

TEST_F(load_on_kafka, what_cannot_be_read_is_said_before_anything_is_sent) {
    const std::string rest = R"(
inject: {open: [{at_once_users: 1}]}
steps: [{produce: {name: order, topic: orders, body: x}}, {await: {name: seen, where: {topic: absent, key: k}}}]
)";
    running_broker broker;
    child_process absent(probe(scenario(broker.bootstrap(), "kafka: {allow.auto.create.topics: \"false\"}" + rest), 1));
    EXPECT_EQ(absent.wait(60s), 4);
    EXPECT_EQ(absent.output(),
              "the awaited topic 'absent' is not there, and the cluster makes none by itself; create it first\n");
    child_process clash(
        probe(scenario(broker.bootstrap(), "kafka: {enable.idempotence: \"true\", acks: \"0\"}" + rest), 1));
    EXPECT_EQ(clash.wait(60s), 4);
    EXPECT_NE(clash.output().find("enable.idempotence"), std::string::npos) << clash.output();
    EXPECT_EQ(broker.stop(), 0);
    child_process nobody(probe(scenario(broker.bootstrap(), rest), 1));
    EXPECT_EQ(nobody.wait(60s), 4);
    EXPECT_NE(nobody.output().find("no broker of " + broker.bootstrap() + " answers"), std::string::npos)
        << nobody.output();
}

} // namespace
} // namespace cb::tests
