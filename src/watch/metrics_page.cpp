// SPDX-License-Identifier: Apache-2.0
#include "watch/metrics_page.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

namespace cb::watch {
namespace {

using labels = std::vector<std::pair<std::string_view, std::string_view>>;

/// A family is begun once, then its samples follow.
class page {
public:
    void begin(const std::string& name, std::string_view help, std::string_view type) {
        family_ = name;
        text_ += "# HELP " + name + " " + std::string(help) + "\n# TYPE " + name + " " + std::string(type) + "\n";
    }
    void sample(double value, const labels& with) {
        text_ += family_;
        char separator = '{';
        for (const auto& [name, text] : with) {
            text_ += separator;
            text_ += name;
            text_ += "=\"";
            append_escaped(text);
            text_ += '"';
            separator = ',';
        }
        text_ += with.empty() ? " " : "} ";
        std::array<char, 32> digits{};
        text_.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
        text_ += '\n';
    }
    std::string take() { return std::move(text_); }

private:
    void append_escaped(std::string_view text) {
        for (const char each : text) {
            if (each == '\\' || each == '"') {
                text_ += '\\';
            }
            if (each == '\n') {
                text_ += "\\n";
            } else {
                text_ += each;
            }
        }
    }

    std::string text_;
    std::string family_;
};

labels labels_of(const instance& what) {
    return {{"service", what.service}, {"replica", what.name}, {"kind", to_string(what.kind)}};
}

void family_of_samples(page& out, const std::string& name, std::string_view help, std::string_view type,
                       const look& latest, const std::function<double(const sample&)>& value) {
    out.begin(name, help, type);
    for (const auto& each : latest.samples) {
        if (const double number = value(each); !std::isnan(number)) {
            out.sample(number, labels_of(*each.of));
        }
    }
}

void add_services(page& out, const look& latest) {
    const auto family = [&](const std::string& name, std::string_view help, std::string_view type, auto value) {
        out.begin("chaosbroker_service_" + name, help, type);
        for (const auto& each : latest.services) {
            out.sample(static_cast<double>(value(each)), {{"service", each.service}});
        }
    };
    family("replicas", "Instances that are alive", "gauge", [](const auto& each) { return each.replicas; });
    family("started_total", "Instances seen", "counter", [](const auto& each) { return each.started; });
    family("ended_total", "Instances that ended", "counter", [](const auto& each) { return each.ended; });
    family("restarts_total", "Instances that came after one had ended", "counter",
           [](const auto& each) { return each.restarts; });
    family("oom_kills_total", "Instances and their children killed for lack of memory, proven", "counter",
           [](const auto& each) { return each.oom_kills; });
}

void add_host(page& out, const look& latest) {
    for (const auto& each : host_gauge_names()) {
        if (latest.host.now.has(each.figure)) {
            out.begin("chaosbroker_host_" + std::string(each.name), each.meaning, "gauge");
            out.sample(latest.host.now[each.figure], {});
        }
    }
    for (const auto& each : host_counter_names()) {
        if (latest.host.totals.has(each.figure)) {
            out.begin("chaosbroker_host_" + std::string(each.total_name) + "_total", each.meaning, "counter");
            out.sample(latest.host.totals[each.figure], {});
        }
    }
}

} // namespace

std::string metrics_page(const look& latest) {
    page out;
    add_services(out, latest);
    for (const auto& each : gauge_names()) {
        family_of_samples(out, "chaosbroker_watch_" + std::string(each.name), each.meaning, "gauge", latest,
                          [&](const sample& one) { return one.now[each.figure]; });
    }
    for (const auto& each : counter_names()) {
        family_of_samples(out, "chaosbroker_watch_" + std::string(each.total_name) + "_total", each.meaning, "counter",
                          latest, [&](const sample& one) { return one.totals[each.figure]; });
    }
    family_of_samples(out, "chaosbroker_watch_memory_limit_in_seconds", "Forecast: the memory limit is met in so long",
                      "gauge", latest,
                      [](const sample& one) { return one.memory_limit_in_s.value_or(gauges::unknown); });
    add_host(out, latest);
    return out.take();
}

} // namespace cb::watch
