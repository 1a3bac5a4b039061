// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

/// What bench_client can do. Each prints its figures; throws std::runtime_error.
namespace cb::bench {

/// "p50 | p99 | p99.9 | greatest" from the instant a message is due to be sent until it is consumed, ms.
void measure_latency(const std::string& bootstrap, const std::string& topic, int rate, int seconds, std::size_t bytes);
/// MB/s.
void measure_produce(const std::string& bootstrap, const std::string& topic, std::int64_t count, std::size_t bytes);
/// Changes rules over keep-alive connections while messages pass as fast as they go.
void measure_rule_changes(const std::string& bootstrap, const std::string& admin, int changes_per_second, int seconds);
/// librdkafka's mock cluster, until the program is ended: prints its address.
void run_mock_cluster();

} // namespace cb::bench
