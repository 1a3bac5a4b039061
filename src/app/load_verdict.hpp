// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "app/exit_code.hpp"
#include "load/load_run.hpp"
#include "load/program.hpp"
#include "load/run_checks.hpp"
#include "runstore/run_records.hpp"

namespace cb::app {

/// How a run came to its end.
struct load_ending {
    nanoseconds length{0};      ///< that it lasted
    nanoseconds plan_length{0}; ///< while users should have come
    bool cut_short = false;     ///< stopped by a person or a signal before the plan's end
};

/// CPU is judged of runs that last so long: a shorter one is mostly its beginning.
constexpr nanoseconds cpu_judged_from{5'000'000'000};

/// Why the figures are not to be trusted, a sentence each; empty: they are.
std::vector<std::string> reasons_for_distrust(const load::workload& work, const load::merged_seconds& totals,
                                              const load::run_state& state, const load_ending& ending);

/// For each step that awaits an event: how many came, and how many were missing, doubled, late or early. What a broker
/// that loses, doubles and delays has in its ledger is compared with these.
std::vector<std::string> await_outcomes(const load::workload& work, const load::merged_seconds& totals);

/// Inconclusive when there are such reasons or a check could not be decided, else what the checks say. A run without
/// checks of which no step succeeded has measured nothing: that is inconclusive too.
runstore::run_verdict judge(const load::workload& work, const load::merged_seconds& totals,
                            const std::vector<std::string>& distrust, const std::vector<load::check_finding>& findings);

exit_code exit_code_of(runstore::outcome verdict);
runstore::outcome outcome_of(load::check_finding::outcome found);

} // namespace cb::app
