// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/clock.hpp"
#include "load/injection.hpp"
#include "load/program.hpp"

namespace cb::load {

/// What can be said of a run before it: for people, and for showing how far it is.
struct plan_outline {
    double peak_users_per_s = 0; ///< that come; of drawn arrivals the mean. 0 when all scenarios are closed
    nanoseconds length{0};       ///< while users come. Of scenarios that follow others the least that it can be
    bool all_closed = true;
};
plan_outline outline(const workload& work);

/// When the users of an open scenario come, counted from its beginning.
arrival_schedule schedule_of(const workload& work, std::uint16_t which);

} // namespace cb::load
