// SPDX-License-Identifier: Apache-2.0
// The broker is killed while clients work, and goes on with --data.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>

#include <boost/json/parse.hpp>
#include <librdkafka/rdkafka.h>

#include "support/running_broker.hpp"

namespace cb::tests {
namespace {

using namespace std::chrono_literals;
using client = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;

/// What became of each message that was sent, by its key.
struct outcome {
    std::set<std::string> acknowledged;
    std::set<std::string> failed;
};

client make(rd_kafka_type_t type, const std::map<std::string, std::string>& settings, outcome* into = nullptr) {
    auto* conf = rd_kafka_conf_new();
    char why[512];
    for (const auto& [name, value] : settings) {
        if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof(why)) != RD_KAFKA_CONF_OK) {
            throw std::runtime_error(why);
        }
    }
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    if (into != nullptr) {
        rd_kafka_conf_set_opaque(conf, into);
        rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
            auto& told = *static_cast<outcome*>(opaque);
            std::string key(static_cast<const char*>(message->key), message->key_len);
            (message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? told.acknowledged : told.failed).insert(std::move(key));
        });
    }
    auto* made = rd_kafka_new(type, conf, why, sizeof(why));
    if (made == nullptr) {
        throw std::runtime_error(why);
    }
    if (type == RD_KAFKA_CONSUMER) {
        rd_kafka_poll_set_consumer(made);
    }
    return {made, rd_kafka_destroy};
}

/// A broker with a folder of data, which can be killed and started again on the same port.
class killable_broker {
public:
    explicit killable_broker(std::vector<std::string> flags) : flags_(std::move(flags)) {
        std::string name = std::filesystem::temp_directory_path() / ("cb-restart-" + std::string(6, 'X'));
        folder_ = mkdtemp(name.data());
        flags_.insert(flags_.end(), {"--data", folder_});
        start("127.0.0.1:0");
    }
    ~killable_broker() {
        broker_.reset();
        std::filesystem::remove_all(folder_);
    }
    void kill_and_restart() {
        const auto address = broker_->bootstrap();
        broker_->process().signal(SIGKILL);
        EXPECT_EQ(broker_->process().wait(10s), 128 + SIGKILL);
        start(address);
    }
    running_broker& operator*() { return *broker_; }
    running_broker* operator->() { return broker_.get(); }
    [[nodiscard]] const std::string& folder() const { return folder_; }
    /// Of every entry the last thing that its ledger says of it, by its number.
    [[nodiscard]] std::map<std::int64_t, boost::json::object> ledger() const {
        std::map<std::int64_t, boost::json::object> out;
        std::ifstream in(folder_ + "/ledger.jsonl");
        for (std::string line; std::getline(in, line);) {
            auto entry = boost::json::parse(line).as_object();
            const auto sequence = entry.at("sequence").as_int64();
            out[sequence] = std::move(entry);
        }
        return out;
    }

private:
    void start(const std::string& address) {
        auto flags = flags_;
        flags.insert(flags.end(), {"--listen", address});
        broker_ = std::make_unique<running_broker>(flags);
    }

    std::vector<std::string> flags_;
    std::string folder_;
    std::unique_ptr<running_broker> broker_;
};

std::string write_file(const std::string& text) {
    std::string name = std::filesystem::temp_directory_path() / ("cb-rules-" + std::string(6, 'X'));
    const int file = mkstemp(name.data());
    const auto written = write(file, text.data(), text.size());
    close(file);
    EXPECT_EQ(written, static_cast<ssize_t>(text.size()));
    return name;
}

/// All of a topic's messages, by key, until `expected` are there or nothing comes for a while.
std::map<std::string, int> read_all(const std::string& bootstrap, const std::string& topic, int expected) {
    const auto consumer = make(RD_KAFKA_CONSUMER, {{"bootstrap.servers", bootstrap},
                                                   {"group.id", "reader-of-" + topic},
                                                   {"auto.offset.reset", "earliest"},
                                                   {"isolation.level", "read_committed"}});
    auto* topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic.c_str(), RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(consumer.get(), topics);
    rd_kafka_topic_partition_list_destroy(topics);
    std::map<std::string, int> out;
    int seen = 0;
    for (int silent = 0; silent < (seen < expected ? 300 : 20);) {
        auto* message = rd_kafka_consumer_poll(consumer.get(), 100);
        if (message == nullptr) {
            ++silent;
            continue;
        }
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            ++out[std::string(static_cast<const char*>(message->key), message->key_len)];
            ++seen;
            silent = 0;
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(consumer.get());
    return out;
}

int kills_wanted() {
    const char* given = std::getenv("CB_KILLS");
    return given == nullptr ? 4 : std::atoi(given);
}

TEST(restart, what_was_acknowledged_is_there_exactly_as_often_as_the_ledger_says) {
    const auto rules = write_file("format: 1\n"
                                  "mix: {slow: 20, delete: 20, duplicate: 20, salt: 0, delay: 300ms}\n");
    killable_broker broker({"--rules", rules, "--seed", "5", "--partitions", "3"});
    outcome told;
    {
        const auto producer = make(RD_KAFKA_PRODUCER,
                                   {{"bootstrap.servers", broker->bootstrap()},
                                    {"enable.idempotence", "true"},
                                    {"reconnect.backoff.ms", "20"},
                                    {"reconnect.backoff.max.ms", "100"},
                                    {"retry.backoff.ms", "20"},
                                    {"linger.ms", "2"}},
                                   &told);
        int sent = 0;
        const auto send_some = [&](int count) {
            for (int i = 0; i < count; ++i) {
                const auto key = "k" + std::to_string(sent++);
                ASSERT_EQ(rd_kafka_producev(producer.get(), RD_KAFKA_V_TOPIC("t"),
                                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                            RD_KAFKA_V_KEY(key.data(), key.size()),
                                            RD_KAFKA_V_VALUE(const_cast<char*>("value"), 5), RD_KAFKA_V_END),
                          RD_KAFKA_RESP_ERR_NO_ERROR);
                rd_kafka_poll(producer.get(), i % 50 == 0 ? 1 : 0);
            }
        };
        for (int kill = 0; kill < kills_wanted(); ++kill) {
            // In the midst of it: some are acknowledged, some on their way.
            const auto before = told.acknowledged.size();
            send_some(3'000);
            for (int waits = 0; told.acknowledged.size() < before + 1'000; ++waits) {
                ASSERT_LT(waits, 3'000) << "nothing is acknowledged any more";
                rd_kafka_poll(producer.get(), 10);
            }
            broker.kill_and_restart();
        }
        send_some(1'000);
        ASSERT_EQ(rd_kafka_flush(producer.get(), 60'000), RD_KAFKA_RESP_ERR_NO_ERROR);
        EXPECT_EQ(told.acknowledged.size(), static_cast<std::size_t>(sent));
        EXPECT_TRUE(told.failed.empty());
    }
    // All that is late comes; then the ledger is closed but for what nobody could know.
    const auto open_entries = [&] {
        int open = 0;
        for (const auto& [sequence, entry] : broker.ledger()) {
            open += entry.at("state").as_string() == "open" ? 1 : 0;
        }
        return open;
    };
    const auto consumer_topic = "t";
    auto seen = read_all(broker->bootstrap(), consumer_topic, static_cast<int>(told.acknowledged.size()));
    EXPECT_EQ(open_entries(), 0);

    std::map<std::string, int> expected;
    std::set<std::string> unknown;
    for (const auto& key : told.acknowledged) {
        expected[key] = 1;
    }
    int late = 0;
    for (const auto& [sequence, entry] : broker.ledger()) {
        const std::string key(entry.at("key").as_string());
        const auto effect = entry.at("effect").as_string();
        if (entry.at("state").as_string() == "unknown") {
            unknown.insert(key);
        } else if (entry.at("state").as_string() == "done") {
            expected[key] += effect == "delete" ? -1 : effect == "duplicate" ? 1 : 0;
            late += effect == "late" ? 1 : 0;
        }
    }
    EXPECT_GT(late, 100);
    int wrong = 0;
    for (const auto& [key, times] : expected) {
        const int got = seen.contains(key) ? seen[key] : 0;
        if (got != times && !unknown.contains(key) && ++wrong <= 10) {
            ADD_FAILURE() << key << ": " << got << " times, and the ledger says " << times;
        }
    }
    EXPECT_EQ(wrong, 0);
    std::cout << told.acknowledged.size() << " messages, " << kills_wanted() << " kills, " << late << " late, "
              << unknown.size() << " with an entry whose fate is unknown\n";
    EXPECT_EQ(broker->stop(), 0);
    std::filesystem::remove(rules);
}

void fine(rd_kafka_error_t* error) {
    EXPECT_EQ(error, nullptr) << (error != nullptr ? rd_kafka_error_string(error) : "");
    if (error != nullptr) {
        rd_kafka_error_destroy(error);
    }
}

void send(rd_kafka_t* by, const std::string& topic, const std::string& key) {
    ASSERT_EQ(rd_kafka_producev(by, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                RD_KAFKA_V_KEY(key.data(), key.size()), RD_KAFKA_V_VALUE(const_cast<char*>("value"), 5),
                                RD_KAFKA_V_END),
              RD_KAFKA_RESP_ERR_NO_ERROR);
}

TEST(restart, a_transaction_goes_on_and_what_is_held_of_it_stays_in_it) {
    const auto rules = write_file("format: 1\n"
                                  "rules: [{name: much-later, intercept: produce, chance: 50%, draw_by: key, "
                                  "do: {late: {delay: 1h}}}]\n");
    killable_broker broker({"--rules", rules, "--seed", "1"});
    std::size_t committed = 0;
    {
        const auto producer = make(RD_KAFKA_PRODUCER, {{"bootstrap.servers", broker->bootstrap()},
                                                       {"transactional.id", "tx"},
                                                       {"reconnect.backoff.ms", "20"},
                                                       {"reconnect.backoff.max.ms", "100"}});
        fine(rd_kafka_init_transactions(producer.get(), 10'000));
        for (int round = 0; round < 4; ++round) {
            fine(rd_kafka_begin_transaction(producer.get()));
            for (int i = 0; i < 50; ++i) {
                send(producer.get(), "t", (round % 2 == 0 ? "kept-" : "dropped-") + std::to_string(round * 50 + i));
            }
            ASSERT_EQ(rd_kafka_flush(producer.get(), 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
            broker.kill_and_restart();
            fine(round % 2 == 0 ? rd_kafka_commit_transaction(producer.get(), 20'000)
                                : rd_kafka_abort_transaction(producer.get(), 20'000));
            committed += round % 2 == 0 ? 50 : 0;
        }
    }
    const auto seen = read_all(broker->bootstrap(), "t", static_cast<int>(committed));
    EXPECT_EQ(seen.size(), committed) << "a commit releases what is held, an hour before its time";
    for (const auto& [key, times] : seen) {
        EXPECT_TRUE(key.starts_with("kept-")) << key;
        EXPECT_EQ(times, 1) << key;
    }
    std::map<std::string, int> states;
    for (const auto& [sequence, entry] : broker.ledger()) {
        ++states[std::string(entry.at("state").as_string())];
    }
    EXPECT_GT(states["done"], 20);
    EXPECT_GT(states["undone"], 20) << "an abort drops what is held";
    EXPECT_EQ(states["open"] + states["unknown"], 0);
    std::filesystem::remove(rules);
}

TEST(restart, a_group_goes_on_where_it_was) {
    killable_broker broker({});
    const auto producer = make(RD_KAFKA_PRODUCER, {{"bootstrap.servers", broker->bootstrap()},
                                                   {"reconnect.backoff.ms", "20"},
                                                   {"reconnect.backoff.max.ms", "100"}});
    for (int i = 0; i < 100; ++i) {
        send(producer.get(), "t", "k" + std::to_string(i));
    }
    ASSERT_EQ(rd_kafka_flush(producer.get(), 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    EXPECT_EQ(read_all(broker->bootstrap(), "t", 100).size(), 100U);
    broker.kill_and_restart();
    send(producer.get(), "t", "new");
    ASSERT_EQ(rd_kafka_flush(producer.get(), 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    const auto seen = read_all(broker->bootstrap(), "t", 1);
    EXPECT_EQ(seen, (std::map<std::string, int>{{"new", 1}})) << "the same group: its position was committed";
}

TEST(restart, rules_set_by_rest_come_back_and_win_over_the_file) {
    const auto rules = write_file("format: 1\nrules: [{name: of-the-file, intercept: produce, do: delete}]\n");
    killable_broker broker({"--rules", rules});
    const auto run = [&](std::vector<std::string> words) {
        words.insert(words.begin(), chaosbroker_program());
        words.insert(words.end(), {"--admin", broker->admin()});
        child_process process(words);
        EXPECT_EQ(process.wait(30s), 0) << process.output();
        return process.output();
    };
    broker.kill_and_restart();
    EXPECT_NE(run({"rules", "list"}).find("of-the-file"), std::string::npos) << "nothing was changed by REST yet";
    run({"rules", "remove", "of-the-file"});
    run({"rules", "add", "by-hand", "where.topic=x", "chance=10%", "do=delete", "for=1h"});
    run({"mix", "delete=7"});
    broker.kill_and_restart();
    const auto listed = run({"rules", "list"});
    EXPECT_NE(listed.find("by-hand"), std::string::npos) << listed;
    EXPECT_EQ(listed.find("of-the-file"), std::string::npos) << listed;
    EXPECT_NE(run({"mix"}).find("7"), std::string::npos);
    run({"rules", "clear", "--lock"});
    broker.kill_and_restart();
    EXPECT_NE(run({"rules", "list", "--json"}).find("\"locked\":true"), std::string::npos);
    std::filesystem::remove(rules);
}

TEST(restart, a_folder_belongs_to_one_broker_and_to_this_version) {
    killable_broker broker({});
    child_process second(
        {chaosbroker_program(), "serve", "--listen", "127.0.0.1:0", "--admin", "off", "--data", broker.folder()});
    EXPECT_EQ(second.wait(10s), 4);
    EXPECT_NE(second.output().find("another chaosbroker is using this folder"), std::string::npos) << second.output();
    EXPECT_EQ(broker->stop(), 0);
    std::ofstream(broker.folder() + "/journal/0000000099") << "something else";
    child_process third(
        {chaosbroker_program(), "serve", "--listen", "127.0.0.1:0", "--admin", "off", "--data", broker.folder()});
    EXPECT_EQ(third.wait(10s), 4);
    EXPECT_NE(third.output().find("no journal of this version"), std::string::npos) << third.output();
}

/// Two independent readers of one format: Kafka's own tool reads our segment files.
TEST(restart, kafka_s_own_tool_reads_the_files) {
    const auto libraries = folder_from_environment("CB_KAFKA_LIBS");
    if (libraries.empty()) {
        GTEST_SKIP() << "DumpLogSegments: CB_KAFKA_LIBS names no folder";
    }
    killable_broker broker({});
    int expected = 0;
    for (const std::string codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
        const auto producer =
            make(RD_KAFKA_PRODUCER, {{"bootstrap.servers", broker->bootstrap()}, {"compression.codec", codec}});
        for (int i = 0; i < 500; ++i, ++expected) {
            send(producer.get(), "t", codec + std::to_string(i));
        }
        ASSERT_EQ(rd_kafka_flush(producer.get(), 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    {
        const auto producer =
            make(RD_KAFKA_PRODUCER, {{"bootstrap.servers", broker->bootstrap()}, {"transactional.id", "tx"}});
        fine(rd_kafka_init_transactions(producer.get(), 10'000));
        fine(rd_kafka_begin_transaction(producer.get()));
        send(producer.get(), "t", "in a transaction");
        fine(rd_kafka_commit_transaction(producer.get(), 10'000));
        expected += 2; // and its marker
    }
    EXPECT_EQ(broker->stop(), 0);
    std::vector<std::string> words{
        "java",           "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp",
        libraries + "/*", "org.apache.kafka.tools.DumpLogSegments",         "--deep-iteration",
        "--files"};
    for (const auto& each : std::filesystem::recursive_directory_iterator(broker.folder() + "/logs")) {
        if (each.path().extension() == ".log") {
            words.push_back(each.path());
        }
    }
    child_process dump(words);
    EXPECT_EQ(dump.wait(60s), 0);
    const auto output = dump.output();
    EXPECT_EQ(output.find("isvalid: false"), std::string::npos);
    EXPECT_EQ(output.find("isvalid: false"), std::string::npos);
    EXPECT_NE(output.find("| offset: " + std::to_string(expected - 1) + " "), std::string::npos)
        << output.substr(0, 2'000);
    EXPECT_NE(output.find("endTxnMarker: COMMIT"), std::string::npos);
}

} // namespace
} // namespace cb::tests
