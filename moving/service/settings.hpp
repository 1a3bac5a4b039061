// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "moving/bus/kafka.hpp"
#include "moving/http/server_options.hpp"
#include "moving/log/logger.hpp"
#include "moving/store/database.hpp"

namespace moving::service {

enum class delivery : std::uint8_t {
    /// Outbox, effects once by event id, offsets after the effect, dead letters, retries, a reconciler.
    safe,
    /// What a hurried team writes: save, then send; no memory of events; automatic commits.
    naive,
};

/// What an instance is told at its start.
struct settings {
    std::string service;
    std::string instance; ///< unique among the replicas of the service
    http::server_options http;
    store::settings database;
    bus::kafka_settings kafka;
    std::int32_t partitions = 6;
    delivery how = delivery::safe;
    /// Where the other services are, by name: "http://127.0.0.1:8081". The reconciler asks them.
    std::map<std::string, std::string> peers;
    /// How often the reconciler looks, and how old an event must be to be missed.
    std::chrono::milliseconds reconcile_every{1'000};
    std::chrono::milliseconds reconcile_after{10'000};
    /// How long events, and ids of events that had their effect, are remembered. The reconciler finds what was lost
    /// within this time; a copy that comes later would have its effect twice.
    std::chrono::seconds keep{24 * 3600};
    std::chrono::milliseconds grace{10'000};
    log::level least = log::level::info;
    log::form form = log::form::json;
};

} // namespace moving::service
