// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "load/endpoint.hpp"
#include "load/program.hpp"

namespace cb::load {

/// What the machine grants to a load run. Read once before it.
struct machine_facts {
    std::size_t cores = 1;
    std::size_t files_per_process = 1024;
    std::size_t files_free = SIZE_MAX;    ///< of the whole system
    std::size_t memory_free_bytes = 0;    ///< of machine and cgroup, whichever is less
    bool cgroup_is_less = false;          ///< which of them it was
    std::size_t ephemeral_ports = 28'232; ///< that the kernel chooses from, for each source address and target
    std::size_t tcp_pages_pressure = 0;   ///< tcp_mem's middle value; 0: unknown
};
machine_facts read_machine_facts();

/// How a workload is spread over processes, and what it will need.
struct load_plan {
    std::uint32_t workers = 1;
    std::uint32_t machines = 1; ///< that share the users; all that follows is of this one
    std::size_t users_max = 0;  ///< at once, over all workers
    std::size_t users_per_worker = 0;
    std::size_t connections_max = 0;
    bool source_ports_chosen = false; ///< by us, on loopback
    std::size_t user_bytes = 0;       ///< for each user at once: all tables and its connections' rows
    std::size_t memory_bytes = 0;     ///< of all workers, when all users are there
    std::size_t kernel_bytes = 0;     ///< for the sockets, with the other ends when those are on this machine
    std::vector<std::string> warnings;
};

/// Computes the plan, or says in one sentence what would break and how to raise it. `workers`: as many as were asked
/// for; none: what cores and files need. `machines`: that share the users in equal parts.
tl::expected<load_plan, std::string> plan_load(const workload& work, const std::vector<endpoint>& targets,
                                               const machine_facts& machine, std::optional<std::uint32_t> workers,
                                               std::uint32_t machines = 1);

} // namespace cb::load
