// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "load/bus_messages.hpp"
#include "load/frame_channel.hpp"
#include "load/machine_workers.hpp"

namespace cb::load {

/// This machine's part of the run of another: its workers, their reports and the orders for them. Owner: the process of
/// a machine that has joined which is not on the bus; one thread, and those of the event listener.
class joined_run : private worker_audience {
public:
    joined_run(const workload& work, machine_workers& workers, frame_channel& to_relay);

    /// Says that they are prepared, and returns when all have gone and all was said, or when the run is over.
    void run();
    [[nodiscard]] std::uint64_t users_started() const;

private:
    struct worker_fate {
        bool last = false;
        bool gone = false;
        std::uint64_t started = 0;
    };

    void worker_reported(std::size_t worker, std::string_view frame) override;
    void worker_ended(std::size_t worker, const std::string& how) override;
    void send(bus_kind kind, std::string_view body);
    void take_orders();
    void tell_state(mono_time now);
    [[nodiscard]] bool all(bool worker_fate::*what) const;

    const workload& work_;
    machine_workers& workers_;
    frame_channel& to_relay_;
    std::vector<worker_fate> fates_;
    std::int64_t cpu_at_start_ns_;
    mono_time next_state_{};
    mono_time next_memory_{};
    bool over_ = false;
};

} // namespace cb::load
