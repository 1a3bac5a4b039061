// SPDX-License-Identifier: Apache-2.0
#include "load/step_recorder.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace cb::load {

step_interval::step_interval(int digits)
    : response(metrics::latency_shape_ns(digits)),
      service(metrics::latency_shape_ns(digits)),
      slip(metrics::latency_shape_ns(digits)),
      failed(metrics::latency_shape_ns(digits)) {}

void step_interval::merge(const step_interval& other) {
    response.merge(other.response);
    service.merge(other.service);
    slip.merge(other.slip);
    failed.merge(other.failed);
    sent_bytes += other.sent_bytes;
    received_bytes += other.received_bytes;
    repeated += other.repeated;
    doubled += other.doubled;
    late += other.late;
    early += other.early;
}

void step_interval::reset() {
    response.reset();
    service.reset();
    slip.reset();
    failed.reset();
    sent_bytes = received_bytes = repeated = 0;
    doubled = late = early = 0;
}

step_recorder::step_recorder(std::size_t steps) {
    steps_.reserve(steps);
    for (std::size_t i = 0; i < steps; ++i) {
        steps_.emplace_back(latency_digits);
    }
}

void step_recorder::ended(step_index step, std::int64_t response_ns, std::int64_t service_ns, std::int64_t slip_ns,
                          bool failed) {
    auto& into = steps_[step];
    into.response.record(std::max<std::int64_t>(response_ns, 0));
    if (service_ns >= 0) {
        into.service.record(service_ns);
    }
    into.slip.record(std::max<std::int64_t>(slip_ns, 0));
    if (failed) {
        into.failed.record(std::max<std::int64_t>(response_ns, 0));
    }
}

void step_recorder::error(step_index step, std::string_view kind) {
    auto found = errors_.find(std::pair(step, std::string(kind)));
    if (found == errors_.end()) {
        const bool full = errors_.size() >= limits::load_error_kinds;
        found = errors_.try_emplace(error_key(step, full ? "other errors" : std::string(kind)), 0).first;
    }
    ++found->second;
}

void step_recorder::begin_anew() {
    for (auto& each : steps_) {
        each.reset();
    }
    errors_.clear();
    slow_.clear();
    failed_.clear();
}

namespace {

constexpr std::ptrdiff_t witnesses_of_one_kind = 5;

bool is_slower(const step_witness& a, const step_witness& b) { return a.response_ns > b.response_ns; }

} // namespace

bool step_recorder::is_news(std::string_view kind) const {
    return failed_.size() < limits::load_witnesses_per_second &&
           std::count_if(failed_.begin(), failed_.end(), [kind](const auto& each) { return each.kind == kind; }) <
               witnesses_of_one_kind;
}

void step_recorder::keep(step_witness what) {
    if (!what.kind.empty()) {
        failed_.push_back(std::move(what));
        return;
    }
    if (slow_.size() == limits::load_witnesses_per_second) {
        std::pop_heap(slow_.begin(), slow_.end(), is_slower);
        slow_.pop_back();
    }
    slow_.push_back(std::move(what));
    std::push_heap(slow_.begin(), slow_.end(), is_slower);
}

std::vector<step_witness> step_recorder::witnesses() const {
    auto out = failed_;
    out.insert(out.end(), slow_.begin(), slow_.end());
    return out;
}

} // namespace cb::load
