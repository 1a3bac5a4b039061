// SPDX-License-Identifier: Apache-2.0
#include "experiment/judge.hpp"

#include <algorithm>
#include <set>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "analysis/recovery.hpp"
#include "analysis/trend.hpp"
#include "load/run_checks.hpp"

namespace cb::experiment {
namespace {

using runstore::check_result;
using runstore::outcome;

/// A second is back to normal when it stays so for as many in a row.
constexpr std::size_t recovered_for_s = 3;
/// A p95 up to half above the usual, or 5 ms, is nothing to speak of; nor is one failed step in a hundred.
constexpr double latency_slack = 1.5;
constexpr double latency_floor_ms = 5;
constexpr double failed_floor = 0.01;
/// A baseline that moves by more than this share, and not by chance, was not steady.
constexpr double steady_change = 0.5;
constexpr double steady_z = 3;
constexpr std::size_t steady_seconds = 10;

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& each : words) {
        out += (out.empty() ? "" : ", ") + each;
    }
    return out;
}

check_result undecided(const check& what, std::string reason) {
    return {what.name, joined(what.phases), what.expected, "", outcome::inconclusive, std::move(reason)};
}

check_result decided(const check& what, bool holds, std::string found) {
    return {what.name, joined(what.phases), what.expected, std::move(found), holds ? outcome::passed : outcome::failed,
            ""};
}

bool holds(double found, load::condition::relation is, double limit) {
    using relation = load::condition::relation;
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

result<check_result> decide_load(const check& what, const run_evidence& of) {
    const auto ranges = of.seconds_of(what.phases);
    const auto measured = of.steps(what.step, ranges);
    CB_TRY(measured);
    const auto found = load::decide_check(what.measure, *measured, of.length_of(ranges));
    using finding = load::check_finding::outcome;
    return check_result{found.name,
                        joined(what.phases),
                        found.expected,
                        found.found,
                        found.result == finding::held     ? outcome::passed
                        : found.result == finding::broken ? outcome::failed
                                                          : outcome::inconclusive,
                        ranges.empty() ? "the run ended before that" : found.reason};
}

double measure_ms(const load::step_interval& of, double percentile) {
    return (percentile < 0 ? of.response.mean() : static_cast<double>(of.response.value_at_percentile(percentile))) /
           1e6;
}

result<check_result> decide_compare(const check& what, const run_evidence& of) {
    const auto before = of.steps(what.step, of.seconds_of({what.baseline}));
    CB_TRY(before);
    auto phases = what.phases;
    if (phases.empty()) {
        for (const auto& each : of.phases()) {
            if (each.judged && each.name != what.baseline) {
                phases.push_back(each.name);
            }
        }
    }
    const auto during = of.steps(what.step, of.seconds_of(phases));
    CB_TRY(during);
    if (before->response.empty() || during->response.empty()) {
        return undecided(what,
                         "nothing was measured in " + (before->response.empty() ? what.baseline : joined(phases)));
    }
    const double usual = measure_ms(*before, what.measure.percentile);
    const double found = measure_ms(*during, what.measure.percentile);
    const double times = usual > 0 ? found / usual : 0;
    return decided(what, holds(times, what.measure.is, what.measure.limit),
                   fmt::format("{:.2f}x ({:.1f} ms, {} {:.1f} ms)", times, found, what.baseline, usual));
}

std::vector<double> present(const std::vector<run_evidence::second_quality>& seconds,
                            std::optional<double> run_evidence::second_quality::*which) {
    std::vector<double> out;
    for (const auto& each : seconds) {
        if (each.*which) {
            out.push_back(*(each.*which));
        }
    }
    return out;
}

std::vector<std::optional<double>> column(const std::vector<run_evidence::second_quality>& seconds,
                                          std::optional<double> run_evidence::second_quality::*which) {
    std::vector<std::optional<double>> out;
    for (const auto& each : seconds) {
        out.push_back(each.*which);
    }
    return out;
}

result<check_result> decide_recovery(const check& what, const run_evidence& of) {
    const auto baseline = of.seconds_of({what.baseline});
    const auto fault = of.seconds_of({what.after});
    if (baseline.empty() || fault.empty()) {
        return undecided(what, "the run ended before that");
    }
    const auto usual = of.quality(baseline.front());
    CB_TRY(usual);
    const auto after = of.quality({fault.back().to, of.last_second()});
    CB_TRY(after);
    const auto latency =
        analysis::band_of(present(*usual, &run_evidence::second_quality::p95_ms), latency_slack, latency_floor_ms);
    const auto failed =
        analysis::band_of(present(*usual, &run_evidence::second_quality::failed_share), 1, failed_floor);
    if (after->size() < recovered_for_s) {
        return undecided(what, "nothing was measured after " + what.after);
    }
    const auto latency_s =
        analysis::seconds_to_recover(column(*after, &run_evidence::second_quality::p95_ms), latency, recovered_for_s);
    const auto failed_s = analysis::seconds_to_recover(column(*after, &run_evidence::second_quality::failed_share),
                                                       failed, recovered_for_s);
    const auto bands = fmt::format("p95 up to {:.1f} ms and {:.1f} % failed are usual in {}", latency.most,
                                   100 * failed.most, what.baseline);
    if (!latency_s || !failed_s) {
        const auto seen = std::chrono::seconds(after->size());
        if (seen < what.within) {
            return undecided(what, fmt::format("only {} s were measured after {}", after->size(), what.after));
        }
        return decided(what, false, fmt::format("not within the {} s that were measured; {}", after->size(), bands));
    }
    const auto needed = std::max(*latency_s, *failed_s);
    return decided(what, std::chrono::seconds(needed) <= what.within, fmt::format("{} s; {}", needed, bands));
}

result<check_result> decide_audit(const check& what, const audit_answer* audit) {
    if (audit == nullptr || !audit->exit_code || !audit->said) {
        return undecided(what, audit == nullptr ? "the audit was not made" : audit->trouble);
    }
    const auto* said = audit->said->if_object();
    bool all = true;
    std::string found;
    for (const auto& [name, wanted] : what.expect.as_object()) {
        const auto* value = said != nullptr ? said->if_contains(name) : nullptr;
        if (value == nullptr) {
            return undecided(what, "the audit says nothing of " + std::string(name));
        }
        // 0 may have been parsed as either kind of integer.
        const bool same = *value == wanted || (value->is_number() && wanted.is_int64() &&
                                               value->to_number<double>() == static_cast<double>(wanted.get_int64()));
        all = all && same;
        if (!same) {
            found += (found.empty() ? "" : ", ") + std::string(name) + " " + boost::json::serialize(*value);
        }
    }
    if (what.expect.as_object().empty()) {
        all = *audit->exit_code == 0;
        found = "exit code " + std::to_string(*audit->exit_code);
    }
    return decided(what, all, all && found.empty() ? "as expected" : found);
}

result<check_result> decide_counted(const check& what, const run_evidence& of) {
    std::size_t known = 0;
    double count = 0;
    for (const auto& each : of.instances()) {
        if (each.about.service != what.service) {
            continue;
        }
        ++known;
        if (each.end && (what.what == check::kind::restarts || each.end->cause == "out of memory")) {
            ++count;
        }
    }
    if (known == 0) {
        return undecided(what, "no instance of " + what.service + " was watched; name it under watch");
    }
    return decided(what, holds(count, what.measure.is, what.measure.limit), fmt::format("{:.0f}", count));
}

/// Rules whose phase came and that hit nothing.
void doubt_faults(const experiment& about, const run_evidence& of, std::vector<std::string>& out) {
    const auto hits = [&](const std::string& rule) {
        std::uint64_t sum = 0;
        for (const auto& each : of.rules()) {
            sum += each.rule == rule ? each.injected : 0;
        }
        return sum;
    };
    for (const auto& phase : about.timeline) {
        const bool came = std::any_of(of.phases().begin(), of.phases().end(),
                                      [&](const auto& each) { return each.name == phase.name; });
        if (!came) {
            continue;
        }
        for (const auto& rule : phase.rules.rules) {
            if (hits(rule.name) == 0) {
                out.push_back(fmt::format("the fault {} of phase {} never fired", rule.name, phase.name));
            }
        }
        if (phase.rules.the_mix &&
            hits("mix-slow") + hits("mix-delete") + hits("mix-duplicate") + hits("mix-salt") == 0) {
            out.push_back("the mix of phase " + phase.name + " never fired");
        }
    }
}

result<void> doubt_baselines(const experiment& about, const run_evidence& of, std::vector<std::string>& out) {
    std::set<std::string> baselines;
    for (const auto& each : about.checks) {
        if (!each.baseline.empty()) {
            baselines.insert(each.baseline);
        }
    }
    for (const auto& name : baselines) {
        const auto ranges = of.seconds_of({name});
        if (ranges.empty()) {
            continue;
        }
        const auto seconds = of.quality(ranges.front());
        CB_TRY(seconds);
        const auto series = present(*seconds, &run_evidence::second_quality::p95_ms);
        if (series.size() < steady_seconds) {
            out.push_back(fmt::format(
                "{} was measured in {} seconds only, and is what others are compared with: at least {} are needed",
                name, series.size(), steady_seconds));
            continue;
        }
        const auto trend = analysis::trend_of(series);
        if (std::abs(trend.z) > steady_z && std::abs(trend.change) > steady_change) {
            out.push_back(fmt::format("{} was not steady: its p95 {} by {:.0f} % from its beginning to its end", name,
                                      trend.change > 0 ? "rose" : "fell", 100 * std::abs(trend.change)));
        }
    }
    return {};
}

} // namespace

result<check_result> decide(const check& what, const run_evidence& of, const audit_answer* audit) {
    switch (what.what) {
    case check::kind::load: return decide_load(what, of);
    case check::kind::compare: return decide_compare(what, of);
    case check::kind::recovers: return decide_recovery(what, of);
    case check::kind::audit: return decide_audit(what, audit);
    case check::kind::restarts:
    case check::kind::oom_kills: return decide_counted(what, of);
    }
    return undecided(what, "unknown");
}

result<std::vector<std::string>> doubts(const experiment& about, const run_evidence& of) {
    std::vector<std::string> out;
    for (const auto* kind : {note_aborted, note_distrust, note_unwell}) {
        for (const auto& each : of.notes()) {
            if (each.kind == kind) {
                out.push_back((kind == note_distrust ? "not to be trusted: " : "") + each.text);
            }
        }
    }
    doubt_faults(about, of, out);
    CB_TRY(doubt_baselines(about, of, out));
    return out;
}

runstore::run_verdict conclude(const std::vector<check_result>& checks, const std::vector<std::string>& doubts) {
    runstore::run_verdict out{outcome::passed, {}};
    const auto tell = [&](outcome wanted) {
        for (const auto& each : checks) {
            if (each.result == wanted) {
                const auto name = each.name + (each.phase.empty() ? "" : " in " + each.phase);
                out.reasons.push_back(wanted == outcome::failed
                                          ? fmt::format("{}: expected {}, found {}", name, each.expected, each.found)
                                          : fmt::format("{}: {}", name, each.reason));
            }
        }
    };
    const auto any = [&](outcome wanted) {
        return std::any_of(checks.begin(), checks.end(), [wanted](const auto& each) { return each.result == wanted; });
    };
    if (!doubts.empty()) {
        out.value = outcome::inconclusive;
        out.reasons = doubts;
        tell(outcome::failed);
        tell(outcome::inconclusive);
        return out;
    }
    tell(outcome::failed);
    tell(outcome::inconclusive);
    if (any(outcome::failed)) {
        out.value = outcome::failed;
    } else if (any(outcome::inconclusive) || checks.empty()) {
        out.value = outcome::inconclusive;
        if (checks.empty()) {
            out.reasons.emplace_back("the experiment has no checks: nothing could have failed");
        }
    }
    return out;
}

} // namespace cb::experiment
