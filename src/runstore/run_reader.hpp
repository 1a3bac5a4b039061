// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "metrics/hdr_histogram.hpp"
#include "runstore/database.hpp"
#include "runstore/latency_log.hpp"
#include "runstore/run_folder.hpp"
#include "runstore/run_records.hpp"

namespace cb::runstore {

struct run_facts {
    run_description about;
    std::optional<std::int64_t> ended_at_ms; ///< nothing: it goes on, or was killed
    std::optional<run_verdict> verdict;
    std::int64_t last_at_ms = 0; ///< the last moment of which anything is known
};

/// Seconds of a run, [from, to).
struct second_range {
    std::int64_t from = 0;
    std::int64_t to = std::numeric_limits<std::int64_t>::max();
};
/// A second belongs to the phase that it begins in.
second_range seconds_of(const run_phase& phase);

/// A step over a range of seconds: histograms merged, never percentiles, in the shape in which they were written.
struct step_total {
    step_id step;
    std::string scenario;
    std::string name;
    std::uint64_t count = 0;
    std::uint64_t failed = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    metrics::hdr_histogram response{metrics::latency_shape_ns(3)};
    metrics::hdr_histogram service{metrics::latency_shape_ns(3)};
    metrics::hdr_histogram slip{metrics::latency_shape_ns(3)};
    metrics::hdr_histogram failed_response{metrics::latency_shape_ns(3)};

    [[nodiscard]] metrics::hdr_histogram& of(latency_series series);
};

struct error_total {
    std::string scenario;
    std::string step; ///< empty: of the run
    std::string kind;
    std::uint64_t count = 0;
};

struct known_instance {
    instance_id id;
    instance_description about;
    std::optional<death> end;
};

/// Reads a run, finished, under way or killed. Owner: who asks. Thread: one.
class run_reader {
public:
    /// Error: not_found; unsupported when it was written by a newer program; malformed.
    static result<run_reader> open(const run_folder& folder);

    [[nodiscard]] const run_folder& folder() const { return folder_; }
    result<run_facts> facts();
    result<std::vector<run_phase>> phases();
    /// The seconds that count: those of judged phases; without phases, all.
    result<std::vector<second_range>> judged_seconds();

    /// Steps that did something in any of the ranges, in the order in which they were made known.
    result<std::vector<step_total>> step_totals(const std::vector<second_range>& ranges);
    /// The most frequent first.
    result<std::vector<error_total>> error_totals(const std::vector<second_range>& ranges);
    result<std::vector<witness>> witnesses(std::size_t most);
    result<std::vector<known_instance>> instances();
    result<std::vector<rule_count>> rule_counts();
    result<std::vector<check_result>> checks();
    result<std::vector<run_note>> notes();

    /// For what is not asked for above: the documented tables and views.
    database& tables() { return file_; }

private:
    run_reader(run_folder folder, database file) : folder_(std::move(folder)), file_(std::move(file)) {}
    result<void> add_counts(const second_range& range, std::vector<step_total>& into);
    result<void> add_latencies(const second_range& range, std::vector<step_total>& into);

    run_folder folder_;
    database file_;
};

} // namespace cb::runstore
