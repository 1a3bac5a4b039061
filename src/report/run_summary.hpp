// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "runstore/run_reader.hpp"

namespace cb::report {

struct phase_summary {
    runstore::run_phase phase;
    double seconds = 0; ///< that it lasted; of one that was not ended, up to the last moment of which anything is known
    std::vector<runstore::step_total> steps;
};

/// What all faces of a run show: read once, so that they agree.
struct run_summary {
    runstore::run_facts facts;
    double judged_seconds = 0;                 ///< what rates are divided by
    std::vector<runstore::step_total> steps;   ///< over the judged phases
    std::vector<runstore::error_total> errors; ///< over the judged phases, the most frequent first
    std::vector<phase_summary> phases;
    std::vector<runstore::known_instance> instances;
    std::vector<runstore::rule_count> rules;
    std::vector<runstore::check_result> checks;
    std::vector<runstore::run_note> notes;
};

result<run_summary> summarize(runstore::run_reader& run);

/// Why a run has no verdict, or an empty text when it has one or needs none.
std::string why_no_verdict(const run_summary& run);

} // namespace cb::report
