// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/strong_id.hpp"
#include "metrics/hdr_histogram.hpp"

/// What a run is made of, as plain values. Times are since the run's start on its one monotonic clock: `at_ms`, or
/// `second` for [second, second + 1). Latencies are nanoseconds.
namespace cb::runstore {

using step_id = strong_id<std::int64_t, struct step_id_tag>;
using instance_id = strong_id<std::int64_t, struct instance_id_tag>;
using metric_id = strong_id<std::int64_t, struct metric_id_tag>;

struct run_description {
    std::string title;
    std::string kind; ///< "load", "experiment", "watch"
    std::string hypothesis;
    std::uint64_t seed = 0;
    std::string command_line; ///< that does it again; secrets redacted by whoever knows them
    std::string source_file;  ///< the name of the file that it was made from
    std::string host;
    wall_time_ms started_ms = 0;                               ///< the wall clock at the start, for people
    std::int64_t started_mono_ns = 0;                          ///< the monotonic clock at the start
    std::vector<std::pair<std::string, std::string>> versions; ///< of what took part
};

struct run_phase {
    std::string name;
    std::int64_t start_at_ms = 0;
    std::optional<std::int64_t> end_at_ms; ///< not yet, or the run was killed in it
    bool judged = true;                    ///< false: warm-up; shown, not in the totals
};

/// A latency in the four senses of which a step has a histogram each. `failed` is the response of failed requests,
/// which are in `response` as well.
enum class latency_series : std::uint8_t { response, service, slip, failed };
constexpr latency_series all_series[] = {latency_series::response, latency_series::service, latency_series::slip,
                                         latency_series::failed};
std::string_view to_string(latency_series series) noexcept;

/// What one step did in one second. The histograms are the caller's; null or empty: nothing to keep.
struct step_second {
    step_id step;
    std::uint64_t count = 0; ///< ended in this second, failed ones included
    std::uint64_t failed = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    const metrics::hdr_histogram* response = nullptr;
    const metrics::hdr_histogram* service = nullptr;
    const metrics::hdr_histogram* slip = nullptr;
    const metrics::hdr_histogram* failed_response = nullptr;
};

struct error_second {
    std::optional<step_id> step; ///< none: of the run, a connection that could not be made before any step
    std::string kind;            ///< a fixed phrase: "connection refused", "status 503"
    std::uint64_t count = 0;
};

/// One request, kept as evidence.
struct witness {
    std::int64_t at_ms = 0;
    step_id step;
    std::int64_t user = 0;
    std::string kind; ///< of its error; empty: it was slow
    std::int64_t response_ns = 0;
    std::string detail;
};

/// What became of the events that one step awaits, in one second. Below zero in a second that takes one back.
struct await_second {
    step_id step;
    std::int64_t came = 0;
    std::int64_t missing = 0;
    std::int64_t doubled = 0;
    std::int64_t late = 0;
    std::int64_t early = 0;
};

struct users_in_state {
    std::string state; ///< "waiting", "requesting", "awaiting" …
    std::int64_t count = 0;
};

/// Everything that a load generator has to say of one second.
struct load_second {
    std::int64_t second = 0;
    std::vector<step_second> steps;
    std::vector<error_second> errors;
    std::vector<witness> witnesses;
    std::vector<users_in_state> users;
    std::vector<await_second> awaits;
};

/// One replica, from its start to its end; a restart is another one. What has no process is one as well: a consumer
/// group, a host.
struct instance_description {
    std::string service;
    std::string name;     ///< for people: pod, container, pid
    std::string identity; ///< tells it from every other of the service, its start time included
    std::int64_t seen_at_ms = 0;
    std::string detail;
};

struct sample {
    std::int64_t at_ms = 0;
    instance_id instance;
    metric_id metric;
    double value = 0;
};

struct death {
    instance_id instance;
    std::int64_t at_ms = 0;
    std::optional<int> exit_code;
    std::optional<int> signal;
    std::string cause;    ///< "out of memory", "exited", "killed", "unknown" …
    std::string evidence; ///< what proves the cause
};

/// A ledger entry of a broker; `json` is its line as the ledger writes it.
struct ledger_row {
    std::uint64_t sequence = 0;
    wall_time_ms time_ms = 0;
    std::string rule;
    std::string effect;
    std::string state;
    std::string topic;
    std::optional<std::int32_t> partition;
    std::string json;
};

/// The exact counters of a rule, which never drop.
struct rule_count {
    std::string rule;
    std::string effect;
    std::uint64_t matched = 0;
    std::uint64_t injected = 0;
    std::uint64_t skipped = 0;
};

enum class outcome : std::uint8_t { passed, failed, inconclusive };
std::string_view to_string(outcome value) noexcept;
std::optional<outcome> parse_outcome(std::string_view text) noexcept;

struct check_result {
    std::string name;  ///< as the file says it: "latency of announce a good"
    std::string phase; ///< empty: of the whole run
    std::string expected;
    std::string found;
    outcome result = outcome::inconclusive;
    std::string reason; ///< of an inconclusive one
};

struct run_verdict {
    outcome value = outcome::inconclusive;
    std::vector<std::string> reasons; ///< the weightiest first
};

struct run_note {
    std::int64_t at_ms = 0;
    std::string kind; ///< "action", "abort", "gap" …
    std::string text;
};

} // namespace cb::runstore
