// SPDX-License-Identifier: Apache-2.0
#include "load/load_run.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <system_error>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "load/own_use.hpp"

namespace cb::load {
namespace {

/// From the order to the start: workers have it by then, and all begin together.
constexpr nanoseconds start_delay{50'000'000};
constexpr nanoseconds order_delay_here{20'000'000};
/// The same where orders cross a bus.
constexpr nanoseconds start_delay_far{1'000'000'000};
constexpr nanoseconds order_delay_far{300'000'000};
constexpr int look_every_ms = 1'000;
constexpr int look_every_ms_far = 100;

mono_time clock_now() { return system_clock().now(); }

} // namespace

merged_seconds::merged_seconds(std::size_t step_count) {
    steps.reserve(step_count);
    for (std::size_t i = 0; i < step_count; ++i) {
        steps.emplace_back(latency_digits);
    }
}

void merged_seconds::merge(const worker_report& report) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
        steps[i].merge(report.steps[i]);
    }
    for (const auto& [key, count] : report.errors) {
        errors[key] += count;
    }
    witnesses.insert(witnesses.end(), report.witnesses.begin(), report.witnesses.end());
}

void merged_seconds::merge(const merged_seconds& other) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
        steps[i].merge(other.steps[i]);
    }
    for (const auto& [key, count] : other.errors) {
        if (errors.size() < limits::run_error_kinds || errors.contains(key)) {
            errors[key] += count;
        } else {
            errors[error_key(key.first, "other errors")] += count;
        }
    }
}

std::uint64_t run_state::users_present() const { return std::accumulate(users.begin(), users.end(), std::uint64_t{0}); }

load_run::load_run(const workload& work, load_plan plan, std::vector<endpoint> targets)
    : work_(work),
      here_(work, plan, std::move(targets), {0, plan.machines}),
      totals_(work.steps.size()),
      begun_(work.programs.size()) {
    for (std::size_t i = 0; i < begun_.size(); ++i) {
        begun_[i] = !work.programs[i].after.has_value();
    }
    for (std::size_t i = 0; i < work.phases.size(); ++i) {
        by_phase_.emplace_back(work.steps.size());
    }
    if (::pipe2(wake_, O_CLOEXEC | O_NONBLOCK) != 0) {
        throw std::system_error(errno, std::generic_category(), "pipe2");
    }
}

load_run::~load_run() {
    ::close(wake_[0]);
    ::close(wake_[1]);
}

void load_run::make_workers() {
    here_.make();
    for (const auto id : here_.ids()) {
        workers_.emplace_back();
        identities_.push_back({"", id});
    }
    if (!work_.awaited.empty()) {
        listening_.emplace_back().counted.resize(work_.steps.size());
    }
}

void load_run::share_with(far_machines& others) {
    others_ = &others;
    for (const auto& machine : others.machines()) {
        first_of_.push_back(workers_.size());
        for (const auto id : machine.processes) {
            workers_.emplace_back();
            identities_.push_back({machine.name, id});
        }
        if (!work_.awaited.empty()) {
            listening_.emplace_back().counted.resize(work_.steps.size());
        }
    }
}

nanoseconds load_run::order_delay() const { return others_ == nullptr ? order_delay_here : order_delay_far; }

void load_run::tell_all(const order& what) {
    here_.tell_all(what);
    if (others_ != nullptr) {
        others_->tell_all(what);
    }
}

void load_run::run(run_observer& observer) {
    observer_ = &observer;
    cpu_at_start_ns_ = thread_cpu_ns();
    state_.cpu_share.resize(workers_.size());
    state_.memory_bytes.resize(workers_.size());
    const auto delay = others_ == nullptr ? start_delay : start_delay_far;
    const auto now = clock_now();
    started_ = std::max(now + delay, not_before_);
    const auto wall_ms = system_clock().wall_ms() + (started_ - now).count() / 1'000'000;
    tell_all(start_order{started_});
    observer.started(started_, wall_ms);
    while (!all_gone()) {
        wait_and_hear();
        add_up_state();
        if (here_.listener() != nullptr && nobody_left()) {
            here_.listener()->finish(); // what it still hears belongs to the last second
        }
        publish_complete_seconds();
        begin_followers();
    }
    if (!listening_.empty()) { // a worker that was lost has left no second to count into
        merged_seconds rest(work_.steps.size());
        hear_listeners(rest);
        totals_.merge(rest);
        if (!by_phase_.empty()) {
            by_phase_[*work_.phase_at(totals_.second)].merge(rest);
        }
    }
    length_ = clock_now() - started_;
    observer_ = nullptr;
}

void load_run::wait_and_hear() {
    std::vector<pollfd> watched{{wake_[0], POLLIN, 0}, {others_ == nullptr ? -1 : others_->descriptor(), POLLIN, 0}};
    const auto first = watched.size();
    here_.watch(watched);
    ::poll(watched.data(), watched.size(), others_ == nullptr ? look_every_ms : look_every_ms_far);
    obey_requests();
    here_.take(std::span(watched).subspan(first), *this);
    if (others_ != nullptr) {
        others_->turn(*this);
    }
}

void load_run::worker_reported(std::size_t worker, std::string_view frame) {
    auto& from = workers_[worker];
    auto report = decode_report(frame, work_.steps.size());
    if (!report) {
        observer_->notice("a worker's report cannot be read: " + report.error().message);
        return;
    }
    auto& second = open_seconds_.try_emplace(report->second, work_.steps.size()).first->second;
    second.second = report->second;
    second.merge(*report);
    from.reached = report->second;
    from.last = report->last;
    report->steps.clear();
    report->errors.clear();
    report->witnesses.clear();
    from.latest = std::move(*report);
}

void load_run::worker_ended(std::size_t worker, const std::string& how) {
    auto& which = workers_[worker];
    which.gone = true;
    which.latest.users = {};
    if (which.last && how.empty()) {
        return;
    }
    ++state_.workers_lost;
    const auto& identity = identities_[worker];
    observer_->notice(fmt::format("worker {} (process {}{}) {} before its users had ended; what it measured last is "
                                  "missing",
                                  worker, identity.id,
                                  identity.machine.empty() ? "" : " of machine " + identity.machine,
                                  how.empty() ? "ended" : how));
}

void load_run::far_worker_reported(std::size_t machine, std::uint32_t worker, std::string_view frame) {
    worker_reported(first_of_[machine] + worker, frame);
}

void load_run::far_worker_ended(std::size_t machine, std::uint32_t worker, const std::string& how) {
    worker_ended(first_of_[machine] + worker, how);
}

void load_run::far_machine_state(std::size_t machine, std::string_view bytes) {
    auto heard = decode_machine_state(bytes, work_.steps.size());
    if (!heard) {
        return;
    }
    state_.coordinator_cpu_ns = std::max(state_.coordinator_cpu_ns, heard->cpu_ns);
    for (std::size_t i = 0; i < heard->memory_bytes.size() && first_of_[machine] + i < workers_.size(); ++i) {
        state_.memory_bytes[first_of_[machine] + i] = heard->memory_bytes[i];
    }
    if (heard->listening && !listening_.empty()) {
        listening_[machine + 1].latest = std::move(*heard->listening);
    }
}

void load_run::far_machine_finished(std::size_t machine) {
    for (std::size_t i = 0; i < others_->machines()[machine].processes.size(); ++i) {
        auto& which = workers_[first_of_[machine] + i];
        if (!which.gone) {
            worker_ended(first_of_[machine] + i, "");
        }
    }
}

void load_run::far_machine_lost(std::size_t machine, const std::string& why) {
    const auto& lost = others_->machines()[machine];
    for (std::size_t i = 0; i < lost.processes.size(); ++i) {
        auto& which = workers_[first_of_[machine] + i];
        which.gone = true;
        which.latest.users = {};
    }
    const auto after_s = std::chrono::duration_cast<std::chrono::seconds>(clock_now() - started_).count();
    state_.machines_lost.push_back(
        fmt::format("machine {} was lost {} s after the start ({})", lost.name, after_s, why));
    observer_->notice(state_.machines_lost.back() + ": its users are missing from then on");
}

void load_run::add_up_state() {
    run_state sum;
    sum.rate_factor = state_.rate_factor;
    sum.workers_lost = state_.workers_lost;
    sum.machines_lost = state_.machines_lost;
    sum.cpu_share = state_.cpu_share;
    sum.memory_bytes = state_.memory_bytes;
    sum.coordinator_cpu_ns = std::max(state_.coordinator_cpu_ns, thread_cpu_ns() - cpu_at_start_ns_);
    sum.consumer_cpu_ns = state_.consumer_cpu_ns;
    sum.await_lag_max = state_.await_lag_max;
    sum.events = state_.events;
    sum.events_no_json = state_.events_no_json;
    sum.events_unclaimed = state_.events_unclaimed;
    sum.events_displaced = state_.events_displaced;
    for (const auto& each : workers_) {
        for (std::size_t i = 0; i < user_states; ++i) {
            sum.users[i] += each.latest.users[i];
        }
        sum.started += each.latest.started;
        sum.ended += each.latest.ended;
        sum.refused += each.latest.refused;
        sum.connections += each.latest.connections;
        sum.connections_of.push_back(each.latest.connections);
        sum.connects += each.latest.connects;
        sum.cpu_ns.push_back(each.latest.cpu_ns);
    }
    state_ = std::move(sum);
}

void load_run::publish_complete_seconds() {
    while (!open_seconds_.empty()) {
        auto& [second, what] = *open_seconds_.begin();
        const bool complete = std::all_of(workers_.begin(), workers_.end(), [s = second](const worker_link& each) {
            return each.gone || each.last || each.reached >= s;
        });
        if (!complete) {
            return;
        }
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            auto& each = workers_[i];
            const auto seconds = each.reached - each.reached_before;
            if (seconds > 0) {
                state_.cpu_share[i] =
                    static_cast<double>(each.latest.cpu_ns - each.cpu_ns_before) / 1e9 / static_cast<double>(seconds);
                each.cpu_ns_before = each.latest.cpu_ns;
                each.reached_before = each.reached;
            }
        }
        hear_listeners(what);
        totals_.merge(what);
        if (const auto phase = work_.phase_at(second)) {
            by_phase_[*phase].merge(what);
        }
        totals_.second = what.second;
        observer_->second(what, state_);
        open_seconds_.erase(open_seconds_.begin());
    }
}

/// What the listeners have counted since the second before is of this one.
void load_run::hear_listeners(merged_seconds& second) {
    if (here_.listener() != nullptr) {
        listening_.front().latest = here_.listener()->state();
    }
    const auto displaced_before = state_.events_displaced;
    state_.await_lag_max = nanoseconds(0);
    state_.events = state_.events_no_json = state_.events_unclaimed = state_.events_displaced = 0;
    for (auto& each : listening_) {
        auto& heard = each.latest;
        if (heard.counts.empty()) {
            continue; // has said nothing yet
        }
        for (std::size_t i = 0; i < second.steps.size(); ++i) {
            second.steps[i].doubled += heard.counts[i].doubled - each.counted[i].doubled;
            second.steps[i].late += heard.counts[i].late - each.counted[i].late;
        }
        if (heard.reading_errors > 0 && !std::exchange(each.reading_error_told, true)) {
            observer_->notice("an awaited topic cannot be read for now: " + heard.last_error);
        }
        each.counted = heard.counts;
        state_.await_lag_max = std::max(state_.await_lag_max, heard.lag_max);
        state_.consumer_cpu_ns = std::max(state_.consumer_cpu_ns, heard.cpu_ns);
        state_.events += heard.events;
        state_.events_no_json += heard.no_json;
        state_.events_unclaimed += heard.unclaimed;
        state_.events_displaced += heard.displaced;
    }
    if (state_.events_displaced > 0 && displaced_before == 0) {
        observer_->notice(fmt::format("more than {} awaited values within {} s: some are forgotten, and their awaits "
                                      "may miss them",
                                      limits::load_await_entries, limits::load_await_window_s));
    }
}

/// A scenario that follows another begins when none of the other's users is left on any worker.
void load_run::begin_followers() {
    for (std::uint16_t which = 0; which < work_.programs.size(); ++which) {
        if (begun_[which] || stop_sent_ || !begun_[*work_.programs[which].after]) {
            continue;
        }
        const auto before = *work_.programs[which].after;
        const bool over = std::all_of(workers_.begin(), workers_.end(), [before](const worker_link& each) {
            const auto& finished = each.latest.finished_programs;
            return each.gone || std::find(finished.begin(), finished.end(), before) != finished.end();
        });
        if (over) {
            begun_[which] = true;
            tell_all(begin_program_order{which, clock_now() + order_delay()});
        }
    }
}

void load_run::obey_requests() {
    char drained[64];
    while (::read(wake_[0], drained, sizeof(drained)) > 0) {
    }
    if (stop_asked_ && !stop_sent_) {
        stop_sent_ = true;
        tell_all(stop_order{});
    }
    std::optional<double> rate;
    {
        const std::lock_guard lock(asked_mutex_);
        rate.swap(rate_asked_);
    }
    if (rate) {
        state_.rate_factor = *rate;
        tell_all(rate_order{*rate, clock_now() + order_delay()});
    }
}

bool load_run::nobody_left() const {
    return std::all_of(workers_.begin(), workers_.begin() + static_cast<std::ptrdiff_t>(here_.ids().size()),
                       [](const worker_link& each) { return each.gone || each.last; });
}

bool load_run::all_gone() const {
    return std::all_of(workers_.begin(), workers_.end(), [](const worker_link& each) { return each.gone; }) &&
           (others_ == nullptr || others_->all_gone());
}

void load_run::stop() { stop_from_signal(); }

void load_run::stop_from_signal() noexcept {
    stop_asked_ = true;
    const auto kept = errno;
    [[maybe_unused]] const auto written = ::write(wake_[1], "s", 1);
    errno = kept;
}

void load_run::set_rate(double factor) {
    {
        const std::lock_guard lock(asked_mutex_);
        rate_asked_ = factor;
    }
    [[maybe_unused]] const auto written = ::write(wake_[1], "r", 1);
}

} // namespace cb::load
