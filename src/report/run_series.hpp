// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "runstore/run_reader.hpp"

/// What a run did over time, in as many points as a page can draw. Plain values, read in one pass each; where several
/// seconds become one point, histograms are merged and samples keep their least and most.
namespace cb::report {

/// Response of the requests that ended in a bucket, in microseconds; -1 where none did.
struct latency_points {
    std::vector<std::int64_t> p50, p95, p99, max;
};

struct step_line {
    std::string scenario; ///< both empty: all steps together
    std::string step;
    std::vector<std::uint64_t> count;
    std::vector<std::uint64_t> failed;
    latency_points response;
};

/// Counts that are mostly zero: only the buckets that have some.
struct sparse_counts {
    std::vector<std::int64_t> bucket;
    std::vector<std::uint64_t> count;

    void add(std::int64_t at, std::uint64_t more);
};

struct error_line {
    std::string scenario; ///< both empty: of no step
    std::string step;
    std::string kind;
    sparse_counts counts;
};

struct user_line {
    std::string state;
    std::vector<double> mean; ///< -1 where nobody counted
};

struct rule_line {
    std::string rule;
    std::string effect;
    sparse_counts counts;
};

/// What load did, in buckets of whole seconds from the start of the run.
struct load_lines {
    std::int64_t bucket_s = 1;
    std::size_t buckets = 0;
    std::vector<step_line> steps; ///< the first is all of them; then the busiest
    std::vector<error_line> errors;
    std::vector<user_line> users;
    std::vector<rule_line> rules; ///< ledger entries
    std::size_t steps_left_out = 0;
    std::size_t errors_left_out = 0;
};

/// One metric of one instance. With `bucket_ms` 1 every sample as it was; otherwise a point a bucket that has samples.
struct sample_line {
    std::size_t instance = 0; ///< its place among the instances of the summary
    std::string metric;
    std::string unit;
    std::int64_t bucket_ms = 1;
    std::vector<std::int64_t> at; ///< in units of `bucket_ms`
    std::vector<double> mean, least, most;
};

struct sample_lines {
    std::vector<sample_line> lines;
    std::size_t left_out = 0; ///< lines
};

struct seen_witness {
    runstore::witness what;
    std::string scenario;
    std::string step;
};

struct run_series {
    load_lines load;
    sample_lines samples;
    std::vector<seen_witness> witnesses;
    std::vector<runstore::ledger_row> ledger; ///< the first of each rule
    std::uint64_t ledger_entries = 0;         ///< that the run holds
    std::uint64_t witnesses_kept = 0;         ///< that the run holds
    std::string source;                       ///< the file that the run was made from, or its beginning
    bool source_is_cut = false;
};

result<run_series> read_series(runstore::run_reader& run, const runstore::run_facts& facts,
                               const std::vector<runstore::known_instance>& instances);

} // namespace cb::report
