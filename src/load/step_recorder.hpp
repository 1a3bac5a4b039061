// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "load/program.hpp"
#include "metrics/hdr_histogram.hpp"

namespace cb::load {

/// What became of one step over some time. Latencies of failed steps are among `response`; `failed` are those alone.
struct step_interval {
    metrics::hdr_histogram response;
    metrics::hdr_histogram service;
    metrics::hdr_histogram slip;
    metrics::hdr_histogram failed;
    std::uint64_t sent_bytes = 0;
    std::uint64_t received_bytes = 0;
    std::uint64_t repeated = 0; ///< requests sent again because an idle connection had been closed meanwhile
    /// Of awaits; no errors of the step. Below zero in a second that takes one back: what seemed to be a double turned
    /// out to be what a later await of the same value waited for.
    std::int64_t doubled = 0; ///< further events of a value that had its answer
    /// Events that came after their await had timed out; of a produce step, messages that Kafka took after that.
    std::int64_t late = 0;
    std::int64_t early = 0; ///< the event was there before its await began, and `since` is not given: response is 0

    explicit step_interval(int digits);
    [[nodiscard]] bool empty() const {
        return response.empty() && sent_bytes == 0 && received_bytes == 0 && !has_extras();
    }
    [[nodiscard]] bool has_extras() const { return doubled != 0 || late != 0 || early != 0; }
    void merge(const step_interval& other);
    void reset();
};

/// Significant digits of every latency that is kept: an error of 0.1 %.
constexpr int latency_digits = 3;

/// Errors that belong to no step, as a user who finds no room.
constexpr step_index no_step = 0xffff;

/// A kind of error of a step: few of each, whatever the answers hold.
using error_key = std::pair<step_index, std::string>;

/// One request, kept as evidence.
struct step_witness {
    step_index step = 0;
    std::uint64_t user = 0;
    std::int64_t at_ns = 0; ///< of its end, since the run's start
    std::int64_t response_ns = 0;
    std::string kind;   ///< of its error; empty: it was slow
    std::string detail; ///< for people
};

/// What a worker measures between two reports. Owner: the worker; its thread.
class step_recorder {
public:
    explicit step_recorder(std::size_t steps);

    /// A step has ended. Nanoseconds; `service_ns` below zero: nothing was sent.
    void ended(step_index step, std::int64_t response_ns, std::int64_t service_ns, std::int64_t slip_ns, bool failed);
    /// Why it failed.
    void error(step_index step, std::string_view kind);
    /// A step has ended, and may be kept: the first failures of each kind, and the slowest of those that went well.
    /// `what` makes the witness when it is.
    template <class Make>
    void offer_witness(std::int64_t response_ns, std::string_view kind, Make&& what) {
        if (kind.empty() ? is_among_slowest(response_ns) : is_news(kind)) {
            keep(what());
        }
    }
    void sent(step_index step, std::size_t bytes) { steps_[step].sent_bytes += bytes; }
    void received(step_index step, std::size_t bytes) { steps_[step].received_bytes += bytes; }
    void repeated(step_index step) { ++steps_[step].repeated; }
    void late(step_index step) { ++steps_[step].late; }
    void early(step_index step) { ++steps_[step].early; }

    [[nodiscard]] const std::vector<step_interval>& steps() const { return steps_; }
    [[nodiscard]] const std::map<error_key, std::uint64_t, std::less<>>& errors() const { return errors_; }
    [[nodiscard]] std::vector<step_witness> witnesses() const;
    /// After a report.
    void begin_anew();

private:
    [[nodiscard]] bool is_among_slowest(std::int64_t response_ns) const {
        return slow_.size() < limits::load_witnesses_per_second || response_ns > slow_.front().response_ns;
    }
    [[nodiscard]] bool is_news(std::string_view kind) const;
    void keep(step_witness what);

    std::vector<step_interval> steps_;
    std::vector<step_witness> slow_; ///< a heap, the fastest of them first
    std::vector<step_witness> failed_;
    std::map<error_key, std::uint64_t, std::less<>> errors_;
};

} // namespace cb::load
