// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "load/load_run.hpp"
#include "load/program.hpp"

namespace cb::load {

/// What a check of the run came to.
struct check_finding {
    enum class outcome : std::uint8_t {
        held,
        broken,
        undecided, ///< there was nothing to look at
    };
    std::string name;     ///< "latency p99 of front page"
    std::string expected; ///< "< 250ms"
    std::string found;    ///< "31.2ms"; empty when undecided
    outcome result = outcome::undecided;
    std::string reason; ///< of an undecided one
    std::string phases; ///< that it was about, "steady"; empty: all that are judged
};

/// Decides the workload's checks at the end of a run, in the order of the file. `by_phase`: as workload::phases; empty
/// when it has none. No clock, no sockets.
std::vector<check_finding> decide_checks(const workload& work, const merged_seconds& totals,
                                         const std::vector<merged_seconds>& by_phase, nanoseconds length);

/// One check over what was measured in `length`, whatever its step and phases are called.
check_finding decide_check(const run_check& check, const step_interval& steps, nanoseconds length);

/// All steps together. Groups are left out: they are made of steps that are counted already.
step_interval sum_of_steps(const workload& work, const merged_seconds& of);

} // namespace cb::load
