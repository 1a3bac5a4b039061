// SPDX-License-Identifier: Apache-2.0
#include "client/commands.hpp"

#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

namespace cb::bench {

void run_mock_cluster() {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr); // also of the mock's own thread, which begins below
    char why[512];
    const std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)> handle(
        rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why)), rd_kafka_destroy);
    if (!handle) {
        throw std::runtime_error(why);
    }
    const std::unique_ptr<rd_kafka_mock_cluster_t, decltype(&rd_kafka_mock_cluster_destroy)> cluster(
        rd_kafka_mock_cluster_new(handle.get(), 1), rd_kafka_mock_cluster_destroy);
    std::printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster.get()));
    std::fflush(stdout);
    int ended = 0;
    sigwait(&ends, &ended);
}

} // namespace cb::bench
