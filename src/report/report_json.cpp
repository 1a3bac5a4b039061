// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <boost/json.hpp>

#include "base/log.hpp"
#include "report/faces.hpp"
#include "report/report_document.hpp"

namespace cb::report {
namespace {

namespace json = boost::json;
using metrics::hdr_histogram;

json::value maybe_text(const std::string& text) { return text.empty() ? json::value() : json::value(text); }

template <class Number>
json::value maybe_number(const std::optional<Number>& number) {
    return number ? json::value(*number) : json::value();
}

/// Whole microseconds: that is what histograms tell apart. Null: there is nothing.
json::value latency(const hdr_histogram& values) {
    if (values.empty() && values.out_of_range() == 0) {
        return {};
    }
    const auto us = [](std::int64_t ns) { return (ns + 500) / 1'000; };
    const auto at = [&](double percentile) { return us(values.value_at_percentile(percentile)); };
    return json::object{{"count", values.count()}, {"out_of_range", values.out_of_range()},
                        {"min", us(values.min())}, {"mean", us(static_cast<std::int64_t>(values.mean()))},
                        {"p50", at(50)},           {"p95", at(95)},
                        {"p99", at(99)},           {"p999", at(99.9)},
                        {"max", us(values.max())}};
}

json::array steps(const std::vector<runstore::step_total>& totals, double seconds) {
    json::array out;
    for (const auto& each : totals) {
        const auto rate = seconds > 0 ? json::value(static_cast<double>(each.count) / seconds) : json::value();
        out.push_back(json::object{{"scenario", each.scenario},
                                   {"step", each.name},
                                   {"count", each.count},
                                   {"failed", each.failed},
                                   {"rate_per_s", rate},
                                   {"bytes_sent", each.bytes_sent},
                                   {"bytes_received", each.bytes_received},
                                   {"response_us", latency(each.response)},
                                   {"service_us", latency(each.service)},
                                   {"slip_us", latency(each.slip)},
                                   {"failed_us", latency(each.failed_response)}});
    }
    return out;
}

json::array errors(const run_summary& run) {
    json::array out;
    for (const auto& each : run.errors) {
        out.push_back(json::object{{"scenario", maybe_text(each.scenario)},
                                   {"step", maybe_text(each.step)},
                                   {"kind", each.kind},
                                   {"count", each.count}});
    }
    return out;
}

json::array phases(const run_summary& run) {
    json::array out;
    for (const auto& each : run.phases) {
        out.push_back(json::object{{"name", each.phase.name},
                                   {"start_at_ms", each.phase.start_at_ms},
                                   {"end_at_ms", maybe_number(each.phase.end_at_ms)},
                                   {"judged", each.phase.judged},
                                   {"steps", steps(each.steps, each.seconds)}});
    }
    return out;
}

json::array checks(const run_summary& run) {
    json::array out;
    for (const auto& each : run.checks) {
        out.push_back(json::object{{"name", each.name},
                                   {"phase", maybe_text(each.phase)},
                                   {"expected", each.expected},
                                   {"found", each.found},
                                   {"outcome", runstore::to_string(each.result)},
                                   {"reason", maybe_text(each.reason)}});
    }
    return out;
}

json::array rules(const run_summary& run) {
    json::array out;
    for (const auto& each : run.rules) {
        out.push_back(json::object{{"rule", each.rule},
                                   {"effect", each.effect},
                                   {"matched", each.matched},
                                   {"injected", each.injected},
                                   {"skipped", each.skipped}});
    }
    return out;
}

json::array instances(const run_summary& run) {
    json::array out;
    for (const auto& each : run.instances) {
        json::value end;
        if (each.end) {
            end = json::object{{"at_ms", each.end->at_ms},
                               {"exit_code", maybe_number(each.end->exit_code)},
                               {"signal", maybe_number(each.end->signal)},
                               {"cause", each.end->cause},
                               {"evidence", maybe_text(each.end->evidence)}};
        }
        out.push_back(json::object{{"service", each.about.service},
                                   {"instance", each.about.name},
                                   {"seen_at_ms", each.about.seen_at_ms},
                                   {"death", end}});
    }
    return out;
}

json::array notes(const run_summary& run) {
    json::array out;
    for (const auto& each : run.notes) {
        out.push_back(json::object{{"at_ms", each.at_ms}, {"kind", each.kind}, {"text", each.text}});
    }
    return out;
}

} // namespace

json::object report_document(const run_summary& run) {
    const auto& about = run.facts.about;
    json::object out{{"format", 1}, {"title", about.title}, {"kind", about.kind}};
    out["hypothesis"] = maybe_text(about.hypothesis);
    json::array reasons;
    if (run.facts.verdict) {
        out["verdict"] = runstore::to_string(run.facts.verdict->value);
        for (const auto& each : run.facts.verdict->reasons) {
            reasons.emplace_back(each);
        }
    } else {
        out["verdict"] = nullptr;
        if (const auto why = why_no_verdict(run); !why.empty()) {
            reasons.emplace_back(why);
        }
    }
    out["reasons"] = std::move(reasons);
    out["started"] = utc_timestamp(about.started_ms);
    out["ended_at_ms"] = maybe_number(run.facts.ended_at_ms);
    out["last_at_ms"] = run.facts.last_at_ms;
    out["judged_seconds"] = std::round(run.judged_seconds * 1000) / 1000;
    out["seed"] = std::to_string(about.seed);
    out["command_line"] = about.command_line;
    out["source_file"] = maybe_text(about.source_file);
    out["host"] = about.host;
    json::object versions;
    for (const auto& [component, version] : about.versions) {
        versions[component] = version;
    }
    out["versions"] = std::move(versions);
    out["steps"] = steps(run.steps, run.judged_seconds);
    out["errors"] = errors(run);
    out["checks"] = checks(run);
    out["phases"] = phases(run);
    out["rules"] = rules(run);
    out["instances"] = instances(run);
    out["notes"] = notes(run);
    return out;
}

std::string report_json(const run_summary& run) { return json::serialize(report_document(run)) + "\n"; }

} // namespace cb::report
