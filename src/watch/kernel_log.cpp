// SPDX-License-Identifier: Apache-2.0
#include "watch/kernel_log.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace cb::watch {
namespace {

std::string_view value_of(std::string_view line, std::string_view key, char end) {
    const auto at = line.find(key);
    if (at == std::string_view::npos) {
        return {};
    }
    const auto value = line.substr(at + key.size());
    return value.substr(0, value.find(end));
}

} // namespace

std::optional<kernel_kill> kill_parser::line(std::string_view message) {
    // "oom-kill:constraint=…,task_memcg=/shop/billing,task=java,pid=4711,uid=0"
    if (message.starts_with("oom-kill:")) {
        named_pid_ = static_cast<int>(to_integer(value_of(message, ",pid=", ',')).value_or(0));
        named_group_ = value_of(message, "task_memcg=", ',');
        return std::nullopt;
    }
    // "Tasks in /shop/billing are going to be killed due to memory.oom.group set": all kills that follow are of it.
    if (message.starts_with("Tasks in ") && message.find("memory.oom.group") != std::string_view::npos) {
        named_pid_ = -1;
        named_group_ = value_of(message, "Tasks in ", ' ');
        return std::nullopt;
    }
    // "Memory cgroup out of memory: Killed process 4711 (java) total-vm:…", "Out of memory: Killed process …"
    constexpr std::string_view mark = "ut of memory: Killed process ";
    const auto at = message.find(mark);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    auto rest = message.substr(at + mark.size());
    kernel_kill kill;
    kill.pid = static_cast<int>(to_integer(take_word(rest)).value_or(0));
    kill.name = value_of(rest, "(", ')');
    kill.line = message;
    if (kill.pid == named_pid_ || named_pid_ == -1) {
        kill.group = named_group_;
    }
    return kill.pid > 0 ? std::optional(kill) : std::nullopt;
}

kernel_log::kernel_log(const root_folder& root)
    : log_(::open(root.at("/dev/kmsg").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    if (!log_.open()) {
        problem_ = errno;
        return;
    }
    ::lseek(log_.get(), 0, SEEK_END);
}

std::vector<kernel_kill> kernel_log::new_kills() {
    std::vector<kernel_kill> kills;
    constexpr std::size_t record_bytes = 8192; // the kernel's own largest record
    char record[record_bytes];
    while (log_.open()) {
        const auto count = ::read(log_.get(), record, sizeof(record));
        if (count < 0 && (errno == EPIPE || errno == EINTR)) {
            continue; // records were overwritten before we came: the next ones are whole again
        }
        if (count <= 0) {
            if (count < 0 && errno != EAGAIN) {
                problem_ = errno;
                log_ = descriptor();
            }
            break;
        }
        // "4,1234,567890,-;message\n SUBSYSTEM=…"
        std::string_view text(record, static_cast<std::size_t>(count));
        const auto semicolon = text.find(';');
        text.remove_prefix(semicolon == std::string_view::npos ? text.size() : semicolon + 1);
        if (auto kill = parser_.line(take_line(text))) {
            kills.push_back(std::move(*kill));
        }
    }
    return kills;
}

} // namespace cb::watch
