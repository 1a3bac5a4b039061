// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "metrics/prometheus.hpp"

namespace cb::metrics {
namespace {

TEST(prometheus, writes_families_and_escapes_what_people_wrote) {
    prometheus_page page;
    page.gauge("a_now", "Backslash \\ and\nline break.", 3U);
    page.begin_counter("b_total", "Two samples.");
    page.sample(std::uint64_t{18'446'744'073'709'551'615U}, {{"rule", "say \"no\"\\\n"}, {"effect", "late"}});
    page.sample(0.25, {{"rule", ""}});
    EXPECT_EQ(page.take(), "# HELP a_now Backslash \\\\ and\\nline break.\n"
                           "# TYPE a_now gauge\n"
                           "a_now 3\n"
                           "# HELP b_total Two samples.\n"
                           "# TYPE b_total counter\n"
                           "b_total{rule=\"say \\\"no\\\"\\\\\\n\",effect=\"late\"} 18446744073709551615\n"
                           "b_total{rule=\"\"} 0.25\n");
}

TEST(prometheus, numbers_read_back_as_the_same) {
    for (const double value : {0.0, 1.0, 0.1, 1e300, 1.0 / 3, -2.5e-9}) {
        EXPECT_EQ(std::stod(prometheus_page::number_text(value)), value);
    }
    EXPECT_EQ(prometheus_page::number_text(INFINITY), "+Inf");
    EXPECT_EQ(prometheus_page::number_text(-INFINITY), "-Inf");
    EXPECT_EQ(prometheus_page::number_text(NAN), "NaN");
}

TEST(prometheus, a_histogram_becomes_cumulative_buckets_in_seconds) {
    hdr_histogram values(latency_shape_ns(3));
    values.record(1'000'000, 10); // 1 ms
    values.record(20'000'000, 5); // 20 ms
    values.record(3'000'000'000); // 3 s
    prometheus_page page;
    page.begin_histogram("x_seconds", "Time.");
    const double bounds[] = {0.005, 0.025, 1};
    page.histogram_sample(values, 1e9, bounds, {{"step", "a"}});
    const auto text = page.take();
    EXPECT_NE(text.find("x_seconds_bucket{step=\"a\",le=\"0.005\"} 10\n"
                        "x_seconds_bucket{step=\"a\",le=\"0.025\"} 15\n"
                        "x_seconds_bucket{step=\"a\",le=\"1\"} 15\n"
                        "x_seconds_bucket{step=\"a\",le=\"+Inf\"} 16\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("x_seconds_count{step=\"a\"} 16\n"), std::string::npos);
    const auto sum = std::stod(text.substr(text.find("_sum{step=\"a\"} ") + 15));
    EXPECT_NEAR(sum, 3.11, 0.003);
}

TEST(prometheus, a_summary_of_nothing_has_no_quantiles) {
    hdr_histogram values(latency_shape_ns(2));
    prometheus_page page;
    page.begin_summary("y_seconds", "Time.");
    const double quantiles[] = {0.5, 0.99};
    page.summary_sample(values, 1e9, quantiles);
    EXPECT_NE(page.text().find("y_seconds{quantile=\"0.5\"} NaN\ny_seconds{quantile=\"0.99\"} NaN\n"
                               "y_seconds_sum 0\ny_seconds_count 0\n"),
              std::string::npos)
        << page.text();
    values.record(2'000'000'000);
    prometheus_page next;
    next.begin_summary("y_seconds", "Time.");
    next.summary_sample(values, 1e9, quantiles);
    const auto median = std::stod(next.text().substr(next.text().find("0.5\"} ") + 6));
    EXPECT_NEAR(median, 2, 0.02);
}

} // namespace
} // namespace cb::metrics
