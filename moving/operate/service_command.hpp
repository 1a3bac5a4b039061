// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "moving/service/definition.hpp"

namespace moving::operate {

/// A service that this program can be.
struct known_service {
    std::string name;
    std::string summary;
    std::uint16_t port; ///< where it listens unless told otherwise
    service::definition (*define)(const service::settings&);
};

const std::vector<known_service>& known_services();

/// Adds `moving accounting`, `moving announcement` … to the program. The one that is called sets `run`.
void add_service_commands(CLI::App& program, std::function<int()>& run);

/// Exit codes of all commands.
inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;      ///< the audit found something
inline constexpr int exit_usage = 2;       ///< the command line is wrong
inline constexpr int exit_environment = 4; ///< a port is taken, brokers or database are not there

/// Options that several commands have. They write into what they are given, which must live until the command has run.
void add_broker_option(CLI::App& command, std::string& brokers);
void add_delivery_option(CLI::App& command, service::delivery& how);
void add_durability_option(CLI::App& command, store::durability& how);

/// "300ms", "10s", "5m", "24h" → milliseconds; the error is a sentence.
tl::expected<std::chrono::milliseconds, std::string> parse_duration(const std::string& text);
void add_duration_option(CLI::App& command, const std::string& name, std::chrono::milliseconds& into,
                         const std::string& summary);

} // namespace moving::operate
