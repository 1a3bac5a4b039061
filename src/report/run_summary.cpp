// SPDX-License-Identifier: Apache-2.0
#include "report/run_summary.hpp"

#include <algorithm>

namespace cb::report {
namespace {

/// How many seconds of a range anything is known of.
double length_of(const runstore::second_range& range, std::int64_t last_at_ms) {
    const auto last = static_cast<double>(last_at_ms) / 1000;
    return std::max(0.0, std::min(static_cast<double>(range.to), last) - static_cast<double>(range.from));
}

template <class Value>
result<void> keep(Value& where, result<Value> what) {
    CB_TRY(what);
    where = std::move(*what);
    return {};
}

result<std::vector<phase_summary>> summarize_phases(runstore::run_reader& run, std::int64_t last_at_ms) {
    auto phases = run.phases();
    CB_TRY(phases);
    std::vector<phase_summary> out;
    for (auto& each : *phases) {
        const auto seconds = runstore::seconds_of(each);
        auto steps = run.step_totals({seconds});
        CB_TRY(steps);
        out.push_back({std::move(each), length_of(seconds, last_at_ms), std::move(*steps)});
    }
    return out;
}

} // namespace

result<run_summary> summarize(runstore::run_reader& run) {
    run_summary out;
    CB_TRY(keep(out.facts, run.facts()));
    const auto judged = run.judged_seconds();
    CB_TRY(judged);
    for (const auto& each : *judged) {
        out.judged_seconds += length_of(each, out.facts.last_at_ms);
    }
    CB_TRY(keep(out.steps, run.step_totals(*judged)));
    CB_TRY(keep(out.errors, run.error_totals(*judged)));
    CB_TRY(keep(out.phases, summarize_phases(run, out.facts.last_at_ms)));
    CB_TRY(keep(out.instances, run.instances()));
    CB_TRY(keep(out.rules, run.rule_counts()));
    CB_TRY(keep(out.checks, run.checks()));
    CB_TRY(keep(out.notes, run.notes()));
    return out;
}

std::string why_no_verdict(const run_summary& run) {
    if (run.facts.verdict) {
        return {};
    }
    if (!run.facts.ended_at_ms) {
        return "the run has not ended: it goes on, or it was killed";
    }
    return run.checks.empty() ? "" : "the run ended without judging its checks";
}

} // namespace cb::report
