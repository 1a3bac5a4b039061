// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"

namespace cb::load {

/// One verb of `inject`, as Gatling 3.15 means it.
struct injection_step {
    enum class verb : std::uint8_t {
        nothing_for,
        at_once_users,
        ramp_users,
        constant_users_per_sec,
        ramp_users_per_sec,
        stress_peak_users,
        constant_concurrent_users, ///< closed from here on
        ramp_concurrent_users,
    };
    verb what = verb::nothing_for;
    double from = 0; ///< users, or users a second
    double to = 0;   ///< of ramps
    nanoseconds during{0};
};

/// When the users of a scenario come. The increment verbs are written out as the steps that they stand for.
struct injection_plan {
    bool closed = false;
    bool poisson = true; ///< arrivals of rates; uniform when not
    std::vector<injection_step> steps;

    [[nodiscard]] nanoseconds length() const;
    /// Users that come in all (open; the mean where the number is drawn), or the greatest number at once (closed).
    [[nodiscard]] std::uint64_t users() const;
};

/// The arrivals of an open plan in order, as offsets from its start. The same for the same seed; lazily made, so that
/// each worker can run through all of them and keep its share.
class arrival_schedule {
public:
    arrival_schedule(injection_plan plan, std::uint64_t seed);
    /// The next arrival, or nothing when the plan has ended.
    [[nodiscard]] std::optional<nanoseconds> next();

private:
    injection_plan plan_;
    random_source random_;
    std::size_t step_ = 0;
    nanoseconds step_began_{0};
    std::uint64_t index_ = 0; ///< arrivals of this step so far
    double position_ = 0;     ///< Poisson: the integral of the rate reached so far
};

/// How many users a closed plan wants at an offset from its start; nothing when it has ended.
[[nodiscard]] std::optional<std::uint64_t> concurrent_users_at(const injection_plan& plan, nanoseconds offset);

} // namespace cb::load
