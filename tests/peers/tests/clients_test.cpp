// SPDX-License-Identifier: Apache-2.0
// Unmodified clients, each in its own process or library, against `chaosbroker serve`.
#include <gtest/gtest.h>

#include "support/running_broker.hpp"

namespace cb::tests {
namespace {

using namespace std::chrono_literals;

class java_client : public testing::TestWithParam<std::string> {};

TEST_P(java_client, behaves_as_with_kafka) {
    const auto libraries = folder_from_environment("CB_KAFKA_LIBS");
    if (libraries.empty()) {
        GTEST_SKIP() << "java client: CB_KAFKA_LIBS names no folder";
    }
    running_broker broker;
    child_process client({"java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", libraries + "/*",
                          CB_PEERS_DIR "/java/Peer.java", GetParam(), broker.bootstrap()});
    EXPECT_EQ(client.wait(120s), 0) << client.output();
    EXPECT_EQ(broker.stop(), 0) << broker.process().output();
}

INSTANTIATE_TEST_SUITE_P(scenarios, java_client,
                         testing::Values("codecs", "idempotence", "transactions", "group", "admin"),
                         [](const auto& scenario) { return scenario.param; });

/// The tools that come with Kafka, as people call them.
class java_tools : public testing::Test {
protected:
    void SetUp() override {
        libraries_ = folder_from_environment("CB_KAFKA_LIBS");
        if (libraries_.empty()) {
            GTEST_SKIP() << "java tools: CB_KAFKA_LIBS names no folder";
        }
    }
    std::string run(const std::string& tool, std::vector<std::string> arguments) {
        std::vector<std::string> words{"java",
                                       "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                                       "-cp",
                                       libraries_ + "/*",
                                       "org.apache.kafka.tools." + tool,
                                       "--bootstrap-server",
                                       broker_.bootstrap()};
        words.insert(words.end(), arguments.begin(), arguments.end());
        child_process process(words);
        EXPECT_EQ(process.wait(60s), 0) << tool << "\n" << process.output();
        return process.output();
    }

    std::string libraries_;
    running_broker broker_;
};

TEST_F(java_tools, create_produce_consume_describe) {
    run("TopicCommand", {"--create", "--topic", "tools", "--partitions", "3"});
    EXPECT_NE(run("TopicCommand", {"--describe", "--topic", "tools"}).find("PartitionCount: 3"), std::string::npos);
    EXPECT_NE(run("VerifiableProducer", {"--topic", "tools", "--max-messages", "1000"}).find("\"acked\":1000"),
              std::string::npos);
    run("VerifiableConsumer",
        {"--topic", "tools", "--group-id", "tools-group", "--max-messages", "1000", "--reset-policy", "earliest"});
    const auto groups = run("consumer.group.ConsumerGroupCommand", {"--describe", "--group", "tools-group"});
    EXPECT_NE(groups.find("tools-group"), std::string::npos) << groups;
    EXPECT_NE(run("GetOffsetShell", {"--topic", "tools"}).find("tools:0:"), std::string::npos);
}

TEST(kafkajs, behaves_as_with_kafka) {
    const auto modules = folder_from_environment("CB_KAFKAJS");
    if (modules.empty()) {
        GTEST_SKIP() << "kafkajs: CB_KAFKAJS names no folder";
    }
    running_broker broker;
    child_process client({"node", CB_PEERS_DIR "/kafkajs/peer.mjs", broker.bootstrap()}, {{"CB_KAFKAJS", modules}});
    EXPECT_EQ(client.wait(120s), 0) << client.output();
}

/// kcat, as in the README: through a shell, because that is how it is used.
TEST(kcat, produces_and_consumes_with_every_codec) {
    if (std::system("command -v kcat >/dev/null") != 0) {
        GTEST_SKIP() << "kcat is not installed";
    }
    running_broker broker;
    for (const std::string codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
        const auto topic = "kcat-" + codec;
        const auto at = " -b " + broker.bootstrap() + " -t " + topic;
        child_process both({"bash", "-c",
                            "seq 1 1000 | kcat -P -q -z " + codec + at + " && kcat -C -e -q -o beginning" + at +
                                " | cmp - <(seq 1 1000)"});
        EXPECT_EQ(both.wait(60s), 0) << codec << "\n" << both.output();
    }
}

} // namespace
} // namespace cb::tests
