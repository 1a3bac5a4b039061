// SPDX-License-Identifier: Apache-2.0
#include "app/load_figures.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "load/run_checks.hpp"

namespace cb::app {
namespace {

namespace json = boost::json;

std::int64_t us(std::int64_t ns) { return (ns + 500) / 1000; }

} // namespace

std::vector<await_figures> awaits_of(const load::workload& work, const load::merged_seconds& what) {
    std::vector<await_figures> out;
    for (std::size_t i = 0; i < what.steps.size(); ++i) {
        const auto& step = what.steps[i];
        if (work.steps[i].what != load::measured_step::kind::await || step.empty()) {
            continue;
        }
        const auto missing = static_cast<std::int64_t>(step.failed.count());
        const auto ended = static_cast<std::int64_t>(step.response.count());
        out.push_back(
            {static_cast<load::step_index>(i), ended - missing, missing, step.doubled, step.late, step.early});
    }
    return out;
}

load_figures figures_of(const load::workload& work, const load::merged_seconds& what, const load::run_state& state,
                        double seconds) {
    load_figures out;
    const auto all = load::sum_of_steps(work, what);
    out.second = what.second;
    out.seconds = seconds;
    out.steps = all.response.count() + all.response.out_of_range();
    out.failed = all.failed.count() + all.failed.out_of_range();
    out.p50_ns = all.response.value_at_percentile(50);
    out.p95_ns = all.response.value_at_percentile(95);
    out.p99_ns = all.response.value_at_percentile(99);
    out.max_ns = all.response.max();
    out.slip_p99_ns = all.slip.value_at_percentile(99);
    if (!state.cpu_share.empty()) {
        out.cpu_busiest = *std::max_element(state.cpu_share.begin(), state.cpu_share.end());
        out.cpu_all = std::accumulate(state.cpu_share.begin(), state.cpu_share.end(), 0.0);
    }
    out.state = state;
    out.errors = what.errors;
    out.awaits = awaits_of(work, what);
    return out;
}

json::object to_json(const load::workload& work, const load_figures& of) {
    json::object users;
    for (std::size_t i = 1; i < load::user_states; ++i) {
        users[state_name(i)] = of.state.users[i];
    }
    json::array errors;
    for (const auto& [key, count] : of.errors) {
        const auto step = key.first == load::no_step ? json::value() : json::value(work.steps[key.first].name);
        errors.push_back(json::object{{"step", step}, {"kind", key.second}, {"count", count}});
    }
    json::array awaits;
    for (const auto& each : of.awaits) {
        awaits.push_back(json::object{{"step", work.steps[each.step].name},
                                      {"came", each.came},
                                      {"missing", each.missing},
                                      {"doubled", each.doubled},
                                      {"late", each.late},
                                      {"early", each.early}});
    }
    return json::object{
        {"second", of.second},
        {"steps", of.steps},
        {"steps_per_s", json_number(of.steps_per_s())},
        {"failed", of.failed},
        {"response_us",
         json::object{{"p50", us(of.p50_ns)}, {"p95", us(of.p95_ns)}, {"p99", us(of.p99_ns)}, {"max", us(of.max_ns)}}},
        {"slip_p99_us", us(of.slip_p99_ns)},
        {"users", std::move(users)},
        {"users_started", of.state.started},
        {"users_ended", of.state.ended},
        {"users_refused", of.state.refused},
        {"connections", of.state.connections},
        {"cpu_busiest_worker", json_number(of.cpu_busiest)},
        {"cpu_all_workers", json_number(of.cpu_all)},
        {"workers_lost", of.state.workers_lost},
        {"rate", json_number(of.state.rate_factor)},
        {"machines_lost", of.state.machines_lost.size()},
        {"errors", std::move(errors)},
        {"awaits", std::move(awaits)}};
}

json::value json_number(double number) {
    constexpr double whole_up_to = 1e15;
    const bool whole = std::abs(number) < whole_up_to && number == std::trunc(number);
    return whole ? json::value(static_cast<std::int64_t>(number)) : json::value(number);
}

const char* state_name(std::size_t state) {
    constexpr const char* names[load::user_states] = {"absent", "pausing", "requesting", "publishing", "awaiting"};
    return names[state];
}

std::string grouped(std::uint64_t number) {
    auto out = std::to_string(number);
    for (auto at = static_cast<std::ptrdiff_t>(out.size()) - 3; at > 0; at -= 3) {
        out.insert(static_cast<std::size_t>(at), ",");
    }
    return out;
}

std::string clock_text(std::int64_t seconds) {
    const auto minutes = seconds / 60;
    return minutes < 60 ? fmt::format("{}:{:02}", minutes, seconds % 60)
                        : fmt::format("{}:{:02}:{:02}", minutes / 60, minutes % 60, seconds % 60);
}

} // namespace cb::app
