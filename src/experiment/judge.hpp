// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "experiment/run_evidence.hpp"
#include "runstore/run_records.hpp"

namespace cb::experiment {

/// Decides one check. `audit` is what its command said, for the kind that has one.
result<runstore::check_result> decide(const check& what, const run_evidence& of, const audit_answer* audit);

/// What makes a run inconclusive whatever its checks say: a fault that never fired, a generator that is not to be
/// trusted, a baseline that was never steady, an end before its time. A sentence each.
result<std::vector<std::string>> doubts(const experiment& about, const run_evidence& of);

/// passed: every check held and there are no doubts. failed: a check did not hold, and the doubts do not say that what
/// was measured cannot be trusted. inconclusive: everything else. The weightiest reason first.
runstore::run_verdict conclude(const std::vector<runstore::check_result>& checks,
                               const std::vector<std::string>& doubts);

/// Notes that parts of a run leave for the judge, by kind.
inline constexpr const char* note_distrust = "distrust"; ///< of the load generator: its figures cannot be trusted
inline constexpr const char* note_aborted = "abort";     ///< the run ended before its time
inline constexpr const char* note_unwell = "unwell";     ///< the system was not well at the end

} // namespace cb::experiment
