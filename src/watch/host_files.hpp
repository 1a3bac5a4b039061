// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "watch/figures.hpp"
#include "watch/kernel_text.hpp"

namespace cb::watch {

enum class host_gauge : std::uint8_t {
    cores,
    load_1m,
    memory_bytes,
    memory_available_bytes,
    swap_used_bytes,
    tcp_buffer_bytes,
    tcp_buffer_limit_bytes,
    tcp_sockets,
    open_files,
    open_files_limit,
};
constexpr std::size_t host_gauge_count = 10;

enum class host_counter : std::uint8_t {
    busy_s,
    user_s,
    system_s,
    steal_s,
    io_wait_s,
    context_switches,
    processes_started,
    oom_kills,
    network_received_bytes,
    network_sent_bytes,
    cpu_pressure_some_s,
    memory_pressure_some_s,
    memory_pressure_full_s,
    io_pressure_some_s,
    io_pressure_full_s,
};
constexpr std::size_t host_counter_count = 15;

using host_gauges = numbers<host_gauge, host_gauge_count>;
using host_counters = numbers<host_counter, host_counter_count>;

struct host_gauge_name {
    host_gauge figure;
    std::string_view name;
    std::string_view meaning;
};
struct host_counter_name {
    host_counter figure;
    std::string_view total_name;
    std::string_view rate_name;
    std::string_view meaning;
};
const std::array<host_gauge_name, host_gauge_count>& host_gauge_names();
const std::array<host_counter_name, host_counter_count>& host_counter_names();

struct host_reading {
    host_gauges now;
    host_counters totals;
};
host_reading read_host(const root_folder& root, std::string& buffer);

host_counters rates_between(const host_counters& before, const host_counters& now, double interval_s);

/// Identifies this start of the machine; empty: not told.
std::string read_boot_id(const root_folder& root);

} // namespace cb::watch
