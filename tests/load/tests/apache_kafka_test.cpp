// SPDX-License-Identifier: Apache-2.0
// The same users against Apache Kafka itself.
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <optional>

#include "probe_run.hpp"

namespace cb::tests {
namespace {

using namespace std::chrono_literals;

int free_port() {
    const int at = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(at, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(at, reinterpret_cast<sockaddr*>(&address), &size), 0);
    close(at);
    return ntohs(address.sin_port);
}

/// One node that is broker and controller.
class load_on_apache_kafka : public load_on_kafka {
protected:
    void SetUp() override {
        const auto libraries = folder_from_environment("CB_KAFKA_LIBS");
        if (libraries.empty()) {
            GTEST_SKIP() << "apache kafka: CB_KAFKA_LIBS names no folder";
        }
        const auto port = std::to_string(free_port());
        const auto controller = std::to_string(free_port());
        brokers_ = "127.0.0.1:" + port;
        const auto properties =
            write("server.properties",
                  "process.roles=broker,controller\nnode.id=1\n"
                  "controller.quorum.voters=1@127.0.0.1:" +
                      controller + "\nlisteners=PLAINTEXT://" + brokers_ + ",CONTROLLER://127.0.0.1:" + controller +
                      "\nadvertised.listeners=PLAINTEXT://" + brokers_ +
                      "\ncontroller.listener.names=CONTROLLER\nlog.dirs=" + (folder_ / "data").string() +
                      "\nnum.partitions=3\noffsets.topic.replication.factor=1\n");
        const auto java = [&](std::vector<std::string> words) {
            words.insert(words.begin(), {"java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-Xmx512m", "-cp",
                                         libraries + "/*"});
            return words;
        };
        child_process format(
            java({"kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", properties}));
        ASSERT_EQ(format.wait(60s), 0) << format.output();
        node_.emplace(java({"kafka.Kafka", properties}));
        const auto asks = make_client(RD_KAFKA_PRODUCER, brokers_);
        auto error = RD_KAFKA_RESP_ERR_UNKNOWN;
        for (int i = 0; i < 30 && error != RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
            const rd_kafka_metadata_t* told = nullptr;
            error = rd_kafka_metadata(asks.get(), 1, nullptr, &told, 2'000);
            if (told != nullptr) {
                rd_kafka_metadata_destroy(told);
            }
        }
        ASSERT_EQ(error, RD_KAFKA_RESP_ERR_NO_ERROR) << node_->output();
    }

    std::string brokers_;
    std::optional<child_process> node_;
};

TEST_F(load_on_apache_kafka, every_event_finds_its_await) {
    const auto result = run(brokers_, R"(
kafka: {enable.idempotence: "true", compression.codec: zstd}
inject: {open: [{constant_users_per_sec: {rate: 100, during: 3s}}]}
steps:
  - repeat:
      times: 3
      name: pass
      steps:
        - set: {id: "${user}-${loop:pass}"}
        - produce: {name: order, topic: orders, key: "${id}", headers: {id: "${id}"}, json: {id: "${id}"}}
        - await: {name: by json, where: {topic: orders, json: {$.id: "${id}"}}, since: order, within: 20s}
        - await: {name: by header, where: {topic: orders, header: {id: "${id}"}, key: "${id}"}, since: order, within: 20s}
)");
    const auto orders = number(result, "order", "count");
    EXPECT_GT(orders, 600);
    EXPECT_EQ(result.at("events").as_int64(), orders);
    for (const auto* step : {"order", "by json", "by header"}) {
        EXPECT_EQ(number(result, step, "count"), orders) << step;
        EXPECT_EQ(number(result, step, "failed"), 0) << step;
        EXPECT_EQ(number(result, step, "doubled"), 0) << step;
        EXPECT_EQ(number(result, step, "late"), 0) << step;
    }
}

TEST_F(load_on_apache_kafka, machines_of_a_run_meet_on_it) {
    const auto file = scenario(brokers_, R"(
trust: {slip_p99: 60s, cpu: "100%"}
inject: {open: [{constant_users_per_sec: {rate: 50, during: 3s}}]}
checks: [{errors: "== 0%"}, {count: "> 80"}]
steps: [{produce: {name: order, topic: orders, json: {id: "${user}"}}}]
)");
    child_process run({chaosbroker_program(), "load", file, "--out", folder_ / "run", "--admin", "off", "--machines",
                       "2", "--bus", brokers_});
    child_process joined({chaosbroker_program(), "load", "--join", brokers_});
    EXPECT_EQ(run.wait(100s), 0) << run.output();
    EXPECT_EQ(joined.wait(30s), 0) << joined.output();

    // What the machines said is no longer there.
    const auto asks = make_client(RD_KAFKA_PRODUCER, brokers_);
    std::int64_t first = 0;
    std::int64_t end = 0;
    ASSERT_EQ(rd_kafka_query_watermark_offsets(asks.get(), "chaosbroker-load-orders", 0, &first, &end, 10'000),
              RD_KAFKA_RESP_ERR_NO_ERROR);
    EXPECT_GT(first, 0);
    EXPECT_LE(end - first, 3) << "but the word that the run is over";
}

} // namespace
} // namespace cb::tests
