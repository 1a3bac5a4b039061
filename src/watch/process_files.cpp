// SPDX-License-Identifier: Apache-2.0
#include "watch/process_files.hpp"

#include <algorithm>
#include <ctime>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cb::watch {
namespace {

/// Calls `visit` for each name in a folder but . and ..; false: the folder cannot be read.
template <class Visit>
bool for_each_name(int parent, const char* folder, Visit visit) {
    const int number = ::openat(parent, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (number < 0) {
        return false;
    }
    DIR* entries = ::fdopendir(number);
    if (entries == nullptr) {
        ::close(number);
        return false;
    }
    while (const auto* entry = ::readdir(entries)) {
        if (entry->d_name[0] != '.') {
            visit(entry->d_name);
        }
    }
    ::closedir(entries);
    return true;
}

} // namespace

std::optional<process_stat> parse_process_stat(std::string_view text) {
    // The name stands in parentheses and may hold any character, parentheses too: the last one ends it.
    const auto open = text.find('(');
    const auto close = text.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
        return std::nullopt;
    }
    process_stat out;
    auto front = text.substr(0, open);
    out.pid = static_cast<int>(to_integer(take_word(front)).value_or(0));
    out.name = text.substr(open + 1, close - open - 1);
    auto rest = text.substr(close + 1);
    // Numbers as in proc(5): the state is field 3.
    constexpr int last_field = 52;
    int field = 3;
    for (auto word = take_word(rest); !word.empty() && field <= last_field; word = take_word(rest), ++field) {
        if (field == 3) {
            out.state = word.front();
            continue;
        }
        const auto value = [&] { return to_integer(word).value_or(0); };
        switch (field) {
        case 4: out.parent = static_cast<int>(value()); break;
        case 12: out.major_faults = value(); break;
        case 13: out.reaped_major_faults = value(); break;
        case 14: out.user_ticks = value(); break;
        case 15: out.system_ticks = value(); break;
        case 16: out.reaped_user_ticks = value(); break;
        case 17: out.reaped_system_ticks = value(); break;
        case 20: out.threads = static_cast<int>(value()); break;
        case 22: out.start_ticks = value(); break;
        case 24: out.resident_pages = value(); break;
        case 52: out.exit_status = static_cast<int>(value()); break;
        default: break;
        }
    }
    constexpr int needed = 24;
    if (out.pid <= 0 || field <= needed) {
        return std::nullopt;
    }
    return out;
}

std::optional<process_io> parse_process_io(std::string_view text) {
    const auto read = integer_after(text, "read_bytes:");
    const auto written = integer_after(text, "write_bytes:");
    if (!read || !written) {
        return std::nullopt;
    }
    return process_io{*read, *written};
}

std::optional<std::int64_t> parse_open_files_limit(std::string_view limits_text) {
    return integer_after(limits_text, "Max open files");
}

network_bytes parse_network(std::string_view text) {
    network_bytes sum;
    while (!text.empty()) {
        auto line = take_line(text);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) {
            continue; // the two lines of headings
        }
        auto name = line.substr(0, colon);
        if (take_word(name) == "lo") {
            continue;
        }
        const auto words = words_of(line.substr(colon + 1));
        constexpr std::size_t sent_column = 8;
        if (words.size() > sent_column) {
            sum.received += to_number(words[0]).value_or(0);
            sum.sent += to_number(words[sent_column]).value_or(0);
        }
    }
    return sum;
}

std::string parse_service_name(std::string_view environment) {
    constexpr std::string_view key = "CHAOSBROKER_SERVICE=";
    for (std::size_t at = 0; at < environment.size();) {
        const auto end = std::min(environment.find('\0', at), environment.size());
        const auto entry = environment.substr(at, end - at);
        if (entry.starts_with(key)) {
            return std::string(entry.substr(key.size()));
        }
        at = end + 1;
    }
    return {};
}

std::string parse_command_line(std::string text) {
    while (!text.empty() && text.back() == '\0') {
        text.pop_back();
    }
    std::replace(text.begin(), text.end(), '\0', ' ');
    return text;
}

double ticks_to_seconds(std::int64_t ticks) {
    static const auto ticks_per_s = static_cast<double>(::sysconf(_SC_CLK_TCK));
    return static_cast<double>(ticks) / ticks_per_s;
}

std::optional<double> cpu_clock_s(int pid) {
    // What clock_getcpuclockid gives, without its own question to the kernel first.
    constexpr clockid_t scheduler_clock = 2;
    const clockid_t id = static_cast<clockid_t>(~static_cast<unsigned>(pid) << 3U) | scheduler_clock;
    timespec time{};
    if (::clock_gettime(id, &time) != 0) {
        return std::nullopt;
    }
    constexpr double ns_per_s = 1e9;
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / ns_per_s;
}

bool may_list_files(int process_folder) { return ::faccessat(process_folder, "fd", R_OK | X_OK, AT_EACCESS) == 0; }

int count_open_files(int process_folder) {
    struct stat about {};
    if (::fstatat(process_folder, "fd", &about, 0) == 0 && about.st_size > 0) {
        return static_cast<int>(about.st_size);
    }
    int count = 0;
    return for_each_name(process_folder, "fd", [&](const char*) { ++count; }) ? count : -1;
}

int count_sockets(int process_folder) {
    const descriptor files(::openat(process_folder, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!files.open()) {
        return -1;
    }
    int count = 0;
    for_each_name(files.get(), ".", [&](const char* name) {
        constexpr std::string_view mark = "socket:";
        char target[16];
        const auto length = ::readlinkat(files.get(), name, target, sizeof(target));
        if (length > 0 && std::string_view(target, static_cast<std::size_t>(length)).starts_with(mark)) {
            ++count;
        }
    });
    return count;
}

switches count_switches(int process_folder, std::string& buffer) {
    switches sum;
    const descriptor threads(::openat(process_folder, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!threads.open()) {
        return sum;
    }
    for_each_name(threads.get(), ".", [&](const char* name) {
        const auto path = std::string(name) + "/status";
        if (read_file(threads.get(), path.c_str(), buffer) == 0) {
            sum.voluntary += integer_after(buffer, "voluntary_ctxt_switches:").value_or(0);
            sum.involuntary += integer_after(buffer, "nonvoluntary_ctxt_switches:").value_or(0);
        }
    });
    return sum;
}

} // namespace cb::watch
