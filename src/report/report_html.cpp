// SPDX-License-Identifier: Apache-2.0
#include "report/report_html.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <boost/json.hpp>
#include <openssl/evp.h>

#include "base/limits.hpp"
#include "report/page.hpp"
#include "report/report_document.hpp"

namespace cb::report {
namespace {

namespace json = boost::json;
using metrics::hdr_histogram;

template <class Number>
json::array numbers(const std::vector<Number>& from) {
    return json::array(from.begin(), from.end());
}

/// Each but the first as the difference to the one before: small numbers are short.
json::array differences(const std::vector<std::int64_t>& from) {
    json::array out;
    std::int64_t before = 0;
    for (const auto each : from) {
        out.emplace_back(each - before);
        before = each;
    }
    return out;
}

/// A power of ten such that the largest value becomes a whole number of four or five digits.
double scale_for(const std::vector<double>& values) {
    double largest = 0;
    for (const auto each : values) {
        largest = std::max(largest, std::abs(each));
    }
    return largest > 0 && std::isfinite(largest) ? std::pow(10, std::floor(std::log10(largest)) - 4) : 1;
}

json::array scaled(const std::vector<double>& values, double scale) {
    json::array out;
    for (const auto each : values) {
        const auto whole = std::round(each / scale);
        out.emplace_back(std::abs(whole) < 1e15 ? json::value(static_cast<std::int64_t>(whole)) : json::value());
    }
    return out;
}

json::object sparse(const sparse_counts& counts) {
    return {{"at", differences(counts.bucket)}, {"n", numbers(counts.count)}};
}

json::array step_lines(const load_lines& load) {
    json::array out;
    for (const auto& each : load.steps) {
        out.push_back(json::object{{"scenario", each.scenario},
                                   {"step", each.step},
                                   {"count", numbers(each.count)},
                                   {"failed", numbers(each.failed)},
                                   {"p50", numbers(each.response.p50)},
                                   {"p95", numbers(each.response.p95)},
                                   {"p99", numbers(each.response.p99)},
                                   {"max", numbers(each.response.max)}});
    }
    return out;
}

json::array error_lines(const load_lines& load) {
    json::array out;
    for (const auto& each : load.errors) {
        auto line = sparse(each.counts);
        line["scenario"] = each.scenario;
        line["step"] = each.step;
        line["kind"] = each.kind;
        out.push_back(std::move(line));
    }
    return out;
}

json::array user_lines(const load_lines& load) {
    json::array out;
    for (const auto& each : load.users) {
        json::array mean;
        for (const auto value : each.mean) {
            mean.emplace_back(std::round(value));
        }
        for (auto& value : mean) {
            value = static_cast<std::int64_t>(value.as_double());
        }
        out.push_back(json::object{{"state", each.state}, {"mean", std::move(mean)}});
    }
    return out;
}

json::array rule_lines(const load_lines& load) {
    json::array out;
    for (const auto& each : load.rules) {
        auto line = sparse(each.counts);
        line["rule"] = each.rule;
        line["effect"] = each.effect;
        out.push_back(std::move(line));
    }
    return out;
}

json::array sample_lines_of(const sample_lines& samples) {
    json::array out;
    for (const auto& each : samples.lines) {
        const auto scale = scale_for(each.most);
        json::object line{{"instance", each.instance},       {"metric", each.metric}, {"unit", each.unit},
                          {"bucket_ms", each.bucket_ms},     {"scale", scale},        {"at", differences(each.at)},
                          {"mean", scaled(each.mean, scale)}};
        if (each.bucket_ms > 1) {
            line["min"] = scaled(each.least, scale);
            line["max"] = scaled(each.most, scale);
        }
        out.push_back(std::move(line));
    }
    return out;
}

/// How many eighths of a nine a percentile stands from 0: 8 is 90 %, 16 is 99 %. The scale of the page's latency plot.
constexpr int eighths_most = 48;

json::value spectrum(const hdr_histogram& values) {
    if (values.empty()) {
        return {};
    }
    json::array us;
    for (int eighth = 0; eighth <= eighths_most; ++eighth) {
        const auto above = std::pow(10, -eighth / 8.0); // the share of requests beyond
        if (above * static_cast<double>(values.count()) < 1) {
            break;
        }
        us.emplace_back((values.value_at_percentile(100 * (1 - above)) + 500) / 1'000);
    }
    const auto in_us = [](std::int64_t ns) { return (ns + 500) / 1'000; };
    return json::object{{"count", values.count()},
                        {"p50", in_us(values.value_at_percentile(50))},
                        {"max", in_us(values.max())},
                        {"us", std::move(us)}};
}

json::array spectra_of(const std::string& phase, const std::vector<runstore::step_total>& steps) {
    json::array out;
    const auto add = [&](const std::string& scenario, const std::string& step, const hdr_histogram& values) {
        if (auto points = spectrum(values); !points.is_null()) {
            out.push_back(
                json::object{{"phase", phase}, {"scenario", scenario}, {"step", step}, {"points", std::move(points)}});
        }
    };
    hdr_histogram all(steps.empty() ? metrics::latency_shape_ns(3) : steps.front().response.shape());
    for (const auto& each : steps) {
        all.merge(each.response);
    }
    add("", "", all);
    for (std::size_t i = 0; i < std::min(steps.size(), limits::report_step_lines); ++i) {
        add(steps[i].scenario, steps[i].name, steps[i].response);
    }
    return out;
}

json::array spectra(const run_summary& run) {
    auto out = spectra_of("", run.steps);
    for (const auto& phase : run.phases) {
        for (auto& each : spectra_of(phase.phase.name, phase.steps)) {
            out.push_back(std::move(each));
        }
    }
    return out;
}

json::array witnesses(const run_series& series) {
    json::array out;
    for (const auto& each : series.witnesses) {
        out.push_back(json::object{{"at_ms", each.what.at_ms},
                                   {"scenario", each.scenario},
                                   {"step", each.step},
                                   {"kind", each.what.kind},
                                   {"user", each.what.user},
                                   {"response_us", (each.what.response_ns + 500) / 1'000},
                                   {"detail", each.what.detail}});
    }
    return out;
}

json::array ledger(const run_summary& run, const run_series& series) {
    json::array out;
    for (const auto& each : series.ledger) {
        out.push_back(json::object{{"sequence", each.sequence},
                                   {"at_ms", each.time_ms - run.facts.about.started_ms},
                                   {"rule", each.rule},
                                   {"effect", each.effect},
                                   {"state", each.state},
                                   {"topic", each.topic},
                                   {"partition", each.partition ? json::value(*each.partition) : json::value()},
                                   {"json", each.json}});
    }
    return out;
}

/// Keeps the first rows of a list of the report; how many it does not keep.
std::size_t shorten(json::object& report, std::string_view list) {
    auto& rows = report[list].as_array();
    const auto left_out = rows.size() - std::min(rows.size(), limits::report_rows);
    rows.erase(rows.end() - static_cast<std::ptrdiff_t>(left_out), rows.end());
    return left_out;
}

std::string safe_in_script(const std::string& text) {
    std::string out;
    out.reserve(text.size() + text.size() / 64);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto rest = std::string_view(text).substr(i, 3);
        if (text[i] == '<' || text[i] == '>' || text[i] == '&') {
            out += text[i] == '<' ? "\\u003c" : text[i] == '>' ? "\\u003e" : "\\u0026";
        } else if (rest == "\xe2\x80\xa8" || rest == "\xe2\x80\xa9") {
            out += rest.back() == '\xa8' ? "\\u2028" : "\\u2029";
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string safe_in_html(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '&': out += "&amp;"; break;
        case '"': out += "&quot;"; break;
        default: out += c;
        }
    }
    return out;
}

/// As a Content-Security-Policy names a script or a style that it allows.
std::string policy_source(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int bytes = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &bytes, EVP_sha256(), nullptr);
    std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> base64{};
    const auto length = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(bytes));
    return "'sha256-" + std::string(base64.begin(), base64.begin() + length) + "'";
}

/// The template with its `{{name}}`s filled in, once and from left to right: what is filled in is not looked at again.
std::string filled_in(std::string_view page, const std::vector<std::pair<std::string_view, std::string>>& values) {
    std::string out;
    for (;;) {
        const auto open = page.find("{{");
        out += page.substr(0, open);
        if (open == std::string_view::npos) {
            return out;
        }
        const auto close = page.find("}}", open);
        const auto name = page.substr(open + 2, close - open - 2);
        const auto value =
            std::find_if(values.begin(), values.end(), [&](const auto& each) { return each.first == name; });
        out += value == values.end() ? std::string() : value->second;
        page.remove_prefix(close + 2);
    }
}

} // namespace

std::string page_data(const run_summary& run, const run_series& series) {
    auto report = report_document(run);
    const auto& load = series.load;
    json::object left_out{{"steps", load.steps_left_out},
                          {"error_lines", load.errors_left_out},
                          {"sample_lines", series.samples.left_out},
                          {"errors", shorten(report, "errors")},
                          {"instances", shorten(report, "instances")},
                          {"notes", shorten(report, "notes")},
                          {"witnesses", series.witnesses_kept - series.witnesses.size()},
                          {"ledger", series.ledger_entries - series.ledger.size()}};
    json::object out{{"format", 1}, {"report", std::move(report)}};
    out["load"] = json::object{{"bucket_s", load.bucket_s},   {"buckets", load.buckets},   {"steps", step_lines(load)},
                               {"errors", error_lines(load)}, {"users", user_lines(load)}, {"rules", rule_lines(load)}};
    out["samples"] = sample_lines_of(series.samples);
    out["spectra"] = spectra(run);
    out["witnesses"] = witnesses(series);
    out["ledger"] = ledger(run, series);
    out["source"] = json::object{{"text", series.source}, {"is_cut", series.source_is_cut}};
    out["left_out"] = std::move(left_out);
    return safe_in_script(json::serialize(out));
}

std::string report_html(const run_summary& run, const run_series& series) {
    const std::string style(page::style);
    const std::string script(page::script);
    return filled_in(page::document,
                     {{"title", safe_in_html(run.facts.about.title)},
                      {"policy", "default-src 'none'; script-src " + policy_source(script) + "; style-src " +
                                     policy_source(style) + "; base-uri 'none'; form-action 'none'"},
                      {"style", style},
                      {"script", script},
                      {"data", page_data(run, series)}});
}

} // namespace cb::report
