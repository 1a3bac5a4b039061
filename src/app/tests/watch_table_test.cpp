// SPDX-License-Identifier: Apache-2.0
#include "app/watch_table.hpp"

#include <gtest/gtest.h>

#include "watch/metrics_page.hpp"
#include "watch/sample_json.hpp"

namespace cb::app {
namespace {

using watch::counter;
using watch::gauge;

watch::look a_look(std::size_t replicas) {
    watch::look out;
    out.wall_ms = 1'700'000'000'000;
    out.interval_s = 1;
    watch::service_state service;
    service.service = "billing";
    service.replicas = replicas;
    service.restarts = 1;
    out.services.push_back(service);
    for (std::size_t i = 0; i < replicas; ++i) {
        watch::instance what;
        what.service = "billing";
        what.name = "pid " + std::to_string(100 + i);
        what.identity = "process:boot:" + std::to_string(100 + i) + ":1";
        watch::sample one;
        one.of = std::make_shared<const watch::instance>(what);
        one.wall_ms = out.wall_ms;
        one.interval_s = 1;
        one.now[gauge::resident_bytes] = 123.0 * 1024 * 1024;
        one.now[gauge::memory_limit_bytes] = 246.0 * 1024 * 1024;
        one.now[gauge::processes] = 1;
        one.now[gauge::threads] = 7;
        one.rates[counter::cpu_s] = 0.37;
        one.totals[counter::cpu_s] = 12.5;
        one.memory_limit_in_s = 42;
        out.samples.push_back(one);
    }
    return out;
}

std::string text_of(const std::vector<std::string>& lines) {
    std::string out;
    for (const auto& each : lines) {
        out += each + "\n";
    }
    return out;
}

TEST(watch_table, shows_services_replicas_and_totals) {
    watch_table table;
    table.add(a_look(2));
    const auto text = text_of(table.lines({200, 40, false}));
    EXPECT_NE(text.find("billing                    0.74"), std::string::npos) << text;
    EXPECT_NE(text.find("2 replicas, 1 restart"), std::string::npos) << text;
    EXPECT_NE(text.find("  pid 100                  0.37"), std::string::npos) << text;
    EXPECT_NE(text.find("123 MiB    50 % of 246 MiB"), std::string::npos) << text;
    EXPECT_NE(text.find("limit in 42 s"), std::string::npos) << text;
    EXPECT_NE(text.find("▄"), std::string::npos) << text; // half of the service's top
}

TEST(watch_table, fits_the_window) {
    watch_table table;
    table.add(a_look(30));
    watch::event killed;
    killed.what = watch::event::kind::ended;
    killed.text = std::string(300, 'x');
    auto more = a_look(30);
    more.events.push_back(killed);
    table.add(more);
    for (const std::size_t columns : {40U, 80U, 120U, 250U}) {
        const auto lines = table.lines({columns, 20, false});
        EXPECT_LT(lines.size(), 20U);
        for (const auto& each : lines) {
            EXPECT_EQ(columns_of(each), columns) << each;
        }
        EXPECT_NE(text_of(lines).find("more; make"), std::string::npos);
    }
}

TEST(watch_table, forgets_who_is_gone) {
    watch_table table;
    table.add(a_look(2));
    table.add(a_look(1));
    EXPECT_EQ(text_of(table.lines({200, 40, false})).find("pid 101"), std::string::npos);
}

TEST(watch_table, charts_the_newest_at_the_right) {
    EXPECT_EQ(chart({0, 0.5, 1}, 4, 1), "  ▄█");
    EXPECT_EQ(chart({9, 0, 0.001, 1}, 3, 1), "  █"); // nothing to be seen of a thousandth
    EXPECT_EQ(chart({0, 0}, 2, 0), "  ");
}

TEST(watch_text, has_bytes_as_people_read_them) {
    EXPECT_EQ(bytes_text(0), "0 B");
    EXPECT_EQ(bytes_text(1023), "1023 B");
    EXPECT_EQ(bytes_text(1536), "1.5 KiB");
    EXPECT_EQ(bytes_text(123.0 * 1024 * 1024), "123 MiB");
    EXPECT_EQ(bytes_text(watch::gauges::unknown), "-");
}

TEST(watch_text, is_a_line_an_instance_and_event) {
    auto one = a_look(1);
    watch::event ended;
    ended.what = watch::event::kind::ended;
    ended.wall_ms = one.wall_ms;
    ended.of = one.samples[0].of;
    ended.text = "killed (137), cause unknown";
    one.events.push_back(ended);
    EXPECT_EQ(plain_lines(one), "22:13:20  billing  pid 100  killed (137), cause unknown\n"
                                "22:13:20  billing  pid 100  cpu 0.37 cores  memory 123 MiB (50 % of 246 MiB)  threads "
                                "7  files -  disk - / -  limit in 42 s\n");
}

TEST(watch_json, leaves_out_what_is_not_known) {
    std::string out;
    watch::append_json_lines(out, a_look(1));
    EXPECT_NE(
        out.find(R"("figures":{"resident_bytes":128974848,"memory_limit_bytes":257949696,"threads":7,"processes":1,)"
                 R"("cpu_cores":0.37},"totals":{"cpu_seconds":12.5},"memory_limit_in_s":42})"),
        std::string::npos)
        << out;
    EXPECT_EQ(out.find("nan"), std::string::npos);
}

TEST(watch_metrics, escape_labels_and_name_each_family_once) {
    auto one = a_look(2);
    one.services[0].service = "a\"b\\c\nd";
    const auto page = watch::metrics_page(one);
    EXPECT_NE(page.find("chaosbroker_service_replicas{service=\"a\\\"b\\\\c\\nd\"} 2\n"), std::string::npos) << page;
    const std::string head = "# TYPE chaosbroker_watch_cpu_seconds_total counter\n";
    EXPECT_NE(page.find(head), std::string::npos);
    EXPECT_EQ(page.find(head), page.rfind(head));
    EXPECT_NE(
        page.find(
            "chaosbroker_watch_cpu_seconds_total{service=\"billing\",replica=\"pid 101\",kind=\"process\"} 12.5\n"),
        std::string::npos);
}

} // namespace
} // namespace cb::app
