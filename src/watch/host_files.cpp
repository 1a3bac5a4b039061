// SPDX-License-Identifier: Apache-2.0
#include "watch/host_files.hpp"

#include <unistd.h>

#include "watch/process_files.hpp"

namespace cb::watch {
namespace {

constexpr double bytes_per_kb = 1024;

double page_bytes() { return static_cast<double>(::sysconf(_SC_PAGESIZE)); }

void read_cpu(const root_folder& root, host_reading& out, std::string& buffer) {
    if (read_file(root.at("/proc/stat"), buffer) != 0) {
        return;
    }
    std::string_view text = buffer;
    int cores = 0;
    while (!text.empty()) {
        auto line = take_line(text);
        const auto key = take_word(line);
        if (key == "cpu") {
            // user nice system idle iowait irq softirq steal; guest time is inside user.
            const auto words = words_of(line);
            const auto seconds = [&](std::size_t column) {
                return column < words.size() ? ticks_to_seconds(to_integer(words[column]).value_or(0)) : 0.0;
            };
            out.totals[host_counter::user_s] = seconds(0) + seconds(1);
            out.totals[host_counter::system_s] = seconds(2) + seconds(5) + seconds(6);
            out.totals[host_counter::io_wait_s] = seconds(4);
            out.totals[host_counter::steal_s] = seconds(7);
            out.totals[host_counter::busy_s] = out.totals[host_counter::user_s] + out.totals[host_counter::system_s];
        } else if (key.starts_with("cpu")) {
            ++cores;
        } else if (key == "ctxt") {
            out.totals[host_counter::context_switches] = to_number(take_word(line)).value_or(0);
        } else if (key == "processes") {
            out.totals[host_counter::processes_started] = to_number(take_word(line)).value_or(0);
        }
    }
    out.now[host_gauge::cores] = cores;
}

void read_memory(const root_folder& root, host_reading& out, std::string& buffer) {
    if (read_file(root.at("/proc/meminfo"), buffer) == 0) {
        const auto bytes = [&](std::string_view key) {
            return static_cast<double>(integer_after(buffer, key).value_or(0)) * bytes_per_kb;
        };
        out.now[host_gauge::memory_bytes] = bytes("MemTotal:");
        out.now[host_gauge::memory_available_bytes] = bytes("MemAvailable:");
        out.now[host_gauge::swap_used_bytes] = bytes("SwapTotal:") - bytes("SwapFree:");
    }
    if (read_file(root.at("/proc/vmstat"), buffer) == 0) {
        if (const auto kills = integer_after(buffer, "oom_kill")) {
            out.totals[host_counter::oom_kills] = static_cast<double>(*kills);
        }
    }
    if (read_file(root.at("/proc/loadavg"), buffer) == 0) {
        std::string_view text = buffer;
        if (const auto load = to_number(take_word(text))) {
            out.now[host_gauge::load_1m] = *load;
        }
    }
}

void read_sockets(const root_folder& root, host_reading& out, std::string& buffer) {
    if (read_file(root.at("/proc/net/sockstat"), buffer) == 0) {
        std::string_view text = buffer;
        while (!text.empty()) {
            const auto words = words_of(take_line(text)); // "TCP: inuse 5 orphan 0 tw 0 alloc 7 mem 1"
            for (std::size_t i = 1; i + 1 < words.size() && words[0] == "TCP:"; i += 2) {
                const auto value = to_number(words[i + 1]).value_or(0);
                if (words[i] == "inuse") {
                    out.now[host_gauge::tcp_sockets] = value;
                } else if (words[i] == "mem") {
                    out.now[host_gauge::tcp_buffer_bytes] = value * page_bytes();
                }
            }
        }
    }
    if (read_file(root.at("/proc/sys/net/ipv4/tcp_mem"), buffer) == 0) {
        const auto words = words_of(buffer);
        if (words.size() == 3) {
            out.now[host_gauge::tcp_buffer_limit_bytes] = to_number(words[2]).value_or(0) * page_bytes();
        }
    }
    if (read_file(root.at("/proc/sys/fs/file-nr"), buffer) == 0) {
        const auto words = words_of(buffer);
        if (words.size() == 3) {
            out.now[host_gauge::open_files] = to_number(words[0]).value_or(0);
            out.now[host_gauge::open_files_limit] = to_number(words[2]).value_or(0);
        }
    }
    if (read_file(root.at("/proc/net/dev"), buffer) == 0) {
        const auto bytes = parse_network(buffer);
        out.totals[host_counter::network_received_bytes] = bytes.received;
        out.totals[host_counter::network_sent_bytes] = bytes.sent;
    }
}

void read_host_pressure(const root_folder& root, host_reading& out, std::string& buffer) {
    const auto set = [&](const char* file, host_counter some, host_counter full, bool with_full) {
        if (read_file(root.at(file), buffer) != 0) {
            return;
        }
        const auto stalled = parse_pressure(buffer);
        if (stalled.some_s) {
            out.totals[some] = *stalled.some_s;
        }
        if (with_full && stalled.full_s) {
            out.totals[full] = *stalled.full_s;
        }
    };
    set("/proc/pressure/cpu", host_counter::cpu_pressure_some_s, host_counter::cpu_pressure_some_s, false);
    set("/proc/pressure/memory", host_counter::memory_pressure_some_s, host_counter::memory_pressure_full_s, true);
    set("/proc/pressure/io", host_counter::io_pressure_some_s, host_counter::io_pressure_full_s, true);
}

} // namespace

const std::array<host_gauge_name, host_gauge_count>& host_gauge_names() {
    static constexpr std::array<host_gauge_name, host_gauge_count> names{{
        {host_gauge::cores, "cores", "CPUs that are online"},
        {host_gauge::load_1m, "load_1m", "Load average over a minute"},
        {host_gauge::memory_bytes, "memory_bytes", "Memory of the machine"},
        {host_gauge::memory_available_bytes, "memory_available_bytes", "Memory that could be had without swapping"},
        {host_gauge::swap_used_bytes, "swap_used_bytes", "Swap in use"},
        {host_gauge::tcp_buffer_bytes, "tcp_buffer_bytes", "Memory in TCP buffers"},
        {host_gauge::tcp_buffer_limit_bytes, "tcp_buffer_limit_bytes", "TCP buffers above it are refused"},
        {host_gauge::tcp_sockets, "tcp_sockets", "TCP sockets in use"},
        {host_gauge::open_files, "open_files", "Open files of the machine"},
        {host_gauge::open_files_limit, "open_files_limit", "Limit of open files of the machine"},
    }};
    return names;
}

const std::array<host_counter_name, host_counter_count>& host_counter_names() {
    static constexpr std::array<host_counter_name, host_counter_count> names{{
        {host_counter::busy_s, "busy_seconds", "busy_cores", "CPU time in use, stolen time and waiting aside"},
        {host_counter::user_s, "user_seconds", "user_cores", "CPU time in user mode"},
        {host_counter::system_s, "system_seconds", "system_cores", "CPU time in the kernel, interrupts included"},
        {host_counter::steal_s, "steal_seconds", "steal_cores", "CPU time that the hypervisor gave to others"},
        {host_counter::io_wait_s, "io_wait_seconds", "io_wait_cores", "Idle time with a disk request pending"},
        {host_counter::context_switches, "context_switches", "context_switches_per_second", "Context switches"},
        {host_counter::processes_started, "processes_started", "processes_started_per_second", "Forks and clones"},
        {host_counter::oom_kills, "oom_kills", "oom_kills_per_second", "Processes killed for lack of memory"},
        {host_counter::network_received_bytes, "network_received_bytes", "network_received_bytes_per_second",
         "Bytes received, loopback aside"},
        {host_counter::network_sent_bytes, "network_sent_bytes", "network_sent_bytes_per_second",
         "Bytes sent, loopback aside"},
        {host_counter::cpu_pressure_some_s, "cpu_pressure_some_seconds", "cpu_pressure_some_share",
         "Time in which something waited for CPU"},
        {host_counter::memory_pressure_some_s, "memory_pressure_some_seconds", "memory_pressure_some_share",
         "Time in which something waited for memory"},
        {host_counter::memory_pressure_full_s, "memory_pressure_full_seconds", "memory_pressure_full_share",
         "Time in which everything waited for memory"},
        {host_counter::io_pressure_some_s, "io_pressure_some_seconds", "io_pressure_some_share",
         "Time in which something waited for a disk"},
        {host_counter::io_pressure_full_s, "io_pressure_full_seconds", "io_pressure_full_share",
         "Time in which everything waited for a disk"},
    }};
    return names;
}

host_reading read_host(const root_folder& root, std::string& buffer) {
    host_reading out;
    read_cpu(root, out, buffer);
    read_memory(root, out, buffer);
    read_sockets(root, out, buffer);
    read_host_pressure(root, out, buffer);
    return out;
}

host_counters rates_between(const host_counters& before, const host_counters& now, double interval_s) {
    host_counters rates;
    for (const auto& each : host_counter_names()) {
        const double change = now[each.figure] - before[each.figure];
        if (interval_s > 0 && change >= 0) {
            rates[each.figure] = change / interval_s;
        }
    }
    return rates;
}

std::string read_boot_id(const root_folder& root) {
    std::string text;
    if (read_file(root.at("/proc/sys/kernel/random/boot_id"), text) != 0) {
        return {};
    }
    std::string_view rest = text;
    return std::string(take_word(rest));
}

} // namespace cb::watch
