// SPDX-License-Identifier: Apache-2.0
#include "experiment/run_evidence.hpp"

#include <algorithm>

namespace cb::experiment {

result<run_evidence> run_evidence::read(runstore::run_reader& run) {
    run_evidence out(run);
    auto phases = run.phases();
    CB_TRY(phases);
    out.phases_ = std::move(*phases);
    auto instances = run.instances();
    CB_TRY(instances);
    out.instances_ = std::move(*instances);
    auto notes = run.notes();
    CB_TRY(notes);
    out.notes_ = std::move(*notes);
    auto rules = run.rule_counts();
    CB_TRY(rules);
    out.rules_ = std::move(*rules);
    const auto facts = run.facts();
    CB_TRY(facts);
    out.last_second_ = (facts->last_at_ms + 999) / 1000;
    return out;
}

std::vector<runstore::second_range> run_evidence::seconds_of(const std::vector<std::string>& phases) const {
    std::vector<runstore::second_range> out;
    for (const auto& each : phases_) {
        const bool named = std::find(phases.begin(), phases.end(), each.name) != phases.end();
        if (phases.empty() ? each.judged : named) {
            auto range = runstore::seconds_of(each);
            range.to = std::min(range.to, last_second_);
            if (range.from < range.to) {
                out.push_back(range);
            }
        }
    }
    return out;
}

nanoseconds run_evidence::length_of(const std::vector<runstore::second_range>& ranges) const {
    nanoseconds out{0};
    for (const auto& each : ranges) {
        out += std::chrono::seconds(each.to - each.from);
    }
    return out;
}

result<load::step_interval> run_evidence::steps(const std::string& step,
                                                const std::vector<runstore::second_range>& ranges) const {
    const auto totals = run_->step_totals(ranges);
    CB_TRY(totals);
    load::step_interval out(load::latency_digits);
    for (const auto& each : *totals) {
        if (step.empty() || each.name == step) {
            out.response.merge(each.response);
            out.service.merge(each.service);
            out.slip.merge(each.slip);
            out.failed.merge(each.failed_response);
        }
    }
    return out;
}

result<std::vector<run_evidence::second_quality>> run_evidence::quality(const runstore::second_range& range) const {
    std::vector<second_quality> out;
    for (auto second = range.from; second < std::min(range.to, last_second_); ++second) {
        const auto measured = steps("", {{second, second + 1}});
        CB_TRY(measured);
        second_quality each;
        if (const auto count = measured->response.count() + measured->response.out_of_range(); count > 0) {
            each.p95_ms = static_cast<double>(measured->response.value_at_percentile(95)) / 1e6;
            const auto failed = measured->failed.count() + measured->failed.out_of_range();
            each.failed_share = static_cast<double>(failed) / static_cast<double>(count);
        }
        out.push_back(each);
    }
    return out;
}

} // namespace cb::experiment
