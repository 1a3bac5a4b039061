// SPDX-License-Identifier: Apache-2.0
#include "watch/watcher.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.hpp"

namespace cb::watch {
namespace {

mono_time steady_now() { return std::chrono::steady_clock::now(); }

double seconds_between(mono_time from, mono_time to) { return std::chrono::duration<double>(to - from).count(); }

/// A look that comes later than this many intervals after the one before leaves a gap.
constexpr double late_factor = 1.5;
/// How long a death without proof waits for some: the kernel writes its line and its counters just after the kill.
constexpr milliseconds proof_grace{300};
/// The same for a container: its engine learns of the end from its own monitor.
constexpr milliseconds engine_grace{4000};
/// A kill may come before the instance it is of is found.
constexpr std::chrono::seconds kill_remembered{10};
/// Dear figures: at most so much time a look, and not sooner than this for the same instance again.
constexpr nanoseconds dear_budget = std::chrono::microseconds(1500);
constexpr std::chrono::seconds dear_every{5};

bool wants_words(const std::vector<target>& targets) {
    return std::any_of(targets.begin(), targets.end(), [](const target& each) {
        return each.what == target::kind::process || each.what == target::kind::service;
    });
}

bool wants_processes(const std::vector<target>& targets) {
    return std::any_of(targets.begin(), targets.end(), [](const target& each) {
        return !must_be_a_container(each) && each.what != target::kind::cgroup;
    });
}

/// Signals by which no program ends on purpose.
bool is_a_kill(const std::optional<int>& status) {
    constexpr std::array signals{SIGKILL, SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGXCPU, SIGXFSZ};
    return status && WIFSIGNALED(*status) &&
           std::find(signals.begin(), signals.end(), WTERMSIG(*status)) != signals.end();
}

} // namespace

watcher::watcher(watch_options options)
    : options_(std::move(options)),
      finder_(options_.root),
      table_(options_.root, wants_words(options_.targets)),
      kernel_log_(options_.root),
      pid_bound_(options_.targets.size(), false),
      processes_ended_(::epoll_create1(EPOLL_CLOEXEC)) {
    const bool maybe = std::any_of(options_.targets.begin(), options_.targets.end(), may_be_a_container);
    const bool surely = std::any_of(options_.targets.begin(), options_.targets.end(), must_be_a_container);
    if (surely || (maybe && !options_.engines.empty())) {
        constexpr milliseconds fastest{1000};
        engine_thread_ =
            std::make_unique<engine_watch>(options_.engines, options_.targets, std::max(options_.every, fastest));
    }
    for (const auto& each : options_.targets) {
        if (each.what != target::kind::compose) {
            service_of(each.service);
        }
    }
}

watcher::~watcher() = default;

service_state& watcher::service_of(const std::string& name) {
    auto& state = services_[name];
    state.service = name;
    return state;
}

look watcher::take_look() {
    const auto now = steady_now();
    look out;
    out.wall_ms = system_clock().wall_ms();
    out.at = now;
    out.load_users = users_;
    notice_gap(out, now);
    if (engine_thread_) {
        engine_ = engine_thread_->snapshot();
        // The engine may go on for a moment to list as running what has ended here.
        std::erase_if(ended_containers_, [&](const std::string& identity) {
            return std::none_of(engine_.containers.begin(), engine_.containers.end(), [&](const container& each) {
                return identity == "container:" + each.id + ":" + each.started_at;
            });
        });
        say_engine_state(out);
    }
    refresh_processes(out);
    read_kernel_log(out, now);
    check_who_is_over(out, now);
    take_in_children();
    read_all(out);
    for (auto& each : watched_) {
        if (!each.instance->over_since) {
            tell_child_kills(out, *each.instance);
        }
    }
    tell_deaths(out, now);
    find_new(out);
    read_some_dear(now);
    add_host(out, now);
    say_what_is_missing(out);
    for (auto& [name, state] : services_) {
        state.replicas = 0;
    }
    for (const auto& each : watched_) {
        service_of(each.instance->what()->service).replicas += each.instance->over_since ? 0 : 1;
    }
    for (const auto& [name, state] : services_) {
        out.services.push_back(state);
    }
    last_look_ = now;
    return out;
}

void watcher::notice_gap(look& out, mono_time now) {
    if (!last_look_) {
        return;
    }
    out.interval_s = seconds_between(*last_look_, now);
    const double due_s = std::chrono::duration<double>(options_.every).count();
    if (out.interval_s > due_s * late_factor) {
        event gap;
        gap.what = event::kind::gap;
        gap.wall_ms = out.wall_ms;
        gap.seconds = out.interval_s - due_s;
        gap.text = "nothing was sampled for " + std::to_string(static_cast<int>(gap.seconds * 1000)) +
                   " ms beyond the interval; rates are means over the whole gap";
        out.events.push_back(std::move(gap));
    }
}

void watcher::read_kernel_log(look& out, mono_time now) {
    std::erase_if(unclaimed_kills_, [&](const recent_kill& each) { return now - each.at > kill_remembered; });
    for (auto& kill : kernel_log_.new_kills()) {
        unclaimed_kills_.push_back({std::move(kill), now});
    }
    for (auto& each : watched_) {
        claim_kills(*each.instance);
    }
    if (kernel_log_.problem() != 0) {
        say_once(out, "kernel log",
                 std::string("/dev/kmsg cannot be read (") + std::strerror(kernel_log_.problem()) +
                     "): an OOM kill is proven by cgroup counters and container engines only");
    }
}

void watcher::claim_kills(tracked_instance& one) {
    for (const auto& each : unclaimed_kills_) {
        if (one.is_of_this(each.kill)) {
            one.kernel_kills.push_back(each.kill);
        }
    }
    std::erase_if(unclaimed_kills_, [&](const recent_kill& each) { return one.is_of_this(each.kill); });
}

void watcher::refresh_processes(look& out) {
    if (wants_processes(options_.targets) && !table_.refresh()) {
        say_once(out, "proc", "/proc cannot be listed: no processes are found");
    }
    if (table_.environments_denied() > 0 && ::geteuid() != 0 &&
        std::any_of(options_.targets.begin(), options_.targets.end(),
                    [](const target& each) { return each.what == target::kind::service; })) {
        say_once(out, "environments",
                 "the environment of " + std::to_string(table_.environments_denied()) +
                     " processes cannot be read (permission denied): their CHAOSBROKER_SERVICE is not seen; run as "
                     "their user or as root");
    }
}

void watcher::check_who_is_over(look& out, mono_time now) {
    for (auto& each : watched_) {
        auto& one = *each.instance;
        if (one.over_since) {
            continue;
        }
        bool over = one.visible && one.is_over(buffer_);
        if (!one.visible) {
            const auto* record = engine_record(one);
            constexpr int looks_to_tell = 5;
            if (++one.looks_unseen == looks_to_tell) {
                say_once(out, "elsewhere " + one.what()->identity,
                         "container " + one.what()->name + ": its process " + std::to_string(one.what()->pid) +
                             " is not on this machine; only its start and end are watched");
            }
            over = engine_.reachable && (record == nullptr || !record->running());
        }
        if (over) {
            one.over_since = now;
            one.engine_turn_when_over = engine_.turn;
            one.note_oom_kills(buffer_);
            if (engine_thread_ && !one.from().container_id.empty()) {
                engine_thread_->look_again(one.from().container_id);
            }
        }
    }
}

void watcher::take_in_children() {
    std::map<int, tracked_instance*> owner;
    for (auto& each : watched_) {
        auto& one = *each.instance;
        if (one.over_since) {
            continue;
        }
        if (!one.from().own_group.any().empty()) {
            const auto before = one.processes().size();
            one.sync_with_group(true, buffer_);
            if (one.processes().size() != before) {
                wait_on_processes(one);
            }
        } else {
            one.processes().for_each_pid([&](int pid) { owner[pid] = &one; });
        }
    }
    if (owner.empty()) {
        return;
    }
    // A child's number may be below its parent's: go on until nobody joins any more.
    for (bool joined = true; joined;) {
        joined = false;
        for (const auto& [pid, entry] : table_.entries()) {
            const auto parent = owner.find(entry.parent);
            if (parent == owner.end() || owner.contains(pid)) {
                continue;
            }
            auto& one = *parent->second;
            if (one.processes().size() < limits::processes_per_instance && one.processes().add(pid, true)) {
                joined = true;
                wait_on_processes(one);
            }
            owner[pid] = &one;
        }
    }
}

void watcher::read_all(look& out) {
    for (auto& each : watched_) {
        if (each.instance->over_since) {
            continue;
        }
        auto taken = each.instance->read(steady_now(), out.wall_ms, users_, buffer_);
        if (taken.now.has(gauge::processes) || !each.instance->visible) {
            out.samples.push_back(std::move(taken));
        }
    }
}

void watcher::read_some_dear(mono_time now) {
    std::vector<tracked_instance*> oldest;
    for (auto& each : watched_) {
        const auto read_at = each.instance->dear_read_at();
        if (!each.instance->over_since && (!read_at || now - *read_at >= dear_every)) {
            oldest.push_back(each.instance.get());
        }
    }
    std::sort(oldest.begin(), oldest.end(), [](const auto* left, const auto* right) {
        return left->dear_read_at().value_or(mono_time{}) < right->dear_read_at().value_or(mono_time{});
    });
    const auto began = steady_now();
    for (auto* one : oldest) {
        one->read_dear(steady_now(), buffer_);
        if (steady_now() - began > dear_budget) {
            break;
        }
    }
}

void watcher::tell_child_kills(look& out, tracked_instance& one) {
    if (one.main_end && one.what()->kind == instance_kind::cgroup) {
        one.ended_processes.push_back(*one.main_end); // others in the group go on without it
        one.main_end.reset();
    }
    auto ended = std::move(one.ended_processes);
    one.ended_processes.clear();
    for (const auto& child : ended) {
        tell_one_child(out, one, child);
    }
    // Killed before they were ever seen here. The main process's own line waits for its end.
    const auto kills = std::move(one.kernel_kills);
    std::vector<kernel_kill> waiting;
    for (const auto& kill : kills) {
        if (kill.pid == one.what()->pid || one.processes().contains(kill.pid)) {
            waiting.push_back(kill);
        } else {
            one.kernel_kills = {kill};
            tell_one_child(out, one, {kill.pid, kill.name, SIGKILL});
        }
    }
    one.kernel_kills = std::move(waiting);
    const auto expected = static_cast<double>(one.kernel_kills.size());
    // Who it was may still show: as an ended process or in the log.
    one.looks_with_untold_oom_kills = one.untold_oom_kills > expected ? one.looks_with_untold_oom_kills + 1 : 0;
    constexpr int looks_to_wait = 2;
    const bool own_group = !one.from().own_group.any().empty();
    while (own_group && one.looks_with_untold_oom_kills > looks_to_wait && one.untold_oom_kills > expected) {
        tell_one_child(out, one, {0, "", SIGKILL});
    }
}

void watcher::tell_one_child(look& out, tracked_instance& one, const members::ended& child) {
    const auto named = std::find_if(one.kernel_kills.begin(), one.kernel_kills.end(),
                                    [&](const kernel_kill& kill) { return kill.pid == child.pid; });
    const bool own_group = !one.from().own_group.any().empty();
    death_evidence evidence;
    evidence.status = child.status;
    evidence.group = one.from().memory_group.path;
    if (named != one.kernel_kills.end()) {
        evidence.kernel_line = named->line;
    } else if (own_group || kernel_log_.problem() != 0) {
        evidence.group_kills = one.untold_oom_kills;
        evidence.kernel_kills_of_others = static_cast<double>(one.kernel_kills.size());
    }
    const auto how = judge(evidence);
    if (how.cause != death_cause::out_of_memory && !is_a_kill(child.status)) {
        return; // children come and go
    }
    if (named != one.kernel_kills.end()) {
        one.kernel_kills.erase(named);
    }
    auto told = how;
    if (told.cause == death_cause::out_of_memory) {
        one.untold_oom_kills = std::max(0.0, one.untold_oom_kills - 1);
        one.told_oom_kills += 1;
        ++service_of(one.what()->service).oom_kills;
    } else {
        told.evidence.clear();
    }
    event child_killed;
    child_killed.what = event::kind::child_killed;
    child_killed.wall_ms = out.wall_ms;
    child_killed.of = one.what();
    child_killed.pid = child.pid;
    child_killed.how = told;
    child_killed.text = (child.pid == 0 ? std::string("a process of it")
                                        : "its process " + std::to_string(child.pid) + " (" + child.name + ")") +
                        ": " + sentence(told);
    out.events.push_back(std::move(child_killed));
}

const container* watcher::engine_record(const tracked_instance& one) const {
    for (const auto& each : engine_.containers) {
        if (each.id == one.from().container_id &&
            one.what()->identity == "container:" + each.id + ":" + each.started_at) {
            return &each;
        }
    }
    return nullptr;
}

void watcher::tell_deaths(look& out, mono_time now) {
    for (auto each = watched_.begin(); each != watched_.end();) {
        if (each->instance->over_since && tell_death(out, *each->instance, now)) {
            each = watched_.erase(each);
        } else {
            ++each;
        }
    }
}

/// False: something may still prove more; asked again at the next look.
bool watcher::tell_death(look& out, tracked_instance& one, mono_time now) {
    one.note_oom_kills(buffer_);
    death_evidence evidence;
    evidence.status = one.main_status(buffer_);
    evidence.group = one.from().memory_group.path;
    const bool own_group = !one.from().own_group.any().empty();
    for (const auto& kill : one.kernel_kills) {
        if (kill.pid == one.what()->pid) {
            evidence.kernel_line = kill.line;
        } else {
            evidence.kernel_kills_of_others += 1;
        }
    }
    // In a group that it shares with others the counter proves nothing when the log could be asked.
    if (own_group || kernel_log_.problem() != 0) {
        evidence.group_kills = one.untold_oom_kills;
    }
    const bool is_container = !one.from().container_id.empty();
    const auto* record = is_container ? engine_record(one) : nullptr;
    if (record != nullptr && !record->running()) {
        evidence.engine_exit_code = record->exit_code;
        evidence.engine_says_oom = record->oom_killed;
    }
    const auto how = judge(evidence);
    const bool settled = how.cause == death_cause::out_of_memory ||
                         (how.cause == death_cause::exited && how.exit_code != 128 + SIGKILL) ||
                         (how.cause == death_cause::signalled && how.signal != SIGKILL);
    const bool engine_is_done = !is_container || !engine_.reachable || (record != nullptr && !record->running());
    const auto grace = engine_is_done ? proof_grace : engine_grace;
    if (!settled && now - *one.over_since < grace) {
        return false;
    }
    event ended;
    ended.what = event::kind::ended;
    ended.wall_ms = out.wall_ms;
    ended.of = one.what();
    ended.how = how;
    ended.since = one.over_since;
    ended.text = sentence(how);
    out.events.push_back(std::move(ended));
    if (is_container) {
        ended_containers_.insert(one.what()->identity);
    }
    auto& service = service_of(one.what()->service);
    ++service.ended;
    service.oom_kills += how.cause == death_cause::out_of_memory ? 1 : 0;
    return true;
}

void watcher::find_new(look& out) {
    const auto known_before = watched_.size();
    for (std::size_t index = 0; index < options_.targets.size(); ++index) {
        const auto& wanted = options_.targets[index];
        const bool lives = std::any_of(watched_.begin(), watched_.end(), [&](const watched& each) {
            return each.target == index && !each.instance->over_since;
        });
        // A cgroup is one instance at a time.
        if (pid_bound_[index] || (lives && wanted.what == target::kind::cgroup)) {
            continue;
        }
        std::set<int> taken;
        for (const auto& each : watched_) {
            if (each.target == index && !each.instance->over_since) {
                each.instance->processes().for_each_pid([&](int pid) { taken.insert(pid); });
            }
        }
        const finder::scene scene{table_, engine_, engine_thread_ != nullptr, out.wall_ms,
                                  [&](int pid) { return taken.contains(pid); }};
        for (auto& from : finder_.find(wanted, scene)) {
            const bool known = std::any_of(watched_.begin(), watched_.end(), [&](const watched& each) {
                return each.target == index && each.instance->what()->identity == from.what.identity;
            });
            if (known || ended_containers_.contains(from.what.identity)) {
                continue;
            }
            if (watched_.size() >= limits::watched_instances) {
                say_once(out, "instances",
                         "more than " + std::to_string(limits::watched_instances) +
                             " instances: the others are not watched; name fewer targets");
                break;
            }
            begin(out, index, std::move(from));
        }
        const bool any =
            std::any_of(watched_.begin(), watched_.end(), [&](const watched& each) { return each.target == index; });
        const bool engine_answered = !must_be_a_container(wanted) || engine_.reachable;
        if (!any && engine_answered) {
            say_once(out, "nothing " + std::to_string(index),
                     to_string(wanted) + (wanted.what == target::kind::pid ? ": there is no such process"
                                                                           : ": nothing there yet; looking on"));
        } else if (any) {
            said_["nothing " + std::to_string(index)] = ""; // its end is told as an end
        }
    }
    read_new(out, known_before);
}

/// Children that are there already belong to the first reading.
void watcher::read_new(look& out, std::size_t from) {
    if (from < watched_.size()) {
        take_in_children();
    }
    for (; from < watched_.size(); ++from) {
        out.samples.push_back(watched_[from].instance->read(steady_now(), out.wall_ms, users_, buffer_));
    }
}

void watcher::begin(look& out, std::size_t target_index, tracked_instance::beginning from) {
    auto one = std::make_unique<tracked_instance>(options_.root, std::move(from), kernel_log_.problem() == 0);
    const auto& what = *one->what();
    const bool main_there = what.pid > 0 && one->processes().add(what.pid, true);
    if (!one->from().own_group.any().empty()) {
        one->sync_with_group(true, buffer_);
    }
    if (what.kind != instance_kind::container && !main_there) {
        return; // gone before it could be looked at
    }
    one->visible = main_there;
    wait_on_processes(*one);
    claim_kills(*one);
    watched_.push_back({target_index, std::move(one)});
    auto& added = *watched_.back().instance;
    pid_bound_[target_index] = options_.targets[target_index].what == target::kind::pid;
    auto& service = service_of(what.service);
    ++service.started;
    event started;
    started.what = event::kind::started;
    started.wall_ms = out.wall_ms;
    started.of = added.what();
    if (service.restarts < service.ended) {
        ++service.restarts;
        started.text = "restart " + std::to_string(service.restarts) + " of " + what.service;
    }
    out.events.push_back(std::move(started));
}

void watcher::wait_on_processes(tracked_instance& one) {
    one.processes().for_each_pid([&](int pid) {
        const int handle = one.processes().handle_of(pid);
        if (handle >= 0) {
            epoll_event wanted{};
            wanted.events = EPOLLIN | EPOLLET | EPOLLONESHOT;
            wanted.data.u64 = static_cast<std::uint64_t>(pid);
            ::epoll_ctl(processes_ended_.get(), EPOLL_CTL_ADD, handle, &wanted);
        }
    });
}

void watcher::wait_until(mono_time due, int stop) {
    for (;;) {
        const auto left = due - steady_now();
        if (left <= nanoseconds::zero()) {
            return;
        }
        constexpr nanoseconds round_up = milliseconds(1) - nanoseconds(1);
        const auto left_ms = std::chrono::duration_cast<milliseconds>(left + round_up);
        std::array<pollfd, 2> sources{{{processes_ended_.get(), POLLIN, 0}, {stop, POLLIN, 0}}};
        const int ready =
            ::poll(sources.data(), sources.size(), static_cast<int>(std::min<std::int64_t>(left_ms.count(), 60'000)));
        if (ready > 0 && sources[1].revents != 0) {
            return;
        }
        if (ready > 0 && sources[0].revents != 0) {
            std::array<epoll_event, 64> ended{};
            const int count = ::epoll_wait(processes_ended_.get(), ended.data(), static_cast<int>(ended.size()), 0);
            for (int i = 0; i < count; ++i) {
                const auto pid = static_cast<int>(ended[static_cast<std::size_t>(i)].data.u64);
                for (auto& each : watched_) {
                    if (each.instance->processes().contains(pid)) {
                        each.instance->note_oom_kills(buffer_);
                    }
                }
            }
        }
    }
}

void watcher::add_host(look& out, mono_time now) {
    auto reading = read_host(options_.root, buffer_);
    out.host.wall_ms = out.wall_ms;
    out.host.now = reading.now;
    out.host.totals = reading.totals;
    if (host_read_at_) {
        out.host.interval_s = seconds_between(*host_read_at_, now);
        out.host.rates = rates_between(last_host_, reading.totals, out.host.interval_s);
    }
    host_read_at_ = now;
    last_host_ = reading.totals;
}

void watcher::say_engine_state(look& out) {
    if (engine_.turn == 0) {
        return;
    }
    if (!engine_.reachable && !engine_said_dead_) {
        engine_said_dead_ = true;
        event dead;
        dead.wall_ms = out.wall_ms;
        dead.text = "no container engine answers (" + engine_.problem +
                    "): containers that are watched go on being "
                    "watched, new ones are not seen";
        out.events.push_back(std::move(dead));
    } else if (engine_.reachable && engine_said_dead_) {
        engine_said_dead_ = false;
        event back;
        back.wall_ms = out.wall_ms;
        back.text = "the container engine answers again";
        out.events.push_back(std::move(back));
    }
}

void watcher::say_what_is_missing(look& out) {
    for (auto& each : watched_) {
        auto& one = *each.instance;
        if (one.processes().denied() && !one.denial_told) {
            one.denial_told = true;
            say_once(out, "denied " + one.what()->service,
                     one.what()->service + " (" + one.what()->name +
                         "): open files, sockets, disk bytes and proportional memory cannot be read (permission "
                         "denied); run as its user or as root");
        }
    }
}

void watcher::say_once(look& out, const std::string& key, const std::string& text) {
    auto [here, is_new] = said_.try_emplace(key, text);
    if (!is_new) {
        return;
    }
    event said;
    said.wall_ms = out.wall_ms;
    said.text = text;
    out.events.push_back(std::move(said));
}

} // namespace cb::watch
