// SPDX-License-Identifier: Apache-2.0
#include "running_kafka.hpp"

#include <csignal>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "free_port.hpp"
#include "support/running_broker.hpp"

namespace moving::tests {

namespace {

constexpr auto patience = std::chrono::seconds(90);

std::vector<std::string> java(const std::string& libraries, std::vector<std::string> words) {
    words.insert(words.begin(),
                 {"java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=info", "-Xmx512m", "-cp", libraries + "/*"});
    return words;
}

} // namespace

bool running_kafka::installed() { return !cb::tests::folder_from_environment("CB_KAFKA_LIBS").empty(); }

running_kafka::running_kafka() : libraries_(cb::tests::folder_from_environment("CB_KAFKA_LIBS")) {
    const auto controller = std::to_string(free_port());
    bootstrap_ = "127.0.0.1:" + std::to_string(free_port());
    const auto properties = folder_.path() / "server.properties";
    std::ofstream(properties) << "process.roles=broker,controller\nnode.id=1\n"
                              << "controller.quorum.voters=1@127.0.0.1:" << controller << "\nlisteners=PLAINTEXT://"
                              << bootstrap_ << ",CONTROLLER://127.0.0.1:" << controller
                              << "\nadvertised.listeners=PLAINTEXT://" << bootstrap_
                              << "\ncontroller.listener.names=CONTROLLER\nlog.dirs="
                              << (folder_.path() / "data").string()
                              << "\noffsets.topic.replication.factor=1\noffsets.topic.num.partitions=5\n"
                              << "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
                              << "group.initial.rebalance.delay.ms=0\nauto.create.topics.enable=false\n";
    cb::tests::child_process format(java(
        libraries_, {"kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", properties.string()}));
    if (format.wait(patience) != 0) {
        throw std::runtime_error("Kafka's folder cannot be made:\n" + format.output());
    }
    start();
}

void running_kafka::kill() {
    node_->signal(SIGKILL);
    node_->wait(patience);
    node_.reset();
}

void running_kafka::start() {
    node_.emplace(java(libraries_, {"kafka.Kafka", (folder_.path() / "server.properties").string()}));
    const auto started = node_->wait_for_line(
        [](const std::string& line) { return line.find("Kafka Server started") != std::string::npos; }, patience);
    if (!started) {
        throw std::runtime_error("Kafka did not start:\n" + node_->output());
    }
}

} // namespace moving::tests
