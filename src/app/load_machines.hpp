// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/bus_broker.hpp"
#include "app/load_settings.hpp"
#include "app/load_targets.hpp"
#include "load/far_machines.hpp"
#include "load/program.hpp"
#include "load/surroundings.hpp"

namespace cb::app {

/// Throws command_error (usage) when the options about machines, their bus or joining do not go together.
void check_machine_options(const load_settings& settings);
std::chrono::milliseconds wait_of(const load_settings& settings);
load::bus_address bus_of(const load_settings& settings, const std::string& brokers);
/// How this machine introduces itself.
load::hello_message this_machine();

/// Keeps those of the source addresses that this machine has; the others are of the other machines. Throws
/// std::runtime_error with a sentence when it has none of them.
void keep_own_source_addresses(load::workload& work);

/// What a scenario needs, read by this process and kept for the other machines.
class sent_files {
public:
    [[nodiscard]] load::surroundings read_through(const std::string& scenario);
    [[nodiscard]] std::vector<load::file_message> take() { return std::move(files_); }

private:
    std::vector<load::file_message> files_;
};

/// The other machines of a run, with the bus that they meet on. Owner: the command.
class machine_gathering {
public:
    /// Starts the bus if it is to be. Throws command_error.
    machine_gathering(const load_settings& settings, const load::workload& work,
                      const std::vector<load_target>& targets, std::vector<load::file_message> files);
    /// Returns when all are prepared. Throws command_error; inconclusive when `stopped`.
    void gather(const std::function<bool()>& stopped, const std::function<void(const std::string&)>& say);
    [[nodiscard]] load::far_machines& machines() { return *machines_; }
    /// What to do on the other machines.
    [[nodiscard]] const std::string& instruction() const { return instruction_; }

private:
    std::unique_ptr<bus_broker> broker_;
    std::unique_ptr<load::far_machines> machines_;
    std::string instruction_;
};

} // namespace cb::app
