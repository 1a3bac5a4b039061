// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace moving::operate {

/// What `moving up` was told.
struct up_options {
    std::string folder = "moving-data"; ///< databases and log
    std::string host = "127.0.0.1";
    std::vector<std::string> replicas; ///< "tracking=3"
    std::vector<std::string> ports;    ///< "tracking=8085"; 0: a free one
    std::string database = "sqlite";   ///< "sqlite", or a URL of PostgreSQL with {service} for the name
    std::string brokers = "127.0.0.1:9092";
    std::string delivery = "safe";
    std::string durability = "normal";
    std::string log_level = "info";
    std::string reconcile_after = "10s";
    std::int32_t partitions = 6;
    std::chrono::milliseconds grace{10'000};
};

/// An instance as it is started.
struct planned_instance {
    std::string service;
    std::string name; ///< "tracking-2"
    std::vector<std::string> arguments;
};

struct planned_service {
    std::string name;
    std::uint16_t port = 0;
    std::string url;
    std::string database;
};

struct up_plan {
    std::vector<planned_service> services;
    std::vector<planned_instance> instances;
};

/// "tracking=3" for names of services; the error is a sentence.
tl::expected<std::map<std::string, int>, std::string>
numbers_by_service(const std::string& option, const std::vector<std::string>& texts, int least, int most);
/// Which processes with which arguments. `ports` are those of the services by now.
tl::expected<up_plan, std::string> plan_up(const up_options& options,
                                           const std::map<std::string, std::uint16_t>& ports);
/// The URL of a service's database.
std::string database_url(const std::string& database, const std::string& folder, const std::string& service);

} // namespace moving::operate
