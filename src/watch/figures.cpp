// SPDX-License-Identifier: Apache-2.0
#include "watch/figures.hpp"

namespace cb::watch {

const std::array<gauge_name, gauge_count>& gauge_names() {
    static constexpr std::array<gauge_name, gauge_count> names{{
        {gauge::resident_bytes, "resident_bytes", "Memory in RAM; of a cgroup: anonymous and mapped file pages"},
        {gauge::working_set_bytes, "working_set_bytes", "Memory of the cgroup without inactive file pages"},
        {gauge::memory_bytes, "memory_bytes", "Memory charged to the cgroup, page cache included"},
        {gauge::memory_peak_bytes, "memory_peak_bytes", "Highest memory charged to the cgroup so far"},
        {gauge::memory_limit_bytes, "memory_limit_bytes", "Memory limit of the cgroup, the tightest above it"},
        {gauge::page_cache_bytes, "page_cache_bytes", "File pages charged to the cgroup"},
        {gauge::swap_bytes, "swap_bytes", "Memory in swap"},
        {gauge::proportional_bytes, "proportional_bytes", "Memory with shared pages divided by their users (PSS)"},
        {gauge::open_files, "open_files", "Open file descriptors"},
        {gauge::open_files_fullest, "open_files_fullest", "Open file descriptors of the process nearest its limit"},
        {gauge::open_files_limit, "open_files_limit", "Limit of that process (soft)"},
        {gauge::sockets, "sockets", "Open sockets"},
        {gauge::threads, "threads", "Threads"},
        {gauge::threads_limit, "threads_limit", "Limit of threads of the cgroup"},
        {gauge::processes, "processes", "Processes, children included"},
        {gauge::cpu_limit_cores, "cpu_limit_cores", "CPU quota of the cgroup in cores"},
        {gauge::rotation_age_s, "rotation_age_seconds",
         "Age of the figures read in rotation: proportional memory, sockets, context switches"},
    }};
    return names;
}

const std::array<counter_name, counter_count>& counter_names() {
    static constexpr std::array<counter_name, counter_count> names{{
        {counter::cpu_s, "cpu_seconds", "cpu_cores", "CPU time, children included"},
        {counter::cpu_user_s, "cpu_user_seconds", "cpu_user_cores", "CPU time in user mode"},
        {counter::cpu_system_s, "cpu_system_seconds", "cpu_system_cores", "CPU time in the kernel"},
        {counter::cpu_throttled_s, "cpu_throttled_seconds", "cpu_throttled_share",
         "Time the CPU quota held it back, over all its CPUs"},
        {counter::cpu_periods, "cpu_periods", "cpu_periods_per_second", "Periods of the CPU quota in which it ran"},
        {counter::cpu_throttled_periods, "cpu_throttled_periods", "cpu_throttled_periods_per_second",
         "Periods in which the CPU quota held it back"},
        {counter::disk_read_bytes, "disk_read_bytes", "disk_read_bytes_per_second", "Bytes read from disks"},
        {counter::disk_written_bytes, "disk_written_bytes", "disk_written_bytes_per_second", "Bytes written to disks"},
        {counter::network_received_bytes, "network_received_bytes", "network_received_bytes_per_second",
         "Bytes received in its own network namespace"},
        {counter::network_sent_bytes, "network_sent_bytes", "network_sent_bytes_per_second",
         "Bytes sent in its own network namespace"},
        {counter::voluntary_switches, "voluntary_switches", "voluntary_switches_per_second",
         "Context switches because it waited"},
        {counter::involuntary_switches, "involuntary_switches", "involuntary_switches_per_second",
         "Context switches because its turn was over"},
        {counter::major_faults, "major_faults", "major_faults_per_second", "Page faults that had to read a disk"},
        {counter::oom_kills, "oom_kills", "oom_kills_per_second", "Processes of the cgroup killed for lack of memory"},
        {counter::cpu_pressure_some_s, "cpu_pressure_some_seconds", "cpu_pressure_some_share",
         "Time in which something waited for CPU"},
        {counter::memory_pressure_some_s, "memory_pressure_some_seconds", "memory_pressure_some_share",
         "Time in which something waited for memory"},
        {counter::memory_pressure_full_s, "memory_pressure_full_seconds", "memory_pressure_full_share",
         "Time in which everything waited for memory"},
        {counter::io_pressure_some_s, "io_pressure_some_seconds", "io_pressure_some_share",
         "Time in which something waited for a disk"},
        {counter::io_pressure_full_s, "io_pressure_full_seconds", "io_pressure_full_share",
         "Time in which everything waited for a disk"},
    }};
    return names;
}

counters rates_between(const counters& before, const counters& now, double interval_s) {
    counters rates;
    for (const auto& each : counter_names()) {
        const double change = now[each.figure] - before[each.figure];
        if (interval_s > 0 && change >= 0) {
            rates[each.figure] = change / interval_s;
        }
    }
    return rates;
}

} // namespace cb::watch
