// SPDX-License-Identifier: Apache-2.0
#include "load/run_checks.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <tuple>

#include <fmt/format.h>

namespace cb::load {
namespace {

using relation = condition::relation;

bool compare(double found, relation is, double limit) {
    switch (is) {
    case relation::equal: return found == limit;
    case relation::not_equal: return found != limit;
    case relation::less: return found < limit;
    case relation::less_or_equal: return found <= limit;
    case relation::greater: return found > limit;
    case relation::greater_or_equal: return found >= limit;
    case relation::exists: break;
    }
    return true;
}

/// Four digits, never an exponent.
std::string number(double value) {
    return fmt::format("{:.{}f}", value, value < 10 ? 3 : value < 100 ? 2 : value < 1000 ? 1 : 0);
}

struct measured {
    double value = 0;
    std::string text;
};

std::optional<measured> latency(const run_check& check, const step_interval& of) {
    if (of.response.empty()) {
        return std::nullopt;
    }
    const auto ns = check.percentile < 0 ? of.response.mean()
                                         : static_cast<double>(of.response.value_at_percentile(check.percentile));
    return measured{ns / 1e6, number(ns / 1e6) + "ms"};
}

std::optional<measured> measure(const run_check& check, const step_interval& of, nanoseconds length) {
    // What took longer than the histogram reaches was a step as well.
    const auto all = of.response.count() + of.response.out_of_range();
    const auto failed = of.failed.count() + of.failed.out_of_range();
    const auto count = static_cast<double>(all);
    switch (check.of) {
    case run_check::what::latency: return latency(check, of);
    case run_check::what::errors:
        if (all == 0) {
            return std::nullopt;
        }
        return measured{static_cast<double>(failed) / count,
                        fmt::format("{}% ({} of {})", number(100 * static_cast<double>(failed) / count), failed, all)};
    case run_check::what::rate: {
        if (length <= nanoseconds(0)) {
            return std::nullopt;
        }
        const auto rate = count / (static_cast<double>(length.count()) / 1e9);
        return measured{rate, number(rate) + "/s"};
    }
    case run_check::what::count: return measured{count, std::to_string(all)};
    }
    return std::nullopt;
}

/// "latency of announce a good: p99 < 250ms" in two: what is looked at, and what is expected of it.
std::pair<std::string, std::string> split(const run_check& check) {
    const auto colon = check.text.rfind(": ");
    if (colon == std::string::npos) {
        return {check.text, {}};
    }
    auto name = check.text.substr(0, colon);
    auto expected = check.text.substr(colon + 2);
    constexpr std::string_view latency_of = "latency of ";
    if (check.of == run_check::what::latency && name.starts_with(latency_of)) {
        const auto blank = expected.find(' ');
        name = "latency " + expected.substr(0, blank) + " of " + name.substr(latency_of.size());
        expected = expected.substr(blank + 1);
    }
    return {std::move(name), std::move(expected)};
}

step_interval steps_of(const workload& work, const run_check& check, const merged_seconds& of) {
    return check.step ? of.steps[*check.step] : sum_of_steps(work, of);
}

/// What a check is about.
struct evidence {
    step_interval steps{latency_digits};
    nanoseconds length{0};
    std::string phases;
};

evidence look_at(const workload& work, const run_check& check, const merged_seconds& totals,
                 const std::vector<merged_seconds>& by_phase, nanoseconds length) {
    evidence out;
    if (work.phases.empty()) {
        out.steps = steps_of(work, check, totals);
        // A run that was over at once has no rate, but it was.
        out.length = std::max(length, nanoseconds(1));
        return out;
    }
    for (std::size_t i = 0; i < work.phases.size(); ++i) {
        const auto& phase = work.phases[i];
        const bool named = std::find(check.phases.begin(), check.phases.end(), i) != check.phases.end();
        if (check.phases.empty() ? !phase.judged : !named) {
            continue;
        }
        const nanoseconds start = std::chrono::seconds(phase.start_s);
        const auto end = i + 1 < work.phases.size()
                             ? std::min<nanoseconds>(length, std::chrono::seconds(work.phases[i + 1].start_s))
                             : length;
        out.length += std::max(end - start, nanoseconds(0));
        out.steps.merge(steps_of(work, check, by_phase[i]));
        if (named) {
            out.phases += (out.phases.empty() ? "" : ", ") + phase.name;
        }
    }
    return out;
}

} // namespace

step_interval sum_of_steps(const workload& work, const merged_seconds& of) {
    step_interval out(latency_digits);
    for (std::size_t i = 0; i < of.steps.size(); ++i) {
        if (work.steps[i].what != measured_step::kind::group) {
            out.merge(of.steps[i]);
        }
    }
    return out;
}

check_finding decide_check(const run_check& check, const step_interval& steps, nanoseconds length) {
    check_finding made;
    std::tie(made.name, made.expected) = split(check);
    const auto found = length > nanoseconds(0) ? measure(check, steps, length) : std::nullopt;
    if (!found) {
        made.reason = "the step was never done";
        return made;
    }
    made.found = found->text;
    const bool holds = compare(found->value, check.is, check.limit);
    made.result = holds ? check_finding::outcome::held : check_finding::outcome::broken;
    return made;
}

std::vector<check_finding> decide_checks(const workload& work, const merged_seconds& totals,
                                         const std::vector<merged_seconds>& by_phase, nanoseconds length) {
    std::vector<check_finding> out;
    if (work.checks.empty()) {
        return out;
    }
    for (const auto& check : work.checks) {
        const auto looked_at = look_at(work, check, totals, by_phase, length);
        auto& made = out.emplace_back(decide_check(check, looked_at.steps, looked_at.length));
        made.phases = looked_at.phases;
        if (looked_at.length <= nanoseconds(0)) {
            made.reason = "the run ended before phase " + made.phases;
        }
    }
    return out;
}

} // namespace cb::load
