// SPDX-License-Identifier: Apache-2.0
#include "load/joined_run.hpp"

#include <algorithm>

#include "load/own_use.hpp"

namespace cb::load {
namespace {

constexpr nanoseconds state_every{1'000'000'000};
constexpr nanoseconds memory_every{5'000'000'000};
constexpr int look_every_ms = 500;

mono_time clock_now() { return system_clock().now(); }

} // namespace

joined_run::joined_run(const workload& work, machine_workers& workers, frame_channel& to_relay)
    : work_(work),
      workers_(workers),
      to_relay_(to_relay),
      fates_(workers.ids().size()),
      cpu_at_start_ns_(thread_cpu_ns()) {}

void joined_run::send(bus_kind kind, std::string_view body) {
    over_ = !to_relay_.send(encode_frame(kind, body)) || over_;
}

bool joined_run::all(bool worker_fate::*what) const {
    return std::all_of(fates_.begin(), fates_.end(),
                       [what](const worker_fate& each) { return each.gone || each.*what; });
}

std::uint64_t joined_run::users_started() const {
    std::uint64_t out = 0;
    for (const auto& each : fates_) {
        out += each.started;
    }
    return out;
}

void joined_run::run() {
    prepared_message prepared;
    prepared.processes.assign(workers_.ids().begin(), workers_.ids().end());
    send(bus_kind::prepared, encode(prepared));
    while (!over_ && !all(&worker_fate::gone)) {
        std::vector<pollfd> watched{{to_relay_.descriptor(), POLLIN, 0}};
        workers_.watch(watched);
        ::poll(watched.data(), watched.size(), look_every_ms);
        if (watched.front().revents != 0) {
            take_orders();
        }
        workers_.take(std::span(watched).subspan(1), *this);
        if (workers_.listener() != nullptr && all(&worker_fate::last)) {
            workers_.listener()->finish();
        }
        tell_state(clock_now());
    }
    next_state_ = {};
    tell_state(clock_now());
    send(bus_kind::finished, {});
    while (!over_) { // until the run is
        pollfd watched{to_relay_.descriptor(), POLLIN, 0};
        ::poll(&watched, 1, -1);
        take_orders();
    }
}

void joined_run::take_orders() {
    const bool there = to_relay_.receive([this](std::string_view frame) {
        const auto [kind, body] = decode_frame(frame);
        if (kind != bus_kind::order) {
            return;
        }
        if (const auto what = decode_order(body)) {
            workers_.tell_all(*what);
        }
    });
    over_ = over_ || !there;
}

void joined_run::tell_state(mono_time now) {
    if (now < next_state_) {
        return;
    }
    next_state_ = now + state_every;
    machine_state_message out;
    out.cpu_ns = thread_cpu_ns() - cpu_at_start_ns_;
    if (workers_.listener() != nullptr) {
        out.listening = workers_.listener()->state();
    }
    if (now >= next_memory_) {
        next_memory_ = now + memory_every;
        for (const auto id : workers_.ids()) {
            out.memory_bytes.push_back(proportional_bytes(id).value_or(0));
        }
    }
    send(bus_kind::machine_state, encode(out));
}

void joined_run::worker_reported(std::size_t worker, std::string_view frame) {
    if (const auto report = decode_report(frame, work_.steps.size())) {
        fates_[worker].last = report->last;
        fates_[worker].started = report->started;
    }
    send(bus_kind::report, encode(report_message{static_cast<std::uint32_t>(worker), std::string(frame)}));
}

void joined_run::worker_ended(std::size_t worker, const std::string& how) {
    fates_[worker].gone = true;
    send(bus_kind::worker_ended, encode(worker_ended_message{static_cast<std::uint32_t>(worker), how}));
}

} // namespace cb::load
