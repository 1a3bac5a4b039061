// SPDX-License-Identifier: Apache-2.0
#include "watch/process_table.hpp"

#include <cerrno>

#include <dirent.h>

#include "watch/process_files.hpp"

namespace cb::watch {
namespace {

constexpr std::uint64_t young_turns = 3;
constexpr std::uint64_t rotation_turns = 16;

} // namespace

bool process_table::refresh() {
    ++turn_;
    const bool first = turn_ == 1;
    DIR* listing = ::opendir(root_.at("/proc").c_str());
    if (listing == nullptr) {
        return false;
    }
    while (const auto* name = ::readdir(listing)) {
        const auto pid = to_integer(name->d_name);
        if (!pid) {
            continue;
        }
        auto& one = entries_[static_cast<int>(*pid)];
        if (one.pid == 0) {
            one.pid = static_cast<int>(*pid);
            // What was there before us is not young.
            one.first_seen_turn = first ? 0 : turn_;
        }
        one.listed_turn = turn_;
        const bool young = first || turn_ - one.first_seen_turn < young_turns;
        if (young || static_cast<std::uint64_t>(one.pid) % rotation_turns == turn_ % rotation_turns) {
            look_at(one);
        }
    }
    ::closedir(listing);
    std::erase_if(entries_, [&](const auto& each) { return each.second.listed_turn != turn_; });
    std::erase_if(denied_, [&](int pid) { return !entries_.contains(pid); });
    return true;
}

void process_table::look_at(entry& one) {
    const auto folder = root_.at("/proc/" + std::to_string(one.pid));
    if (read_file(folder + "/stat", buffer_) != 0) {
        return;
    }
    const auto stat = parse_process_stat(buffer_);
    if (!stat) {
        return;
    }
    if (stat->start_ticks != one.start_ticks) {
        one.first_seen_turn = one.start_ticks == 0 ? one.first_seen_turn : turn_; // the number is used again
        one.command_line.clear();
        one.service.clear();
        one.changed_turn = turn_;
    }
    one.start_ticks = stat->start_ticks;
    one.parent = stat->parent;
    one.alive = stat->state != 'Z' && stat->state != 'X';
    if (!words_ || !one.alive) {
        return;
    }
    if (read_file(folder + "/cmdline", buffer_) == 0) {
        if (auto line = parse_command_line(buffer_); line != one.command_line) {
            one.command_line = std::move(line);
            one.changed_turn = turn_;
        }
    }
    if (one.command_line.empty()) {
        return;
    }
    const auto why = read_file(folder + "/environ", buffer_);
    if (why == 0) {
        one.service = parse_service_name(buffer_);
        denied_.erase(one.pid);
    } else if (why == EACCES || why == EPERM) {
        denied_.insert(one.pid);
    }
}

const process_table::entry* process_table::find(int pid) const {
    const auto found = entries_.find(pid);
    return found == entries_.end() ? nullptr : &found->second;
}

std::set<int> process_table::with_ancestors(int pid) const {
    std::set<int> line;
    while (pid > 0 && line.insert(pid).second) {
        const auto* one = find(pid);
        pid = one == nullptr ? 0 : one->parent;
    }
    return line;
}

} // namespace cb::watch
