// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace cb {

/// Nanoseconds on a clock that only goes forward. Deadlines and durations use this one.
using mono_time = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

/// Milliseconds since 1970, as Kafka writes timestamps. May jump; never used for deadlines.
using wall_time_ms = std::int64_t;

/// Time as a parameter. The pure modules (broker, fault) get one passed in, so that tests and simulations steer it.
class clock {
public:
    virtual ~clock() = default;
    [[nodiscard]] virtual mono_time now() const = 0;
    [[nodiscard]] virtual wall_time_ms wall_ms() const = 0;
};

/// The machine's clocks.
class system_clock final : public clock {
public:
    [[nodiscard]] mono_time now() const override;
    [[nodiscard]] wall_time_ms wall_ms() const override;
};

/// A clock that stands still until it is told to go on. Owner: a test or the simulator; one thread.
class manual_clock final : public clock {
public:
    [[nodiscard]] mono_time now() const override { return now_; }
    [[nodiscard]] wall_time_ms wall_ms() const override { return wall_ms_; }

    void advance(nanoseconds by) {
        now_ += by;
        remainder_ += by;
        const auto whole = std::chrono::duration_cast<milliseconds>(remainder_);
        wall_ms_ += whole.count();
        remainder_ -= whole;
    }

private:
    mono_time now_{std::chrono::seconds(1)};
    wall_time_ms wall_ms_ = 1'700'000'000'000;
    nanoseconds remainder_{0};
};

} // namespace cb
