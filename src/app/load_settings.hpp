// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cb::app {

/// What `chaosbroker load SCENARIO.yaml` was asked for.
struct load_settings {
    std::string file;
    std::string out; ///< empty: a new folder below runs/
    std::optional<std::uint32_t> workers;
    std::optional<std::uint64_t> seed;
    std::vector<std::string> allowed_targets; ///< hosts beyond loopback
    std::string max_duration;                 ///< "10m"; empty: until the plan's end
    std::string dump_arrivals;                ///< a file; empty: none
    std::string admin = "127.0.0.1:8475";
    bool admin_given = false; ///< if not, a free port does as well
    std::string admin_token_file;
    std::optional<std::uint32_t> machines; ///< that take part, this one included
    std::string bus_listen;                ///< where a bus is started for them
    std::string bus;                       ///< a Kafka that they meet on instead
    std::vector<std::string> bus_settings; ///< of librdkafka: "name=value"
    std::string join;                      ///< the bus on which another machine calls for us
    std::string wait = "60s";              ///< for the machines, or for the run to join
    bool explain = false;
    bool as_json = false;
};

} // namespace cb::app
