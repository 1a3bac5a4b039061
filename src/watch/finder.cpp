// SPDX-License-Identifier: Apache-2.0
#include "watch/finder.hpp"

#include <algorithm>
#include <ctime>
#include <filesystem>

#include <unistd.h>

#include "base/log.hpp"
#include "watch/process_files.hpp"

namespace cb::watch {
namespace {

wall_time_ms started_at(std::int64_t start_ticks, wall_time_ms wall_ms) {
    timespec since_boot{};
    ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
    constexpr double ns_per_s = 1e9;
    const double age_s = static_cast<double>(since_boot.tv_sec) + static_cast<double>(since_boot.tv_nsec) / ns_per_s -
                         ticks_to_seconds(start_ticks);
    return wall_ms - static_cast<wall_time_ms>(age_s * 1000);
}

/// Engines put a container's id of 64 hexadecimal digits into the name of its cgroup.
bool names_a_container(std::string_view cgroup_text) {
    constexpr int id_digits = 64;
    int digits = 0;
    return std::any_of(cgroup_text.begin(), cgroup_text.end(), [&](char each) {
        const bool digit = (each >= '0' && each <= '9') || (each >= 'a' && each <= 'f');
        digits = digit ? digits + 1 : 0;
        return digits >= id_digits;
    });
}

} // namespace

finder::finder(const root_folder& root) : root_(root), mounts_(cgroup_mounts::of(root)), boot_id_(read_boot_id(root)) {}

std::vector<tracked_instance::beginning> finder::find(const target& wanted, const scene& now) {
    beginnings out;
    // A container knows more of itself than its processes do: it comes first.
    find_containers(wanted, now, out);
    if (wanted.what == target::kind::cgroup) {
        find_group(wanted, now, out);
    } else if (!must_be_a_container(wanted)) {
        find_processes(wanted, now, out);
    }
    return out;
}

void finder::find_processes(const target& wanted, const scene& now, beginnings& out) {
    // Our own command line holds the pattern, and so may that of the shell or of `sudo` above us.
    const auto ourselves =
        wanted.what == target::kind::process ? now.processes.with_ancestors(::getpid()) : std::set<int>();
    std::set<int> matching;
    if (auto found = patterns_.find(wanted.value); found != patterns_.end()) {
        std::erase_if(found->second.known, [&](const auto& each) { return now.processes.find(each.first) == nullptr; });
    }
    for (const auto& [pid, one] : now.processes.entries()) {
        if (one.alive && !ourselves.contains(pid) && fits(wanted, one)) {
            matching.insert(pid);
        }
    }
    const auto already_here = [&](int pid) {
        return std::any_of(out.begin(), out.end(), [&](const auto& each) { return each.what.pid == pid; });
    };
    for (const int pid : matching) {
        if (now.taken(pid) || already_here(pid)) {
            continue;
        }
        // Children belong to the instance of their parent, also those that match themselves.
        auto above = now.processes.with_ancestors(pid);
        above.erase(pid);
        const bool is_child = std::any_of(above.begin(), above.end(), [&](int parent) {
            return matching.contains(parent) || now.taken(parent) || already_here(parent);
        });
        if (!is_child && !is_left_to_the_engine(pid, now)) {
            out.push_back(of_process(wanted, pid, now));
        }
    }
}

/// A process in a container is found before the engine tells of the container, which has more to tell: a young one
/// waits.
bool finder::is_left_to_the_engine(int pid, const scene& now) {
    if (!now.engine_is_asked || (now.engine.turn > 0 && !now.engine.reachable)) {
        return false;
    }
    if (read_file(root_.at("/proc/" + std::to_string(pid) + "/cgroup"), buffer_) != 0 || !names_a_container(buffer_)) {
        return false;
    }
    constexpr wall_time_ms young_ms = 5000;
    return now.engine.turn == 0 || now.wall_ms - started_at(start_ticks_of(pid), now.wall_ms) < young_ms;
}

tracked_instance::beginning finder::of_process(const target& wanted, int pid, const scene& now) {
    tracked_instance::beginning begin;
    const auto start_ticks = start_ticks_of(pid);
    begin.what.service = wanted.service;
    begin.what.name = "pid " + std::to_string(pid);
    begin.what.identity = "process:" + boot_id_ + ":" + std::to_string(pid) + ":" + std::to_string(start_ticks);
    begin.what.kind = instance_kind::process;
    begin.what.pid = pid;
    begin.what.started_ms = started_at(start_ticks, now.wall_ms);
    if (read_file(root_.at("/proc/" + std::to_string(pid) + "/cgroup"), buffer_) == 0) {
        begin.memory_group = mounts_.of_process(buffer_);
    }
    if (begin.memory_group.is_root()) {
        begin.memory_group = {};
    }
    begin.own_network = has_own_network(pid);
    return begin;
}

void finder::find_group(const target& wanted, const scene& now, beginnings& out) {
    const auto folders = mounts_.named(wanted.value);
    std::vector<int> pids;
    group_files files;
    if (folders.any().empty() || !list_processes(folders, files, pids, buffer_) || pids.empty() ||
        std::any_of(pids.begin(), pids.end(), now.taken)) {
        return;
    }
    const auto oldest = *std::min_element(
        pids.begin(), pids.end(), [&](int left, int right) { return start_ticks_of(left) < start_ticks_of(right); });
    tracked_instance::beginning begin;
    const auto start_ticks = start_ticks_of(oldest);
    begin.what.service = wanted.service;
    begin.what.name = folders.path;
    begin.what.identity = "cgroup:" + boot_id_ + ":" + folders.path + ":" +
                          folder_identity(folders.any()).value_or("") + ":" + std::to_string(oldest) + ":" +
                          std::to_string(start_ticks);
    begin.what.kind = instance_kind::cgroup;
    begin.what.pid = oldest;
    begin.what.started_ms = started_at(start_ticks, now.wall_ms);
    begin.own_group = folders;
    begin.memory_group = folders;
    begin.own_network = has_own_network(oldest);
    out.push_back(std::move(begin));
}

void finder::find_containers(const target& wanted, const scene& now, beginnings& out) {
    for (const auto& one : now.engine.containers) {
        const bool fits = (wanted.what == target::kind::container &&
                           (one.name == wanted.value || one.id.starts_with(wanted.value))) ||
                          (wanted.what == target::kind::compose && one.project == wanted.value) ||
                          (wanted.what == target::kind::service && one.service == wanted.value);
        if (!fits || !one.running()) {
            continue;
        }
        tracked_instance::beginning begin;
        begin.what.service =
            wanted.what == target::kind::compose && !one.service.empty() ? one.service : wanted.service;
        begin.what.name = one.name.empty() ? one.id.substr(0, 12) : one.name;
        begin.what.identity = "container:" + one.id + ":" + one.started_at;
        begin.what.kind = instance_kind::container;
        begin.what.pid = one.pid;
        begin.what.started_ms = parse_utc_timestamp(one.started_at).value_or(now.wall_ms);
        begin.container_id = one.id;
        if (one.pid > 0 && read_file(root_.at("/proc/" + std::to_string(one.pid) + "/cgroup"), buffer_) == 0) {
            begin.own_group = mounts_.of_process(buffer_);
        }
        if (begin.own_group.is_root()) {
            begin.own_group = {}; // not confined: its processes are all there is
        }
        begin.memory_group = begin.own_group;
        begin.own_network = one.pid > 0 && has_own_network(one.pid);
        out.push_back(std::move(begin));
    }
}

bool finder::has_own_network(int pid) const {
    std::error_code wrong;
    const auto ours = std::filesystem::read_symlink(root_.at("/proc/self/ns/net"), wrong);
    if (wrong) {
        return false;
    }
    const auto its = std::filesystem::read_symlink(root_.at("/proc/" + std::to_string(pid) + "/ns/net"), wrong);
    return !wrong && its != ours;
}

std::int64_t finder::start_ticks_of(int pid) {
    if (read_file(root_.at("/proc/" + std::to_string(pid) + "/stat"), buffer_) != 0) {
        return 0;
    }
    const auto stat = parse_process_stat(buffer_);
    return stat ? stat->start_ticks : 0;
}

bool finder::fits(const target& wanted, const process_table::entry& one) {
    switch (wanted.what) {
    case target::kind::self: return one.pid == ::getpid();
    case target::kind::pid: return one.pid == wanted.pid;
    case target::kind::service: return one.service == wanted.value;
    case target::kind::process: break;
    default: return false;
    }
    auto found = patterns_.find(wanted.value);
    if (found == patterns_.end()) {
        // It was compiled when the target was parsed: it cannot fail now.
        found = patterns_.emplace(wanted.value, pattern{command_pattern::compile(wanted.value).value(), {}}).first;
    }
    auto& known = found->second.known[one.pid];
    if (known.changed_turn != one.changed_turn) {
        known = {one.changed_turn, !one.command_line.empty() && found->second.compiled.found_in(one.command_line)};
    }
    return known.fits;
}

} // namespace cb::watch
