// SPDX-License-Identifier: Apache-2.0
#include "watch/sample_json.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "base/log.hpp"

namespace cb::watch {
namespace {

/// One JSON object on a line. Lives while the line is written.
class json_line {
public:
    explicit json_line(std::string& out) : out_(out) { out_ += '{'; }

    void text(std::string_view name, std::string_view value) {
        key(name);
        append_json_string(out_, value);
    }
    void number(std::string_view name, double value) {
        if (std::isnan(value)) {
            return;
        }
        key(name);
        std::array<char, 32> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
        out_.append(digits.data(), end);
    }
    /// Rates and ages: more than six digits are noise.
    void rounded(std::string_view name, double value) {
        if (std::isnan(value)) {
            return;
        }
        key(name);
        std::array<char, 32> digits{};
        constexpr int significant = 6;
        const auto end =
            std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::general, significant)
                .ptr;
        out_.append(digits.data(), end);
    }
    void open(std::string_view name) {
        key(name);
        out_ += '{';
        first_ = true;
    }
    void close() {
        out_ += '}';
        first_ = false;
    }
    void end() { out_ += "}\n"; }

private:
    void key(std::string_view name) {
        out_ += first_ ? "\"" : ",\"";
        out_ += name;
        out_ += "\":";
        first_ = false;
    }

    std::string& out_;
    bool first_ = true;
};

void begin_line(json_line& line, std::string_view type, const std::string& time) {
    line.text("type", type);
    line.text("time", time);
}

void append_host(std::string& out, const look& what, const std::string& time) {
    json_line line(out);
    begin_line(line, "host", time);
    line.rounded("interval_s", what.host.interval_s);
    line.open("figures");
    for (const auto& each : host_gauge_names()) {
        line.number(each.name, what.host.now[each.figure]);
    }
    for (const auto& each : host_counter_names()) {
        line.rounded(each.rate_name, what.host.rates[each.figure]);
    }
    line.close();
    line.open("totals");
    for (const auto& each : host_counter_names()) {
        line.number(each.total_name, what.host.totals[each.figure]);
    }
    line.close();
    line.number("load_users", what.load_users.value_or(gauges::unknown));
    line.end();
}

void append_service(std::string& out, const service_state& service, const std::string& time) {
    json_line line(out);
    begin_line(line, "service", time);
    line.text("service", service.service);
    line.number("replicas", static_cast<double>(service.replicas));
    line.number("started", static_cast<double>(service.started));
    line.number("ended", static_cast<double>(service.ended));
    line.number("restarts", static_cast<double>(service.restarts));
    line.number("oom_kills", static_cast<double>(service.oom_kills));
    line.end();
}

void name_instance(json_line& line, const instance& what) {
    line.text("service", what.service);
    line.text("instance", what.name);
    line.text("identity", what.identity);
}

void append_event(std::string& out, const event& what) {
    json_line line(out);
    begin_line(line, to_string(what.what), utc_timestamp(what.wall_ms));
    if (what.of) {
        name_instance(line, *what.of);
        line.text("kind", to_string(what.of->kind));
        line.text("started", utc_timestamp(what.of->started_ms));
    }
    if (!what.text.empty()) {
        line.text("text", what.text);
    }
    if (what.how) {
        line.text("cause", to_string(what.how->cause));
        line.number("exit_code", what.how->exit_code ? *what.how->exit_code : gauges::unknown);
        line.number("signal", what.how->signal ? *what.how->signal : gauges::unknown);
        if (!what.how->evidence.empty()) {
            line.text("evidence", what.how->evidence);
        }
    }
    if (what.what == event::kind::child_killed && what.pid != 0) {
        line.number("pid", what.pid);
    }
    if (what.what == event::kind::gap) {
        line.rounded("seconds", what.seconds);
    }
    line.end();
}

void append_sample(std::string& out, const sample& what, const std::string& time) {
    json_line line(out);
    begin_line(line, "sample", time);
    name_instance(line, *what.of);
    line.rounded("interval_s", what.interval_s);
    line.open("figures");
    for (const auto& each : gauge_names()) {
        line.number(each.name, what.now[each.figure]);
    }
    for (const auto& each : counter_names()) {
        line.rounded(each.rate_name, what.rates[each.figure]);
    }
    line.close();
    line.open("totals");
    for (const auto& each : counter_names()) {
        line.number(each.total_name, what.totals[each.figure]);
    }
    line.close();
    line.rounded("memory_limit_in_s", what.memory_limit_in_s.value_or(gauges::unknown));
    line.rounded("memory_limit_at_users", what.memory_limit_at_users.value_or(gauges::unknown));
    line.end();
}

} // namespace

void append_json_lines(std::string& out, const look& what) {
    const auto time = utc_timestamp(what.wall_ms);
    append_host(out, what, time);
    for (const auto& each : what.services) {
        append_service(out, each, time);
    }
    for (const auto& each : what.events) {
        append_event(out, each);
    }
    for (const auto& each : what.samples) {
        append_sample(out, each, time);
    }
}

} // namespace cb::watch
