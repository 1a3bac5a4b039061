// SPDX-License-Identifier: Apache-2.0
#include "watch/tracked_instance.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "watch/process_files.hpp"

namespace cb::watch {
namespace {

double seconds_between(mono_time from, mono_time to) { return std::chrono::duration<double>(to - from).count(); }

} // namespace

tracked_instance::tracked_instance(const root_folder& root, beginning from, bool log_is_read)
    : root_(root),
      from_(std::move(from)),
      what_(std::make_shared<const instance>(from_.what)),
      members_(root, !from_.own_group.cpuacct.empty() || !from_.own_group.unified.empty()),
      counts_kills_(!from_.own_group.any().empty() || !log_is_read) {
    std::string buffer;
    if (counts_kills_) {
        oom_kills_ = read_oom_kills(from_.memory_group, files_, buffer);
    }
}

void tracked_instance::sync_with_group(bool from_their_start, std::string& buffer) {
    if (group_unchanged_) {
        return;
    }
    if (!listed_now_ && !list_processes(from_.own_group, files_, listed_, buffer)) {
        return;
    }
    listed_now_ = false;
    for (const int pid : listed_) {
        if (!members_.contains(pid)) {
            members_.add(pid, from_their_start);
        }
    }
}

sample tracked_instance::read(mono_time now, wall_time_ms wall_ms, std::optional<double> users, std::string& buffer) {
    sample out;
    out.of = what_;
    out.wall_ms = wall_ms;
    auto ended = members_.read(out.now, buffer);
    if (!ended.empty()) {
        looks_until_listing_ = 0;
    }
    for (auto& each : ended) {
        if (each.pid == what_->pid) {
            main_end = each;
        } else {
            ended_processes.push_back(std::move(each));
        }
    }
    out.totals = members_.totals();
    add_group_figures(out, buffer);
    add_network(out, buffer);
    if (read_at_) {
        out.interval_s = seconds_between(*read_at_, now);
        out.rates = rates_between(last_totals_, out.totals, out.interval_s);
    }
    hold_fault_rate(out, now);
    read_at_ = now;
    last_totals_ = out.totals;
    add_dear(out, now);
    add_forecast(out, now, users);
    return out;
}

void tracked_instance::add_group_figures(sample& out, std::string& buffer) {
    if (!from_.own_group.any().empty()) {
        const auto group = read_cgroup(from_.own_group, files_, buffer);
        for (const auto& each : gauge_names()) {
            if (group.now.has(each.figure)) {
                out.now[each.figure] = group.now[each.figure];
            }
        }
        for (const auto& each : counter_names()) {
            if (group.totals.has(each.figure)) {
                out.totals[each.figure] = group.totals[each.figure];
            }
        }
    } else if (!from_.memory_group.is_root()) {
        // A limit hardly changes, and the file that tells it is dear.
        if (files_.limits_are_due()) {
            shared_limit_ = effective_memory_limit(from_.memory_group, files_, buffer);
        }
        if (shared_limit_) {
            out.now[gauge::memory_limit_bytes] = *shared_limit_;
        }
    }
    note_oom_kills(buffer);
    // A process may share its group with others: only what was found to be of this instance counts.
    out.totals[counter::oom_kills] = told_oom_kills + (from_.own_group.is_root() ? 0 : untold_oom_kills);
}

void tracked_instance::note_oom_kills(std::string& buffer) {
    if (!counts_kills_) {
        return;
    }
    const auto kills = read_oom_kills(from_.memory_group, files_, buffer);
    if (kills && oom_kills_ && *kills > *oom_kills_) {
        untold_oom_kills += *kills - *oom_kills_;
    }
    if (kills) {
        oom_kills_ = kills;
    }
}

/// A group's page faults are not read at each look: their rate is over the time between two readings.
void tracked_instance::hold_fault_rate(sample& out, mono_time now) {
    if (from_.own_group.any().empty()) {
        return;
    }
    if (files_.memory.fresh) {
        const double faults = out.totals[counter::major_faults];
        if (faults_read_at_) {
            fault_rate_ = (faults - faults_then_) / seconds_between(*faults_read_at_, now);
        }
        faults_then_ = faults;
        faults_read_at_ = now;
    }
    out.rates[counter::major_faults] = fault_rate_;
}

void tracked_instance::add_network(sample& out, std::string& buffer) const {
    if (!from_.own_network || read_file(root_.at("/proc/" + std::to_string(what_->pid) + "/net/dev"), buffer) != 0) {
        return;
    }
    const auto bytes = parse_network(buffer);
    out.totals[counter::network_received_bytes] = bytes.received;
    out.totals[counter::network_sent_bytes] = bytes.sent;
}

void tracked_instance::read_dear(mono_time now, std::string& buffer) {
    gauges read;
    counters totals;
    if (!members_.read_dear(read, totals, buffer)) {
        return; // the last ones stay, and their age tells
    }
    dear_ = read;
    if (dear_at_) {
        dear_rates_ = rates_between(dear_totals_, totals, seconds_between(*dear_at_, now));
    }
    dear_totals_ = totals;
    dear_at_ = now;
}

void tracked_instance::add_dear(sample& out, mono_time now) const {
    if (!dear_at_) {
        return;
    }
    for (const auto figure : {gauge::proportional_bytes, gauge::sockets, gauge::swap_bytes}) {
        if (dear_.has(figure) && !out.now.has(figure)) {
            out.now[figure] = dear_[figure];
        }
    }
    out.now[gauge::rotation_age_s] = seconds_between(*dear_at_, now);
    for (const auto figure : {counter::voluntary_switches, counter::involuntary_switches}) {
        out.totals[figure] = dear_totals_[figure];
        out.rates[figure] = dear_rates_[figure];
    }
}

/// Of a cgroup what the limit counts and cannot be reclaimed at once; of a process its part of the group's.
void tracked_instance::add_forecast(sample& out, mono_time now, std::optional<double> users) {
    const double limit = out.now[gauge::memory_limit_bytes];
    const double bytes =
        out.now.has(gauge::working_set_bytes) ? out.now[gauge::working_set_bytes] : out.now[gauge::resident_bytes];
    if (std::isnan(limit) || std::isnan(bytes)) {
        return;
    }
    const auto keep = [](std::deque<memory_point>& points, memory_point point) {
        points.push_back(point);
        if (points.size() > limits::forecast_samples) {
            points.pop_front();
        }
    };
    keep(over_time_, {std::chrono::duration<double>(now.time_since_epoch()).count(), bytes});
    if (users) {
        keep(over_users_, {*users, bytes});
    }
    const std::vector<memory_point> by_time(over_time_.begin(), over_time_.end());
    const std::vector<memory_point> by_users(over_users_.begin(), over_users_.end());
    out.memory_limit_in_s = seconds_to_limit(by_time, limit);
    out.memory_limit_at_users = users_at_limit(by_users, limit);
}

/// The list of processes is dear where the number of threads is not. One that ended and another that came give the same
/// number: then the ended one is noticed, or the fourth look is.
bool tracked_instance::list_is_due(std::string& buffer) {
    constexpr int looks_between = 4;
    const auto tasks = read_tasks(from_.own_group, files_, buffer);
    files_.tasks = tasks;
    if (tasks && tasks == tasks_when_listed_ && looks_until_listing_ > 0) {
        --looks_until_listing_;
        return false;
    }
    tasks_when_listed_ = tasks;
    looks_until_listing_ = looks_between - 1;
    return true;
}

bool tracked_instance::is_over(std::string& buffer) {
    group_unchanged_ = !from_.own_group.any().empty() && !list_is_due(buffer);
    if (what_->kind == instance_kind::cgroup) {
        if (group_unchanged_ && members_.any_alive(buffer)) {
            return false;
        }
        // Its main process is only the oldest one: the group lives as long as any of those we know is in it. Others in
        // the same group came after it was empty, or made the folder anew: that is a restart.
        listed_now_ = true;
        group_unchanged_ = false;
        return !list_processes(from_.own_group, files_, listed_, buffer) ||
               std::none_of(listed_.begin(), listed_.end(),
                            [&](int pid) { return members_.contains(pid) && !members_.is_over(pid, buffer); });
    }
    return members_.is_over(what_->pid, buffer);
}

std::optional<int> tracked_instance::main_status(std::string& buffer) const {
    const auto status = members_.status_of(what_->pid, buffer);
    return status ? status : (main_end ? main_end->status : std::nullopt);
}

bool tracked_instance::is_of_this(const kernel_kill& kill) const {
    if (kill.pid == what_->pid || members_.contains(kill.pid)) {
        return true;
    }
    if (!from_.container_id.empty() && kill.group.find(from_.container_id) != std::string::npos) {
        return true;
    }
    const auto& group = from_.own_group.path;
    return !from_.own_group.is_root() && (kill.group == group || kill.group.starts_with(group + "/"));
}

} // namespace cb::watch
