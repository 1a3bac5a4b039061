// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "load/endpoint.hpp"
#include "load/load_plan.hpp"
#include "load/plan_outline.hpp"
#include "load/program.hpp"

namespace cb::app {

/// One place that a run sends to, with the address that its name stands for.
struct load_target {
    std::string name; ///< of the service; "brokers"
    std::string host; ///< as the file has it
    std::string url;  ///< scheme, host and port: a path may hold what is not to be shown
    load::endpoint address;
};

/// "127.0.0.1:8080", "[::1]:8080"
std::string with_port(const std::string& host, std::uint16_t port);

/// Services and brokers, looked up. Throws command_error: environment, when a name stands for no address.
std::vector<load_target> look_up_targets(const load::workload& work);

/// Throws command_error (usage) when one of them is beyond loopback and its host is not among those allowed: load on
/// somebody else's machine is never an accident.
void refuse_far_targets(const std::vector<load_target>& targets, const std::vector<std::string>& allowed);

/// What is printed before the first request: where it goes, how much comes, what it takes.
std::string announcement(const load::workload& work, const std::vector<load_target>& targets,
                         const load::load_plan& plan, const load::plan_outline& outline);

} // namespace cb::app
