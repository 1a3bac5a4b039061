// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "base/log.hpp"
#include "report/faces.hpp"
#include "report/report_html.hpp"

namespace cb::report {
namespace {

/// What fits on a screen; report.json has all of them.
constexpr std::size_t errors_shown = 20;

std::string latency_at(const metrics::hdr_histogram& values, double percentile) {
    return values.empty() ? "-" : latency_text(values.value_at_percentile(percentile));
}

/// Rows of equal length. The first column is text and stands left, the others right.
std::string table(const std::vector<std::vector<std::string>>& rows) {
    const auto width_of = [](const std::string& text) { // characters, not bytes
        return static_cast<std::size_t>(std::count_if(
            text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
    };
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width_of(row[i]));
        }
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string blanks(widths[i] - width_of(row[i]), ' ');
            line += (i == 0 ? "  " + row[i] + blanks : "  " + blanks + row[i]);
        }
        out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return out;
}

/// A line; what somebody wrote over several would look like lines of ours.
std::string line_of(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return "  " + text + "\n";
}

bool several_scenarios(const std::vector<runstore::step_total>& steps) {
    return std::any_of(steps.begin(), steps.end(),
                       [&](const auto& each) { return each.scenario != steps.front().scenario; });
}

std::string steps_text(const run_summary& run) {
    if (run.steps.empty()) {
        return {};
    }
    std::vector<std::vector<std::string>> rows{
        {"step", "count", "failed", "per second", "p50", "p95", "p99", "p99.9", "max", "service p99", "slip p99"}};
    const bool named = several_scenarios(run.steps);
    for (const auto& each : run.steps) {
        const auto rate = run.judged_seconds > 0 ? static_cast<double>(each.count) / run.judged_seconds : 0;
        rows.push_back({named ? each.scenario + ": " + each.name : each.name, std::to_string(each.count),
                        std::to_string(each.failed), fmt::format("{:.1f}", rate), latency_at(each.response, 50),
                        latency_at(each.response, 95), latency_at(each.response, 99), latency_at(each.response, 99.9),
                        latency_at(each.response, 100), latency_at(each.service, 99), latency_at(each.slip, 99)});
    }
    return fmt::format("\nResponse over {:.1f} s\n", run.judged_seconds) + table(rows);
}

std::string errors_text(const run_summary& run) {
    if (run.errors.empty()) {
        return {};
    }
    std::vector<std::vector<std::string>> rows;
    for (std::size_t i = 0; i < std::min(run.errors.size(), errors_shown); ++i) {
        const auto& each = run.errors[i];
        rows.push_back({each.step.empty() ? each.kind : each.kind + ", " + each.step, std::to_string(each.count)});
    }
    auto out = "\nErrors\n" + table(rows);
    if (run.errors.size() > errors_shown) {
        out += fmt::format("  and {} kinds more\n", run.errors.size() - errors_shown);
    }
    return out;
}

/// What became of awaited events besides their latencies.
std::string awaits_text(const run_summary& run) {
    std::string out;
    for (const auto& each : run.notes) {
        if (each.kind == "await") {
            out += line_of(each.text);
        }
    }
    return out.empty() ? out : "\nAwaits\n" + out;
}

std::string deaths_text(const run_summary& run) {
    std::string out;
    for (const auto& each : run.instances) {
        if (each.end) {
            const auto evidence = each.end->evidence.empty() ? "" : " (" + each.end->evidence + ")";
            out += line_of(fmt::format("{:.1f} s  {} {}: {}{}", static_cast<double>(each.end->at_ms) / 1000,
                                       each.about.service, each.about.name, each.end->cause, evidence));
        }
    }
    return out.empty() ? out : "\nInstances that ended\n" + out;
}

std::string checks_text(const run_summary& run) {
    std::string out;
    for (const auto& each : run.checks) {
        const auto phase = each.phase.empty() ? "" : " (" + each.phase + ")";
        const auto reason = each.reason.empty() ? "" : ": " + each.reason;
        out += line_of(fmt::format("{:<12}  {}{}: expected {}, found {}{}", runstore::to_string(each.result), each.name,
                                   phase, each.expected, each.found.empty() ? "nothing" : each.found, reason));
    }
    return out.empty() ? out : "\nChecks\n" + out;
}

std::string verdict_text(const run_summary& run) {
    if (!run.facts.verdict) {
        const auto why = why_no_verdict(run);
        return why.empty() ? "" : "\nNo verdict: " + why + "\n";
    }
    auto out = fmt::format("\nVerdict: {}\n", runstore::to_string(run.facts.verdict->value));
    for (const auto& each : run.facts.verdict->reasons) {
        out += line_of(each);
    }
    return out;
}

} // namespace

std::string latency_text(std::int64_t ns) {
    const auto value = static_cast<double>(ns);
    const auto scaled = [](double number, const char* unit) {
        return fmt::format("{:.{}f} {}", number, number < 10 ? 2 : number < 100 ? 1 : 0, unit);
    };
    if (value < 999.5e3) {
        return fmt::format("{:.0f} µs", value / 1e3);
    }
    return value < 999.5e6 ? scaled(value / 1e6, "ms") : scaled(value / 1e9, "s");
}

std::string report_text(const run_summary& run) {
    const auto& about = run.facts.about;
    auto out = about.title + "\n";
    if (!about.hypothesis.empty()) {
        out += about.hypothesis + "\n";
    }
    out += fmt::format("{}, {:.1f} s, seed {}\n", utc_timestamp(about.started_ms),
                       static_cast<double>(run.facts.last_at_ms) / 1000, about.seed);
    return out + steps_text(run) + errors_text(run) + awaits_text(run) + deaths_text(run) + checks_text(run) +
           verdict_text(run);
}

result<void> write_faces(const runstore::run_folder& folder, const run_summary& run) {
    CB_TRY(folder.write("report.json", report_json(run)));
    CB_TRY(folder.write("junit.xml", junit_xml(run)));
    auto reader = runstore::run_reader::open(folder);
    CB_TRY(reader);
    const auto series = read_series(*reader, run.facts, run.instances);
    CB_TRY(series);
    return folder.write("report.html", report_html(run, *series));
}

} // namespace cb::report
