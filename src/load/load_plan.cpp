// SPDX-License-Identifier: Apache-2.0
#include "load/load_plan.hpp"

#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "load/await_driver.hpp"
#include "load/event_listener.hpp"
#include "load/http_driver.hpp"
#include "load/kafka_driver.hpp"
#include "load/user_table.hpp"
#include "net/timing_wheel.hpp"

namespace cb::load {
namespace {

/// What a worker needs besides its users: code, libraries' data, histograms of some steps, the read buffer.
constexpr std::size_t worker_bytes = 4 * limits::mib;
/// What a producer of librdkafka adds to that: its threads, and messages under way. Measured at 5,000 messages a
/// second: a worker has 2 MiB in all, 1.3 of them its own. Messages that wait for a broker that is away come on top, up
/// to the limits of the producer's queue.
constexpr std::size_t producer_bytes = 2 * limits::mib;
/// What the kernel keeps for one end of an open TCP connection on loopback, without data (measured: 3.5 to 3.8 KB).
constexpr std::size_t socket_bytes = 3'800;
/// Descriptors of a worker besides its connections: standard streams, the coordinator, epoll, Kafka's.
constexpr std::size_t other_files = 64;
/// The kernel's search for a free port becomes slow when about half of them are taken.
constexpr double ports_at_ease = 0.5;
/// Of free memory, for what was not counted.
constexpr double memory_at_most = 0.9;
constexpr std::size_t users_max_default = 1'000'000;

std::size_t number_in(const std::string& file, std::size_t which, std::size_t otherwise) {
    std::ifstream in(file);
    std::size_t value = 0;
    for (std::size_t i = 0; i <= which; ++i) {
        if (!(in >> value)) {
            return otherwise;
        }
    }
    return value;
}

std::size_t meminfo_bytes(const std::string& name) {
    std::ifstream in("/proc/meminfo");
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with(name + ":")) {
            return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10) * limits::kib;
        }
    }
    return 0;
}

/// What the memory cgroups on the way up leave, of version 2 or 1.
std::size_t cgroup_free_bytes() {
    std::ifstream in("/proc/self/cgroup");
    auto least = SIZE_MAX;
    for (std::string line; std::getline(in, line);) {
        const auto second = line.find(':', line.find(':') + 1);
        if (second == std::string::npos) {
            continue;
        }
        const bool unified = line.starts_with("0::");
        if (!unified && line.find(":memory:") == std::string::npos) {
            continue;
        }
        for (auto path = line.substr(second + 1); !path.empty(); path.resize(path.find_last_of('/'))) {
            const auto at = (unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory") + path;
            const auto limit = number_in(at + (unified ? "/memory.max" : "/memory.limit_in_bytes"), 0, SIZE_MAX);
            const auto used = number_in(at + (unified ? "/memory.current" : "/memory.usage_in_bytes"), 0, 0);
            least = std::min(least, limit > used ? limit - used : 0);
        }
    }
    return least;
}

std::string mib(std::size_t bytes) {
    return fmt::format("{:.0f} MiB", std::ceil(static_cast<double>(bytes) / limits::mib));
}

/// Of an open plan: all that come; where their number is drawn, as many as it will not exceed in a lifetime.
double arrivals_at_most(const injection_plan& plan) {
    using verb = injection_step::verb;
    double drawn = 0;
    for (const auto& step : plan.steps) {
        if (step.what == verb::constant_users_per_sec || step.what == verb::ramp_users_per_sec) {
            injection_plan alone{false, plan.poisson, {step}};
            drawn += static_cast<double>(alone.users());
        }
    }
    const auto slack = plan.poisson && drawn > 0 ? 6 * std::sqrt(drawn) + 10 : 0;
    return static_cast<double>(plan.users()) + slack;
}

/// Users at once that a workload can mean.
std::size_t users_at_once(const workload& work) {
    double open = 0;
    std::uint64_t closed = 0;
    for (const auto& each : work.programs) {
        if (each.arrivals.closed) {
            closed += each.arrivals.users();
        } else {
            open += arrivals_at_most(each.arrivals);
        }
    }
    return static_cast<std::size_t>(std::min(open, static_cast<double>(users_max_default))) + closed;
}

/// The largest of `parts` equal ones.
std::size_t part_of(std::size_t whole, std::size_t parts) { return (whole + parts - 1) / parts; }

bool all_on_loopback(const std::vector<endpoint>& targets) {
    return std::all_of(targets.begin(), targets.end(), [](const endpoint& each) { return each.is_loopback(); });
}

std::optional<std::string> wrong_kafka_use(const workload& work) {
    if (!has_produce_steps(work) && work.awaited.empty()) {
        return std::nullopt;
    }
    if (work.brokers.empty()) {
        return "produce and await steps need Kafka, and no brokers are given";
    }
    return refused_kafka_settings(work);
}

} // namespace

machine_facts read_machine_facts() {
    machine_facts out;
    out.cores = std::max(1U, std::thread::hardware_concurrency());
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    out.files_per_process = files.rlim_max;
    const auto all = number_in("/proc/sys/fs/file-nr", 2, SIZE_MAX);
    out.files_free = all - std::min(all, number_in("/proc/sys/fs/file-nr", 0, 0));
    const auto machine = meminfo_bytes("MemAvailable");
    const auto cgroup = cgroup_free_bytes();
    out.memory_free_bytes = std::min(machine, cgroup);
    out.cgroup_is_less = cgroup < machine;
    const auto first = number_in("/proc/sys/net/ipv4/ip_local_port_range", 0, 32'768);
    out.ephemeral_ports = number_in("/proc/sys/net/ipv4/ip_local_port_range", 1, 60'999) - first + 1;
    out.tcp_pages_pressure = number_in("/proc/sys/net/ipv4/tcp_mem", 1, 0);
    return out;
}

tl::expected<load_plan, std::string> plan_load(const workload& work, const std::vector<endpoint>& targets,
                                               const machine_facts& machine, std::optional<std::uint32_t> workers,
                                               std::uint32_t machines) {
    load_plan out;
    out.machines = machines;
    if (const auto wrong = wrong_kafka_use(work)) {
        return tl::unexpected(*wrong);
    }
    out.users_max = std::max<std::size_t>(part_of(work.users_max.value_or(users_at_once(work)), machines), 1);
    const bool pooled = work.connections == connection_use::pool;
    // Of the smallest part: each worker needs a connection of its own.
    const auto pool_size = work.pool_size / machines;
    if (pooled && pool_size == 0) {
        return tl::unexpected(fmt::format("a pool of {} connections cannot be shared by {} machines; raise it, or use "
                                          "fewer machines",
                                          work.pool_size, machines));
    }
    out.connections_max = work.targets.size() * (pooled ? part_of(work.pool_size, machines) : out.users_max);

    if (machine.files_per_process <= other_files) {
        return tl::unexpected(fmt::format("a process may open {} files here, and a worker needs {} besides its "
                                          "connections; raise the limit (ulimit -n)",
                                          machine.files_per_process, other_files));
    }
    const auto connections_per_worker = machine.files_per_process - other_files;
    const auto for_files = (out.connections_max + connections_per_worker - 1) / connections_per_worker;
    const auto wanted = std::max<std::size_t>({1, for_files, std::min(machine.cores, out.users_max)});
    out.workers = workers.value_or(static_cast<std::uint32_t>(std::min(wanted, limits::load_workers)));
    if (for_files > out.workers) {
        return tl::unexpected(fmt::format(
            "{} connections need {} workers of {} files each, and there would be {}; raise the limit of open files "
            "(ulimit -n), allow more --workers (at most {}), or use connections: {{pool: N}}",
            out.connections_max, for_files, machine.files_per_process, out.workers, limits::load_workers));
    }
    if (out.connections_max + out.workers * other_files > machine.files_free) {
        return tl::unexpected(fmt::format("{} connections are more files than the system has left ({}); raise "
                                          "fs.file-max",
                                          out.connections_max, machine.files_free));
    }
    if (pooled && pool_size < out.workers) {
        out.workers = pool_size;
    }
    out.users_per_worker = part_of(out.users_max, out.workers);

    const bool loopback = all_on_loopback(targets) && !targets.empty();
    const auto per_address = static_cast<double>(machine.ephemeral_ports) * ports_at_ease;
    const auto per_target = targets.empty() ? 0 : out.connections_max / targets.size();
    if (work.source_addresses.empty() && static_cast<double>(per_target) > per_address) {
        if (loopback) {
            out.source_ports_chosen = true;
        } else if (per_target > machine.ephemeral_ports) {
            return tl::unexpected(fmt::format(
                "{} connections to one target need more ports than the {} of one source address; give several "
                "source_addresses, or widen net.ipv4.ip_local_port_range",
                per_target, machine.ephemeral_ports));
        } else {
            out.warnings.push_back(fmt::format("{} connections to one target are more than half of the {} ports of one "
                                               "source address: connecting becomes slow; give several source_addresses",
                                               per_target, machine.ephemeral_ports));
        }
    }

    const auto connections_each = pooled ? 0 : work.targets.size();
    out.user_bytes = user_table(work, 1).bytes_per_user() + net::timing_wheel::bytes_per_row() +
                     http_driver::bytes_per_user() + (has_produce_steps(work) ? kafka_driver::bytes_per_user() : 0) +
                     (work.awaited.empty() ? 0 : await_driver::bytes_per_user()) +
                     connections_each * http_driver::bytes_per_connection();
    out.memory_bytes = out.users_max * out.user_bytes +
                       out.workers * (worker_bytes + (has_produce_steps(work) ? producer_bytes : 0)) +
                       (work.awaited.empty() ? 0 : event_listener::bytes_max(out.users_max)) +
                       (pooled ? out.connections_max * http_driver::bytes_per_connection() : 0);
    out.kernel_bytes = out.connections_max * socket_bytes * (loopback ? 2 : 1);
    const auto needed = out.memory_bytes + out.kernel_bytes;
    if (static_cast<double>(needed) > static_cast<double>(machine.memory_free_bytes) * memory_at_most) {
        return tl::unexpected(
            fmt::format("{} users at once need {} here and {} of the kernel for {} connections, and {} has {} left: "
                        "the run would be "
                        "killed for memory; {}ask for fewer users (limits.users) or use connections: {{pool: N}}",
                        out.users_max, mib(out.memory_bytes), mib(out.kernel_bytes), out.connections_max,
                        machine.cgroup_is_less ? "the cgroup" : "the machine", mib(machine.memory_free_bytes),
                        machine.cgroup_is_less ? "raise the cgroup's limit, " : ""));
    }
    if (machine.tcp_pages_pressure > 0 && out.connections_max > machine.tcp_pages_pressure) {
        out.warnings.push_back(fmt::format("{} answers that wait unread at once would be more than the {} pages of "
                                           "net.ipv4.tcp_mem, and the kernel would slow all connections down; raise it "
                                           "if the system under test stalls and then answers all",
                                           out.connections_max, machine.tcp_pages_pressure));
    }
    return out;
}

} // namespace cb::load
