// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "experiment/experiment_file.hpp"
#include "load/step_recorder.hpp"
#include "runstore/run_reader.hpp"

namespace cb::experiment {

/// What a command said that was run for a check.
struct audit_answer {
    std::optional<int> exit_code; ///< nothing: it could not be started, or did not end in time
    std::optional<boost::json::value> said;
    std::string trouble;
};

/// What is known when the checks are decided: the run's folder, read once. Errors are of reading.
class run_evidence {
public:
    static result<run_evidence> read(runstore::run_reader& run);

    /// Seconds of the phases of these names; of none, of all that are judged.
    [[nodiscard]] std::vector<runstore::second_range> seconds_of(const std::vector<std::string>& phases) const;
    [[nodiscard]] nanoseconds length_of(const std::vector<runstore::second_range>& ranges) const;
    /// What was measured of a step, or of all of them, in these seconds.
    [[nodiscard]] result<load::step_interval> steps(const std::string& step,
                                                    const std::vector<runstore::second_range>& ranges) const;

    /// Of each second of a range: p95 of the response of all steps in milliseconds, and the share of failed ones.
    /// Nothing in seconds in which no step ended.
    struct second_quality {
        std::optional<double> p95_ms;
        std::optional<double> failed_share;
    };
    [[nodiscard]] result<std::vector<second_quality>> quality(const runstore::second_range& range) const;

    [[nodiscard]] const std::vector<runstore::run_phase>& phases() const { return phases_; }
    [[nodiscard]] const std::vector<runstore::known_instance>& instances() const { return instances_; }
    [[nodiscard]] const std::vector<runstore::run_note>& notes() const { return notes_; }
    [[nodiscard]] const std::vector<runstore::rule_count>& rules() const { return rules_; }
    [[nodiscard]] std::int64_t last_second() const { return last_second_; }

private:
    explicit run_evidence(runstore::run_reader& run) : run_(&run) {}

    runstore::run_reader* run_; ///< outlives this
    std::vector<runstore::run_phase> phases_;
    std::vector<runstore::known_instance> instances_;
    std::vector<runstore::run_note> notes_;
    std::vector<runstore::rule_count> rules_;
    std::int64_t last_second_ = 0; ///< the first of which nothing is known
};

} // namespace cb::experiment
