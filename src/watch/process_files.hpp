// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "watch/figures.hpp"
#include "watch/kernel_text.hpp"

/// The files of one process below /proc.
namespace cb::watch {

struct process_stat {
    int pid = 0;
    std::string_view name; ///< at most 15 characters; points into the text
    char state = '?';
    int parent = 0;
    std::int64_t user_ticks = 0;
    std::int64_t system_ticks = 0;
    std::int64_t reaped_user_ticks = 0; ///< of children that it has waited for
    std::int64_t reaped_system_ticks = 0;
    std::int64_t major_faults = 0;
    std::int64_t reaped_major_faults = 0;
    int threads = 0;
    std::int64_t start_ticks = 0; ///< since the machine started
    std::int64_t resident_pages = 0;
    int exit_status = 0; ///< as waitpid gives it; true of a zombie only
};
std::optional<process_stat> parse_process_stat(std::string_view text);

struct process_io {
    std::int64_t read_bytes = 0;
    std::int64_t written_bytes = 0;
};
std::optional<process_io> parse_process_io(std::string_view text);

/// The soft limit of open files; nothing: unlimited, or not there.
std::optional<std::int64_t> parse_open_files_limit(std::string_view limits_text);

struct network_bytes {
    double received = 0;
    double sent = 0;
};
/// Sum over the interfaces of a net/dev file, loopback aside.
network_bytes parse_network(std::string_view text);

/// CHAOSBROKER_SERVICE of an environment (`NAME=value`, each ended by a zero byte).
std::string parse_service_name(std::string_view environment);
/// A command line as a person would type it: the zero bytes become spaces.
std::string parse_command_line(std::string text);

double ticks_to_seconds(std::int64_t ticks);

/// CPU time of a live process to the nanosecond, all threads, the ended ones too. Linux lets everybody ask.
std::optional<double> cpu_clock_s(int pid);

/// Whether we may look at the descriptors of an open /proc/PID.
bool may_list_files(int process_folder);
/// Their number: the folder's size (Linux 6.2), else counted. -1: it cannot be had.
int count_open_files(int process_folder);
int count_sockets(int process_folder);

struct switches {
    std::int64_t voluntary = 0;
    std::int64_t involuntary = 0;
};
/// Over the live threads.
switches count_switches(int process_folder, std::string& buffer);

} // namespace cb::watch
