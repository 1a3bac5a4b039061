// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "app/load_control.hpp"
#include "base/limits.hpp"
#include "load/run_checks.hpp"
#include "metrics/prometheus.hpp"

namespace cb::app {
namespace {

namespace json = boost::json;

/// Seconds; from a cached page to a time-out.
constexpr double latency_bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                     0.25,   0.5,   1,      2.5,   5,    10,    30,   60};
constexpr double ns_per_s = 1e9;

} // namespace

load_desk::load_desk(const load::workload& work, const load::plan_outline& outline, std::size_t workers,
                     load_controls& controls)
    : work_(work), outline_(outline), workers_(workers), controls_(controls), totals_(work.steps.size()) {
    last_.second = -1;
}

void load_desk::second(const load::merged_seconds& what, const load::run_state& state, nanoseconds planned) {
    auto figures = figures_of(work_, what, state, 1);
    const std::lock_guard lock(mutex_);
    last_ = std::move(figures);
    totals_.merge(what);
    planned_ = planned;
}

json::object load_desk::document() const {
    const auto sum = load::sum_of_steps(work_, totals_);
    json::object out{{"title", work_.title},
                     {"state", stopping_    ? "stopping"
                               : rate_ == 0 ? "paused"
                                            : "running"},
                     {"rate", json_number(rate_)},
                     {"elapsed_s", last_.second + 1},
                     {"planned_s", json_number(static_cast<double>(planned_.count()) / ns_per_s)},
                     {"plan_s", json_number(static_cast<double>(outline_.length.count()) / ns_per_s)},
                     {"workers", workers_},
                     {"steps", sum.response.count()},
                     {"failed", sum.failed.count()}};
    out["last_second"] = to_json(work_, last_);
    return out;
}

void load_desk::ask_for(double rate) {
    if (rate == 0 && rate_ != 0) {
        rate_before_pause_ = rate_;
    }
    rate_ = rate;
    controls_.set_rate(rate);
}

admin::http_response load_desk::state() const {
    const std::lock_guard lock(mutex_);
    return admin::json_response(document());
}

admin::http_response load_desk::pause() {
    const std::lock_guard lock(mutex_);
    ask_for(0);
    return admin::json_response(document());
}

admin::http_response load_desk::resume() {
    const std::lock_guard lock(mutex_);
    if (rate_ == 0) {
        ask_for(rate_before_pause_);
    }
    return admin::json_response(document());
}

admin::http_response load_desk::change(const std::string& body) {
    const std::string right =
        "a change is {\"rate\": 1.5}: how many times as fast users come as the plan says, from 0 to " +
        metrics::prometheus_page::number_text(limits::load_rate_factor);
    boost::system::error_code code;
    const auto parsed = json::parse(body, code);
    if (code || !parsed.is_object()) {
        return admin::error_response(400, "bad_request", right);
    }
    for (const auto& [name, value] : parsed.get_object()) {
        if (name != "rate") {
            return admin::error_response(400, "unknown_key", "'" + std::string(name) + "' is not understood; " + right,
                                         std::string(name));
        }
        const auto rate = value.is_number() ? value.to_number<double>() : -1;
        if (!(rate >= 0 && rate <= limits::load_rate_factor)) {
            return admin::error_response(400, "invalid_rate", right, "rate");
        }
        const std::lock_guard lock(mutex_);
        ask_for(rate);
        return admin::json_response(document());
    }
    return admin::error_response(400, "bad_request", right);
}

admin::http_response load_desk::stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    controls_.stop();
    return admin::json_response(document());
}

std::string load_desk::metrics() const {
    const std::lock_guard lock(mutex_);
    metrics::prometheus_page page;
    const auto& state = last_.state;
    page.begin_gauge("chaosbroker_load_users", "Virtual users that are there, by what they do.");
    for (std::size_t i = 1; i < load::user_states; ++i) {
        page.sample(state.users[i], {{"state", state_name(i)}});
    }
    page.counter("chaosbroker_load_users_started_total", "Users that have come.", state.started);
    page.counter("chaosbroker_load_users_ended_total", "Users that have gone.", state.ended);
    page.counter("chaosbroker_load_users_refused_total", "Users that found no room.", state.refused);
    page.gauge("chaosbroker_load_connections", "Open connections.", state.connections);
    page.counter("chaosbroker_load_connects_total", "Connections made.", state.connects);
    page.gauge("chaosbroker_load_rate_factor", "How many times as fast users come as the plan says.", rate_);
    page.gauge("chaosbroker_load_workers", "Worker processes.", workers_);
    page.gauge("chaosbroker_load_workers_lost", "Workers that ended before their users.", state.workers_lost);
    page.gauge("chaosbroker_load_machines_lost", "Machines that were lost, or left.", state.machines_lost.size());
    page.gauge("chaosbroker_load_elapsed_seconds", "Since the start of the run.", last_.second + 1);
    page.begin_counter("chaosbroker_load_worker_cpu_seconds_total", "CPU time of a worker.");
    for (std::size_t i = 0; i < state.cpu_ns.size(); ++i) {
        page.sample(static_cast<double>(state.cpu_ns[i]) / ns_per_s, {{"worker", std::to_string(i)}});
    }
    const auto histogram = [&](const char* name, const char* help, metrics::hdr_histogram load::step_interval::*of) {
        page.begin_histogram(name, help);
        for (std::size_t i = 0; i < work_.steps.size(); ++i) {
            page.histogram_sample(totals_.steps[i].*of, ns_per_s, latency_bounds, {{"step", work_.steps[i].name}});
        }
    };
    histogram("chaosbroker_load_response_seconds", "From when a step was due to its end, failed ones included.",
              &load::step_interval::response);
    histogram("chaosbroker_load_service_seconds", "From when a request was really sent to its end.",
              &load::step_interval::service);
    histogram("chaosbroker_load_slip_seconds", "The generator's own lateness.", &load::step_interval::slip);
    const auto counter = [&](const char* name, const char* help, auto value) {
        page.begin_counter(name, help);
        for (std::size_t i = 0; i < work_.steps.size(); ++i) {
            page.sample(value(totals_.steps[i]), {{"step", work_.steps[i].name}});
        }
    };
    counter("chaosbroker_load_failed_total", "Steps that failed.",
            [](const auto& each) { return each.failed.count(); });
    counter("chaosbroker_load_sent_bytes_total", "Bytes sent.", [](const auto& each) { return each.sent_bytes; });
    counter("chaosbroker_load_received_bytes_total", "Bytes received.",
            [](const auto& each) { return each.received_bytes; });
    page.begin_gauge("chaosbroker_load_awaits", "What became of awaited events so far; a double can be taken back.");
    for (const auto& each : awaits_of(work_, totals_)) {
        for (const auto& [outcome, count] :
             {std::pair("came", each.came), std::pair("missing", each.missing), std::pair("doubled", each.doubled),
              std::pair("late", each.late), std::pair("early", each.early)}) {
            page.sample(static_cast<double>(count), {{"step", work_.steps[each.step].name}, {"outcome", outcome}});
        }
    }
    page.begin_counter("chaosbroker_load_errors_total", "Errors by step and kind; without a step: of no step.");
    for (const auto& [key, count] : totals_.errors) {
        page.sample(count, {{"step", key.first == load::no_step ? std::string_view() : work_.steps[key.first].name},
                            {"kind", key.second}});
    }
    return page.take();
}

std::vector<admin::route> load_desk::routes(const std::string& version) {
    std::vector<admin::route> out;
    const auto add = [&](const char* method, const char* path, const char* summary, std::vector<std::string> body_types,
                         std::vector<unsigned> statuses, auto handle) {
        out.push_back({method, path, summary, {}, std::move(body_types), std::move(statuses), handle, {}});
    };
    // A body of a stated type, even an empty object: no web page can send that by itself.
    const std::vector<std::string> json_type{"application/json"};
    add("GET", "/v1/load", "How the run stands", {}, {200}, [this](const auto&) { return state(); });
    add("PATCH", "/v1/load", "Change the rate", json_type, {200, 400, 415},
        [this](const auto& request) { return change(request.body); });
    add("POST", "/v1/load/pause", "Nobody comes until resumed; who is there goes on", json_type, {200, 415},
        [this](const auto&) { return pause(); });
    add("POST", "/v1/load/resume", "Users come again, as fast as before the pause", json_type, {200, 415},
        [this](const auto&) { return resume(); });
    add("POST", "/v1/load/stop", "End the run, and report what was measured", json_type, {200, 415},
        [this](const auto&) { return stop(); });
    add("GET", "/metrics", "Prometheus text", {}, {200}, [this](const auto&) {
        return admin::http_response{200, metrics::prometheus_page::content_type, metrics()};
    });
    add("GET", "/healthz", "The control API answers", {}, {200}, [](const auto&) {
        return admin::json_response(json::object{{"status", "ok"}});
    });
    auto document = std::make_shared<std::string>();
    add("GET", "/openapi.json", "This document", {}, {200}, [document](const auto&) {
        return admin::http_response{200, "application/json", *document};
    });
    *document = json::serialize(admin::openapi_document(out, version));
    return out;
}

} // namespace cb::app
