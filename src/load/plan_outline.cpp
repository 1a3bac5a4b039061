// SPDX-License-Identifier: Apache-2.0
#include "load/plan_outline.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <boost/math/special_functions/erf.hpp>

#include "base/random.hpp"

namespace cb::load {
namespace {

using verb = injection_step::verb;

double seconds(nanoseconds time) { return static_cast<double>(time.count()) / 1e9; }

/// The steepest place of the error function that stress_peak_users follows: its middle.
double bell_peak(double users, double during_s) {
    const auto reach = std::abs(boost::math::erf_inv(2 / (users + 2) - 1));
    return (users + 2) * 2 * reach / (std::sqrt(std::numbers::pi) * during_s);
}

/// Users of the busiest second.
double peak_of(const injection_step& step) {
    const auto length_s = std::max(seconds(step.during), 1.0);
    switch (step.what) {
    case verb::at_once_users: return step.from;
    case verb::ramp_users: return step.from / length_s;
    case verb::constant_users_per_sec: return step.from;
    case verb::ramp_users_per_sec: return std::max(step.from, step.to);
    case verb::stress_peak_users: return std::min(step.from, bell_peak(step.from, length_s));
    default: return 0;
    }
}

double own_peak(const injection_plan& plan) {
    double out = 0;
    for (const auto& step : plan.steps) {
        out = std::max(out, peak_of(step));
    }
    return out;
}

} // namespace

plan_outline outline(const workload& work) {
    plan_outline out;
    const auto count = work.programs.size();
    std::vector<double> peaks(count);
    std::vector<double> followers_peak(count);
    std::vector<nanoseconds> ends(count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto& each = work.programs[i];
        peaks[i] = own_peak(each.arrivals);
        ends[i] = each.arrivals.length() + (each.after ? ends[*each.after] : nanoseconds(0));
        out.length = std::max(out.length, ends[i]);
        out.all_closed = out.all_closed && each.arrivals.closed;
    }
    // Who follows stands below whom it follows: from the last to the first each has all of its followers.
    for (std::size_t i = count; i-- > 0;) {
        const auto peak = std::max(peaks[i], followers_peak[i]);
        (work.programs[i].after ? followers_peak[*work.programs[i].after] : out.peak_users_per_s) += peak;
    }
    return out;
}

arrival_schedule schedule_of(const workload& work, std::uint16_t which) {
    return {work.programs[which].arrivals, hash_join(work.seed, which)};
}

} // namespace cb::load
