// SPDX-License-Identifier: Apache-2.0
#include "metrics/prometheus.hpp"

#include <cmath>

#include <fmt/format.h>

namespace cb::metrics {
namespace {

/// Help escapes backslash and line break; a label value the quotation mark as well.
void append_escaped(std::string& out, std::string_view text, bool quoted) {
    for (const auto each : text) {
        if (each == '\\') {
            out += "\\\\";
        } else if (each == '\n') {
            out += "\\n";
        } else if (each == '"' && quoted) {
            out += "\\\"";
        } else {
            out += each;
        }
    }
}

/// Labels of a bucket or quantile: the sample's own and one more.
prometheus_labels with(const prometheus_labels& labels, std::string_view name, std::string_view value) {
    auto out = labels;
    out.emplace_back(name, value);
    return out;
}

} // namespace

std::string prometheus_page::number_text(double value) {
    if (std::isnan(value)) {
        return "NaN";
    }
    if (std::isinf(value)) {
        return value > 0 ? "+Inf" : "-Inf";
    }
    return fmt::format("{}", value);
}

void prometheus_page::begin(std::string_view name, std::string_view help, std::string_view type) {
    family_ = name;
    text_ += fmt::format("# HELP {} ", name);
    append_escaped(text_, help, false);
    text_ += fmt::format("\n# TYPE {} {}\n", name, type);
}

void prometheus_page::write_sample(std::string_view suffix, const prometheus_labels& labels, std::string_view value) {
    text_ += family_;
    text_ += suffix;
    char before = '{';
    for (const auto& [name, text] : labels) {
        text_ += before;
        text_ += name;
        text_ += "=\"";
        append_escaped(text_, text, true);
        text_ += '"';
        before = ',';
    }
    text_ += labels.empty() ? " " : "} ";
    text_ += value;
    text_ += '\n';
}

void prometheus_page::write_sum_and_count(const hdr_histogram& values, double per_unit,
                                          const prometheus_labels& labels) {
    const auto sum = values.mean() * static_cast<double>(values.count()) / per_unit;
    write_sample("_sum", labels, number_text(sum));
    write_sample("_count", labels, std::to_string(values.count()));
}

void prometheus_page::histogram_sample(const hdr_histogram& values, double per_unit, std::span<const double> bounds,
                                       const prometheus_labels& labels) {
    for (const auto bound : bounds) {
        const auto text = number_text(bound);
        const auto below = values.count_at_or_below(std::llround(bound * per_unit));
        write_sample("_bucket", with(labels, "le", text), std::to_string(below));
    }
    write_sample("_bucket", with(labels, "le", "+Inf"), std::to_string(values.count()));
    write_sum_and_count(values, per_unit, labels);
}

void prometheus_page::summary_sample(const hdr_histogram& values, double per_unit, std::span<const double> quantiles,
                                     const prometheus_labels& labels) {
    for (const auto quantile : quantiles) {
        const auto text = number_text(quantile);
        const auto value =
            values.empty() ? NAN : static_cast<double>(values.value_at_percentile(quantile * 100)) / per_unit;
        write_sample("", with(labels, "quantile", text), number_text(value));
    }
    write_sum_and_count(values, per_unit, labels);
}

} // namespace cb::metrics
