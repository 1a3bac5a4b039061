// SPDX-License-Identifier: Apache-2.0
#include "watch/metrics_page.hpp"

#include <cmath>
#include <functional>
#include <string>
#include <string_view>

#include "metrics/prometheus.hpp"

namespace cb::watch {
namespace {

using metrics::prometheus_labels;
using metrics::prometheus_page;

/// How a family begins, which tells its type.
using beginning = void (prometheus_page::*)(std::string_view name, std::string_view help);
constexpr beginning gauge_family = &prometheus_page::begin_gauge;
constexpr beginning counter_family = &prometheus_page::begin_counter;

prometheus_labels labels_of(const instance& what) {
    return {{"service", what.service}, {"replica", what.name}, {"kind", to_string(what.kind)}};
}

void family_of_samples(prometheus_page& out, const std::string& name, std::string_view help, beginning begin,
                       const look& latest, const std::function<double(const sample&)>& value) {
    (out.*begin)(name, help);
    for (const auto& each : latest.samples) {
        if (const double number = value(each); !std::isnan(number)) {
            out.sample(number, labels_of(*each.of));
        }
    }
}

void add_services(prometheus_page& out, const look& latest) {
    const auto family = [&](const std::string& name, std::string_view help, beginning begin, auto value) {
        (out.*begin)("chaosbroker_service_" + name, help);
        for (const auto& each : latest.services) {
            out.sample(value(each), {{"service", each.service}});
        }
    };
    family("replicas", "Instances that are alive", gauge_family, [](const auto& each) { return each.replicas; });
    family("started_total", "Instances seen", counter_family, [](const auto& each) { return each.started; });
    family("ended_total", "Instances that ended", counter_family, [](const auto& each) { return each.ended; });
    family("restarts_total", "Instances that came after one had ended", counter_family,
           [](const auto& each) { return each.restarts; });
    family("oom_kills_total", "Instances and their children killed for lack of memory, proven", counter_family,
           [](const auto& each) { return each.oom_kills; });
}

void add_host(prometheus_page& out, const look& latest) {
    for (const auto& each : host_gauge_names()) {
        if (latest.host.now.has(each.figure)) {
            out.begin_gauge("chaosbroker_host_" + std::string(each.name), each.meaning);
            out.sample(latest.host.now[each.figure], {});
        }
    }
    for (const auto& each : host_counter_names()) {
        if (latest.host.totals.has(each.figure)) {
            out.begin_counter("chaosbroker_host_" + std::string(each.total_name) + "_total", each.meaning);
            out.sample(latest.host.totals[each.figure], {});
        }
    }
}

} // namespace

std::string metrics_page(const look& latest) {
    prometheus_page out;
    add_services(out, latest);
    for (const auto& each : gauge_names()) {
        family_of_samples(out, "chaosbroker_watch_" + std::string(each.name), each.meaning, gauge_family, latest,
                          [&](const sample& one) { return one.now[each.figure]; });
    }
    for (const auto& each : counter_names()) {
        family_of_samples(out, "chaosbroker_watch_" + std::string(each.total_name) + "_total", each.meaning,
                          counter_family, latest, [&](const sample& one) { return one.totals[each.figure]; });
    }
    family_of_samples(out, "chaosbroker_watch_memory_limit_in_seconds", "Forecast: the memory limit is met in so long",
                      gauge_family, latest,
                      [](const sample& one) { return one.memory_limit_in_s.value_or(gauges::unknown); });
    add_host(out, latest);
    return out.take();
}

} // namespace cb::watch
