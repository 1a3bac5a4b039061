// SPDX-License-Identifier: Apache-2.0
#include "load/injection.hpp"

#include <algorithm>
#include <cmath>

#include <boost/math/special_functions/erf.hpp>

namespace cb::load {
namespace {

using verb = injection_step::verb;

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::int64_t ms_per_s = 1000;
/// What a sum of rates may be short of a whole number and still be one: 0.1 + 0.2 is not 0.3.
constexpr double rounding_error = 1e-9;

double seconds(nanoseconds time) { return static_cast<double>(time.count()) / 1e9; }

/// The users of a rate's whole time: the area under it.
double area(const injection_step& step) {
    const double rate = step.what == verb::ramp_users_per_sec ? (step.from + step.to) / 2 : step.from;
    return rate * seconds(step.during);
}

/// How many users a step sends; of Poisson arrivals the mean. Gatling rounds a constant rate and cuts a ramp off.
std::uint64_t users_of(const injection_step& step) {
    switch (step.what) {
    case verb::at_once_users:
    case verb::ramp_users:
    case verb::stress_peak_users: return static_cast<std::uint64_t>(std::llround(step.from));
    case verb::constant_users_per_sec: return static_cast<std::uint64_t>(std::llround(area(step)));
    case verb::ramp_users_per_sec: return static_cast<std::uint64_t>(std::floor(area(step) + rounding_error));
    default: return 0;
    }
}

/// count * part / whole, rounded half up.
std::uint64_t share(std::uint64_t count, std::uint64_t part, std::uint64_t whole) {
    __extension__ using wide = unsigned __int128;
    return static_cast<std::uint64_t>((wide{2} * count * part + whole) / (wide{2} * whole));
}

/// The part, of so many equal ones, in which the user with this index comes when `count` users are shared out by
/// cumulative rounding: the first `part` for which share(count, part + 1, parts) > index.
std::uint64_t part_of(std::uint64_t index, std::uint64_t count, std::uint64_t parts) {
    __extension__ using wide = unsigned __int128;
    auto part = static_cast<std::uint64_t>((wide{2} * index + 1) * parts / (wide{2} * count));
    while (part > 0 && share(count, part, parts) > index) {
        --part;
    }
    while (share(count, part + 1, parts) <= index) {
        ++part;
    }
    return part;
}

/// Gatling: users are shared out over the seconds, and those of a second over its milliseconds. A last part of a
/// second, which Gatling cuts off, takes its share as well.
nanoseconds ramp_instant(const injection_step& step, std::uint64_t index, std::uint64_t count) {
    const auto length_ms = static_cast<std::uint64_t>(step.during.count() / ns_per_ms);
    if (length_ms == 0) {
        return nanoseconds(0);
    }
    const auto second_of = [&](std::uint64_t user) { return part_of(user, count, length_ms) / ms_per_s; };
    const auto users_before = [&](std::uint64_t second) {
        return share(count, std::min(second * ms_per_s, length_ms), length_ms);
    };
    const auto second = second_of(index);
    const auto first = users_before(second);
    const auto here = users_before(second + 1) - first;
    const auto slots = std::min<std::uint64_t>(ms_per_s, length_ms - second * ms_per_s);
    const auto slot = part_of(index - first, here, slots);
    return nanoseconds(static_cast<std::int64_t>((second * ms_per_s + slot) * ns_per_ms));
}

/// Gatling's stressPeakUsers: cumulatively the error function, so that the rate is a bell with its peak in the middle.
nanoseconds peak_instant(const injection_step& step, std::uint64_t index, std::uint64_t count) {
    const auto place = [&](std::uint64_t user) {
        return boost::math::erf_inv(2.0 * static_cast<double>(user) / static_cast<double>(count + 2) - 1);
    };
    const double first = std::abs(place(1));
    const double stretch = static_cast<double>(step.during.count() / ns_per_ms) / (2 * first);
    const double ms = stretch * (place(index + 1) + first);
    return nanoseconds(static_cast<std::int64_t>(ms) * ns_per_ms);
}

/// When the area under the rate reaches this: the inverse of rate * t, or of from * t + (to - from) * t^2 / (2 *
/// during).
nanoseconds rate_instant(const injection_step& step, double reached) {
    double at = 0;
    if (step.what == verb::constant_users_per_sec) {
        at = reached / step.from;
    } else if (reached > 0) {
        const double slope = (step.to - step.from) / seconds(step.during);
        const double root = std::sqrt(std::max(0.0, step.from * step.from + 2 * slope * reached));
        at = 2 * reached / (step.from + root); // without the difference of near numbers that the usual form has
    }
    return nanoseconds(std::min(static_cast<std::int64_t>(std::llround(at * 1e9)), step.during.count()));
}

bool is_rate(verb what) { return what == verb::constant_users_per_sec || what == verb::ramp_users_per_sec; }

} // namespace

nanoseconds injection_plan::length() const {
    nanoseconds out{0};
    for (const auto& step : steps) {
        out += step.during;
    }
    return out;
}

std::uint64_t injection_plan::users() const {
    std::uint64_t out = 0;
    for (const auto& step : steps) {
        if (closed) {
            const double most = step.what == verb::ramp_concurrent_users ? std::max(step.from, step.to) : step.from;
            out = std::max(out, static_cast<std::uint64_t>(most));
        } else {
            const bool drawn = poisson && is_rate(step.what);
            out += drawn ? static_cast<std::uint64_t>(std::llround(area(step))) : users_of(step);
        }
    }
    return out;
}

arrival_schedule::arrival_schedule(injection_plan plan, std::uint64_t seed) : plan_(std::move(plan)), random_(seed) {}

std::optional<nanoseconds> arrival_schedule::next() {
    for (; step_ < plan_.steps.size(); ++step_) {
        const auto& step = plan_.steps[step_];
        if (plan_.poisson && is_rate(step.what)) {
            // Gaps of mean 1 on the axis of users expected so far are a Poisson process of any rate on that of time.
            position_ += -std::log1p(-random_.unit());
            if (position_ < area(step)) {
                return step_began_ + rate_instant(step, position_);
            }
        } else if (const auto count = users_of(step); index_ < count) {
            const auto index = index_++;
            switch (step.what) {
            case verb::ramp_users: return step_began_ + ramp_instant(step, index, count);
            case verb::stress_peak_users: return step_began_ + peak_instant(step, index, count);
            case verb::at_once_users: return step_began_;
            default: return step_began_ + rate_instant(step, static_cast<double>(index) + 0.5);
            }
        }
        step_began_ += step.during;
        index_ = 0;
        position_ = 0;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> concurrent_users_at(const injection_plan& plan, nanoseconds offset) {
    nanoseconds began{0};
    for (const auto& step : plan.steps) {
        const auto into = offset - began;
        began += step.during;
        if (into > step.during) { // at the instant between two steps the earlier one still holds, as in Gatling
            continue;
        }
        if (step.what != verb::ramp_concurrent_users) {
            return static_cast<std::uint64_t>(step.from);
        }
        if (into == step.during) {
            return static_cast<std::uint64_t>(step.to);
        }
        const double slope = (step.to - step.from) / seconds(step.during);
        const auto whole_s = static_cast<double>(into.count() / ns_per_s);
        return static_cast<std::uint64_t>(step.from +
                                          std::trunc(slope * whole_s + std::copysign(rounding_error, slope)));
    }
    return std::nullopt;
}

} // namespace cb::load
