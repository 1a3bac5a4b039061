// SPDX-License-Identifier: Apache-2.0
#include "load/load_run.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <numeric>
#include <system_error>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "base/open_files.hpp"

namespace cb::load {
namespace {

/// From the order to the start: workers have it by then, and all begin together.
constexpr nanoseconds start_delay{50'000'000};
constexpr nanoseconds order_delay{20'000'000};

mono_time clock_now() { return system_clock().now(); }

[[noreturn]] void fail(const char* doing) { throw std::system_error(errno, std::generic_category(), doing); }

/// From so many connections on they are closed by a reset: closed in order, each would wait a minute in TIME_WAIT, and
/// the next run would find its ports taken.
constexpr std::size_t reset_from_connections = 10'000;

std::uint32_t part_of_pool(const workload& work, std::uint32_t index, std::uint32_t count) {
    return work.connections == connection_use::pool ? (work.pool_size + count - 1 - index) / count : 0;
}

/// A given address belongs to the workers in turn.
source_ports sources_of(const workload& work, const load_plan& plan, std::uint32_t index) {
    if (plan.source_ports_chosen) {
        return source_ports::on_loopback(index, plan.connections_max / plan.workers + 1);
    }
    if (work.source_addresses.empty()) {
        return {};
    }
    constexpr std::uint32_t first = source_ports::first_port;
    constexpr std::uint32_t last = source_ports::last_port;
    const auto addresses = static_cast<std::uint32_t>(work.source_addresses.size());
    if (addresses >= plan.workers) {
        std::vector<std::string> own;
        for (auto i = index; i < addresses; i += plan.workers) {
            own.push_back(work.source_addresses[i]);
        }
        return {std::move(own), first, last};
    }
    // Fewer addresses than workers: those that share one have parts of its ports.
    const auto sharing = (plan.workers + addresses - 1 - index % addresses) / addresses;
    const auto part = index / addresses;
    const auto width = (last - first + 1) / sharing;
    return {{work.source_addresses[index % addresses]},
            static_cast<std::uint16_t>(first + part * width),
            static_cast<std::uint16_t>(first + (part + 1) * width - 1)};
}

struct channel_ends {
    frame_channel of_coordinator;
    frame_channel of_worker;
};

channel_ends make_channel() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        fail("socketpair");
    }
    // A report goes out in one piece, even while the coordinator looks elsewhere.
    const int room = static_cast<int>(4 * limits::mib);
    ::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    return {frame_channel(ends[0]), frame_channel(ends[1])};
}

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
      plan_(std::move(plan)),
      targets_(std::move(targets)),
      totals_(work.steps.size()),
      begun_(work.programs.size()) {
    for (std::size_t i = 0; i < begun_.size(); ++i) {
        begun_[i] = !work.programs[i].after.has_value();
    }
    if (::pipe2(wake_, O_CLOEXEC | O_NONBLOCK) != 0) {
        fail("pipe2");
    }
}

load_run::~load_run() {
    listener_.reset(); // a worker may wait to tell it something
    for (auto& each : workers_) {
        each.channel.close(); // a worker whose coordinator has gone ends
    }
    for (auto& each : workers_) {
        if (!each.gone) {
            ::waitpid(each.id, nullptr, 0);
        }
    }
    ::close(wake_[0]);
    ::close(wake_[1]);
}

void load_run::make_workers() {
    std::fflush(nullptr); // or the children would write it again
    const auto coordinator = ::getpid();
    std::vector<frame_channel> to_workers; ///< of the listener
    for (std::uint32_t index = 0; index < plan_.workers; ++index) {
        auto orders = make_channel();
        auto awaits = work_.awaited.empty() ? channel_ends() : make_channel();
        const auto id = ::fork();
        if (id < 0) {
            fail("fork");
        }
        if (id == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != coordinator) {
                ::_exit(0); // it went before it could be told
            }
            // Terminals and `timeout` send them to all; the coordinator stops the workers, and they never outlive it.
            ::signal(SIGINT, SIG_IGN);
            ::signal(SIGTERM, SIG_IGN);
            orders.of_coordinator.close();
            awaits.of_coordinator.close();
            for (auto& other : workers_) {
                other.channel.close();
            }
            to_workers.clear();
            raise_file_limit();
            int code = 0;
            try {
                run_worker(work_, setting_of(index, std::move(awaits.of_worker)), std::move(orders.of_worker));
            } catch (const std::exception& wrong) {
                std::fprintf(stderr, "chaosbroker: a load worker: %s\n", wrong.what());
                code = 1;
            }
            ::_exit(code);
        }
        to_workers.push_back(std::move(awaits.of_coordinator));
        auto& link = workers_.emplace_back();
        link.channel = std::move(orders.of_coordinator);
        link.id = id;
        ids_.push_back(id);
    }
    state_.cpu_ns.resize(workers_.size());
    state_.cpu_share.resize(workers_.size());
    if (!work_.awaited.empty()) {
        counted_.resize(work_.steps.size());
        listener_ = std::make_unique<event_listener>(work_, std::move(to_workers), plan_.users_per_worker);
    }
    wait_for_workers();
}

/// One that ends before it is ready is noticed when the run begins.
void load_run::wait_for_workers() {
    for (auto& each : workers_) {
        for (bool ready = false; !ready;) {
            pollfd watched{each.channel.descriptor(), POLLIN, 0};
            if (::poll(&watched, 1, -1) < 0 && errno != EINTR) {
                fail("poll");
            }
            ready = !each.channel.receive([&](std::string_view frame) { ready = frame == ready_frame; }) || ready;
        }
    }
}

worker_setting load_run::setting_of(std::uint32_t index, frame_channel to_listener) const {
    worker_setting out{{index, plan_.workers}, plan_.users_per_worker, {}, {}};
    out.http.endpoints = targets_;
    out.http.sources = sources_of(work_, plan_, index);
    out.http.pool_size = part_of_pool(work_, index, plan_.workers);
    out.http.reset_on_close = plan_.connections_max > reset_from_connections;
    if (!work_.awaited.empty()) {
        out.to_listener = std::move(to_listener);
    }
    return out;
}

void load_run::tell_all(const order& what) {
    const auto bytes = encode(what);
    for (auto& each : workers_) {
        if (!each.gone) {
            each.channel.send(bytes);
        }
    }
}

void load_run::run(run_observer& observer) {
    started_ = clock_now() + start_delay;
    const auto wall_ms = system_clock().wall_ms() + start_delay.count() / 1'000'000;
    tell_all(start_order{started_});
    observer.started(started_, wall_ms);
    while (!all_gone()) {
        std::vector<pollfd> watched{{wake_[0], POLLIN, 0}};
        for (const auto& each : workers_) {
            watched.push_back({each.gone ? -1 : each.channel.descriptor(), POLLIN, 0});
        }
        ::poll(watched.data(), watched.size(), 1000);
        obey_requests();
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            if (watched[i + 1].revents != 0) {
                take_reports(workers_[i], observer);
            }
        }
        add_up_state();
        if (listener_ && nobody_left()) {
            listener_->finish(); // what it still hears belongs to the last second
        }
        publish_complete_seconds(observer);
        begin_followers();
    }
    if (listener_) { // a worker that was lost has left no second to count into
        merged_seconds rest(work_.steps.size());
        hear_listener(rest, observer);
        totals_.merge(rest);
    }
    length_ = clock_now() - started_;
}

void load_run::take_reports(worker_link& from, run_observer& observer) {
    const bool there = from.channel.receive([&](std::string_view frame) {
        auto report = decode_report(frame, work_.steps.size());
        if (!report) {
            observer.notice("a worker's report cannot be read: " + report.error().message);
            return;
        }
        auto& second = open_seconds_.try_emplace(report->second, work_.steps.size()).first->second;
        second.second = report->second;
        second.merge(*report);
        from.reached = report->second;
        from.last = report->last;
        report->steps.clear();
        report->errors.clear();
        from.latest = std::move(*report);
    });
    if (!there) {
        lost(from, observer);
    }
}

void load_run::lost(worker_link& which, run_observer& observer) {
    which.gone = true;
    int status = 0;
    ::waitpid(which.id, &status, 0);
    if (which.last && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        which.latest.users = {};
        return;
    }
    ++state_.workers_lost;
    which.latest.users = {};
    const auto how = WIFSIGNALED(status) ? fmt::format("was killed by signal {}", WTERMSIG(status))
                                         : fmt::format("ended with {}", WEXITSTATUS(status));
    observer.notice(
        fmt::format("worker {} (process {}) {} before its users had ended; what it measured last is missing",
                    which.latest.worker, which.id, how));
}

void load_run::add_up_state() {
    run_state sum;
    sum.rate_factor = state_.rate_factor;
    sum.workers_lost = state_.workers_lost;
    sum.cpu_share = state_.cpu_share;
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

void load_run::publish_complete_seconds(run_observer& observer) {
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
        if (listener_) {
            hear_listener(what, observer);
        }
        totals_.merge(what);
        totals_.second = what.second;
        observer.second(what, state_);
        open_seconds_.erase(open_seconds_.begin());
    }
}

/// What the listener has counted since the second before is of this one.
void load_run::hear_listener(merged_seconds& second, run_observer& observer) {
    const auto heard = listener_->state();
    for (std::size_t i = 0; i < second.steps.size(); ++i) {
        second.steps[i].doubled += heard.counts[i].doubled - counted_[i].doubled;
        second.steps[i].late += heard.counts[i].late - counted_[i].late;
    }
    if (heard.displaced > 0 && state_.events_displaced == 0) {
        observer.notice(fmt::format("more than {} awaited values within {} s: some are forgotten, and their awaits may "
                                    "miss them",
                                    limits::load_await_entries, limits::load_await_window_s));
    }
    if (heard.reading_errors > 0 && !std::exchange(reading_error_told_, true)) {
        observer.notice("an awaited topic cannot be read for now: " + heard.last_error);
    }
    counted_ = heard.counts;
    state_.await_lag_max = heard.lag_max;
    state_.events = heard.events;
    state_.events_no_json = heard.no_json;
    state_.events_unclaimed = heard.unclaimed;
    state_.events_displaced = heard.displaced;
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
            tell_all(begin_program_order{which, clock_now() + order_delay});
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
        tell_all(rate_order{*rate, clock_now() + order_delay});
    }
}

bool load_run::nobody_left() const {
    return std::all_of(workers_.begin(), workers_.end(),
                       [](const worker_link& each) { return each.gone || each.last; });
}

bool load_run::all_gone() const {
    return std::all_of(workers_.begin(), workers_.end(), [](const worker_link& each) { return each.gone; });
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
