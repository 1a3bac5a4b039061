// SPDX-License-Identifier: Apache-2.0
#include "load/event_listener.hpp"

#include <poll.h>

#include <algorithm>

#include "base/limits.hpp"
#include "load/await_frames.hpp"
#include "load/own_use.hpp"

namespace cb::load {
namespace {

constexpr nanoseconds forget_every{1'000'000'000};
/// At the end: when so long nothing has come, nothing is on its way. Brokers answer a waiting consumer at once.
constexpr nanoseconds quiet_for{200'000'000};
constexpr nanoseconds one_ms{1'000'000};

mono_time clock_now() { return system_clock().now(); }

} // namespace

event_listener::event_listener(const workload& work, std::vector<frame_channel> workers, std::size_t users_per_worker)
    : users_per_worker_(users_per_worker),
      indexer_(work.awaited),
      reader_(work, indexer_.topics()),
      window_({workers.size() * users_per_worker, limits::load_await_entries,
               std::chrono::seconds(limits::load_await_window_s), work.steps.size()}) {
    for (auto& each : workers) {
        workers_.push_back({std::move(each), {}, false, false});
    }
    thread_ = std::thread([this] { listen(); });
}

event_listener::~event_listener() { finish(); }

std::size_t event_listener::bytes_max(std::size_t users) {
    return (limits::load_await_entries + users) * await_window::bytes_per_entry() +
           users * await_window::bytes_per_waiter() + limits::load_consumer_kib * limits::kib;
}

listener_state event_listener::state() {
    const std::lock_guard lock(mutex_);
    auto out = state_;
    out.counts = window_.counts();
    out.unclaimed = window_.unclaimed();
    out.displaced = window_.displaced();
    out.reading_errors = reader_.errors();
    out.last_error = reader_.last_error();
    state_.lag_max = nanoseconds(0);
    return out;
}

void event_listener::finish() {
    finish_asked_ = true;
    asked_.wake();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void event_listener::listen() {
    quiet_since_ = clock_now();
    for (bool more = false; !over(clock_now());) {
        wait(more);
        const auto now = clock_now();
        busy_since_ = more ? busy_since_ : now;
        const std::lock_guard lock(mutex_);
        // Those who wait come first: what they wait for may be among the events of this turn.
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            take_requests(i, now);
        }
        more = read_events();
        send_answers();
        if (now >= next_forgetting_) {
            state_.cpu_ns = thread_cpu_ns();
            window_.forget_old(now);
            next_forgetting_ = now + forget_every;
        }
    }
}

void event_listener::wait(bool more) {
    std::vector<pollfd> watched{{asked_.descriptor(), POLLIN, 0}, {reader_.descriptor(), POLLIN, 0}};
    for (const auto& each : workers_) {
        const int events = each.channel.has_unsent() ? POLLIN | POLLOUT : POLLIN;
        watched.push_back({each.gone ? -1 : each.channel.descriptor(), static_cast<short>(events), 0});
    }
    const auto limit = finish_asked_ ? quiet_for / 4 : forget_every;
    ::poll(watched.data(), watched.size(), more ? 0 : static_cast<int>(limit / one_ms));
    if (watched.front().revents != 0) {
        asked_.drain();
    }
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        workers_[i].readable = (watched[i + 2].revents & ~POLLOUT) != 0;
    }
}

bool event_listener::over(mono_time now) {
    if (!finish_asked_) {
        return false;
    }
    if (finish_by_ == mono_time{}) {
        finish_by_ = now + one_ms * limits::load_await_end_ms;
        quiet_since_ = now;
    }
    return now >= finish_by_ || now - quiet_since_ >= quiet_for;
}

void event_listener::take_requests(std::size_t worker, mono_time now) {
    auto& from = workers_[worker];
    if (from.gone || !from.readable) {
        return;
    }
    const auto first = worker * users_per_worker_;
    const bool there = from.channel.receive([&](std::string_view frame) {
        each_row<await_request>(frame, [&](const await_request& what) {
            const auto who = static_cast<await_window::waiter_index>(first + what.user);
            if (what.what != await_request::kind::begin) {
                window_.end(who, what.serial, what.what == await_request::kind::timed_out, now);
                return;
            }
            const auto step = static_cast<step_index>(what.step);
            const auto since =
                what.since_ns == INT64_MIN ? std::nullopt : std::optional(mono_time(nanoseconds(what.since_ns)));
            if (const auto came = window_.begin(who, {what.serial, step, since}, what.key, now)) {
                answer(who, what.serial, step, *came);
            }
        });
    });
    if (!there) {
        forget_worker(worker, now);
    }
}

void event_listener::forget_worker(std::size_t worker, mono_time now) {
    workers_[worker].gone = true;
    workers_[worker].channel.close();
    for (std::size_t user = 0; user < users_per_worker_; ++user) {
        window_.forget(static_cast<await_window::waiter_index>(worker * users_per_worker_ + user), now);
    }
}

bool event_listener::read_events() {
    const auto events_before = state_.events;
    mono_time at{};
    const auto count = reader_.read(
        limits::load_await_events_at_once, [&] { at = clock_now(); },
        [&](std::size_t topic, const rd_kafka_message_t& message) { take_event(topic, message, at); });
    if (count > 0) {
        quiet_since_ = clock_now();
    }
    if (state_.events != events_before) {
        state_.lag_max = std::max(state_.lag_max, at - busy_since_);
    }
    return count == limits::load_await_events_at_once;
}

void event_listener::take_event(std::size_t topic, const rd_kafka_message_t& message, mono_time at) {
    ++state_.events;
    if (indexer_.keys(topic, event_view(message), keys_) == event_indexer::reading::no_json) {
        ++state_.no_json;
    }
    for (const auto& key : keys_) {
        window_.event_came(key, at, [&](await_window::waiter_index who, std::uint32_t serial, step_index step) {
            answer(who, serial, step, at);
        });
    }
}

void event_listener::answer(await_window::waiter_index who, std::uint32_t serial, step_index step, mono_time arrived) {
    const auto user = static_cast<std::uint32_t>(who % users_per_worker_);
    append_row(workers_[who / users_per_worker_].answers,
               await_answer{arrived.time_since_epoch().count(), user, serial, step, 0});
}

void event_listener::send_answers() {
    for (auto& each : workers_) {
        if (!each.gone && !each.answers.empty()) {
            each.channel.post(each.answers); // a worker that has gone shows when it is read from
        } else if (!each.gone && each.channel.has_unsent()) {
            each.channel.flush();
        }
        each.answers.clear();
    }
}

} // namespace cb::load
