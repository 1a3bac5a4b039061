// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "metrics/hdr_histogram.hpp"

namespace cb::metrics {

using prometheus_labels = std::vector<std::pair<std::string_view, std::string_view>>;

/// A page of metrics in Prometheus text, version 0.0.4. A family is begun once, then all its samples follow.
/// Names and label names come from our code; help and label values are escaped.
class prometheus_page {
public:
    static constexpr auto content_type = "text/plain; version=0.0.4; charset=utf-8";

    void begin_gauge(std::string_view name, std::string_view help) { begin(name, help, "gauge"); }
    void begin_counter(std::string_view name, std::string_view help) { begin(name, help, "counter"); }
    void begin_histogram(std::string_view name, std::string_view help) { begin(name, help, "histogram"); }
    void begin_summary(std::string_view name, std::string_view help) { begin(name, help, "summary"); }

    /// Of the gauge or counter that was begun last.
    template <class Number>
        requires std::is_arithmetic_v<Number>
    void sample(Number value, const prometheus_labels& labels = {}) {
        if constexpr (std::is_floating_point_v<Number>) {
            write_sample("", labels, number_text(value));
        } else {
            write_sample("", labels, std::to_string(value));
        }
    }
    /// A family of one sample.
    template <class Number>
    void gauge(std::string_view name, std::string_view help, Number value) {
        begin_gauge(name, help);
        sample(value);
    }
    template <class Number>
    void counter(std::string_view name, std::string_view help, Number value) {
        begin_counter(name, help);
        sample(value);
    }

    /// Of the histogram that was begun last: cumulative buckets at these bounds, and +Inf. Bounds and sum are the
    /// recorded values divided by `per_unit` (1e9: nanoseconds become seconds). A bound has the precision of the
    /// histogram.
    void histogram_sample(const hdr_histogram& values, double per_unit, std::span<const double> bounds,
                          const prometheus_labels& labels = {});
    /// Of the summary that was begun last, with quantiles from 0 to 1.
    void summary_sample(const hdr_histogram& values, double per_unit, std::span<const double> quantiles,
                        const prometheus_labels& labels = {});

    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] std::string take() { return std::move(text_); }

    /// The shortest text that reads back as the same number; "+Inf", "-Inf", "NaN".
    static std::string number_text(double value);

private:
    void begin(std::string_view name, std::string_view help, std::string_view type);
    void write_sample(std::string_view suffix, const prometheus_labels& labels, std::string_view value);
    void write_sum_and_count(const hdr_histogram& values, double per_unit, const prometheus_labels& labels);

    std::string text_;
    std::string family_;
};

} // namespace cb::metrics
