// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "watch/death.hpp"
#include "watch/figures.hpp"
#include "watch/host_files.hpp"

/// What the watcher gives to whoever shows, exports or keeps it. Values only.
namespace cb::watch {

enum class instance_kind : std::uint8_t { process, cgroup, container };
std::string_view to_string(instance_kind kind);

/// One replica of a service from its start to its end. A restart is another instance with another identity.
struct instance {
    std::string service;
    std::string name;     ///< "pid 4711", "shop-billing-1", "/shop/billing"
    std::string identity; ///< never used again: boot, number and start time; or container id and start time
    instance_kind kind = instance_kind::process;
    int pid = 0; ///< of its main process; 0: not known
    wall_time_ms started_ms = 0;
};
using instance_ref = std::shared_ptr<const instance>;

struct sample {
    instance_ref of;
    wall_time_ms wall_ms = 0;
    double interval_s = 0; ///< between this reading and the one before; 0: it is the first
    gauges now;
    counters totals; ///< as they stand, since the instance's start
    counters rates;  ///< totals, differentiated over the interval
    std::optional<double> memory_limit_in_s;
    std::optional<double> memory_limit_at_users;
};

struct host_sample {
    wall_time_ms wall_ms = 0;
    double interval_s = 0;
    host_gauges now;
    host_counters totals;
    host_counters rates;
};

struct event {
    enum class kind : std::uint8_t {
        started,
        ended,
        child_killed, ///< a process of the instance, while its main process lives
        gap,          ///< nothing was sampled for a while
        notice,       ///< something cannot be read, or can be again
    };
    kind what = kind::notice;
    wall_time_ms wall_ms = 0;
    instance_ref of; ///< null: of the watching itself
    std::string text;
    std::optional<death> how;       ///< of ended and child_killed
    std::optional<mono_time> since; ///< of ended: when it was noticed; proof may have been waited for until now
    int pid = 0;                    ///< of child_killed; 0: not known
    double seconds = 0;             ///< of gap: how long nothing was sampled
};
std::string_view to_string(event::kind what);

/// A service over all its replicas.
struct service_state {
    std::string service;
    std::size_t replicas = 0;
    std::uint64_t started = 0; ///< instances seen so far
    std::uint64_t ended = 0;
    std::uint64_t restarts = 0;  ///< of them, those that came after one had ended
    std::uint64_t oom_kills = 0; ///< instances and children
};

struct look {
    wall_time_ms wall_ms = 0;
    mono_time at{}; ///< the same moment on the monotonic clock
    double interval_s = 0;
    host_sample host;
    std::optional<double> load_users; ///< of the load that the watcher was told of
    std::vector<sample> samples;
    std::vector<event> events;
    std::vector<service_state> services;
};

} // namespace cb::watch
