// SPDX-License-Identifier: Apache-2.0
// load_probe SCENARIO [WORKERS]: runs the load engine, says when it has started and each second, and prints the totals
// as one line of JSON at last.
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>

#include <boost/json/serialize.hpp>

#include "load/compiler.hpp"
#include "load/load_run.hpp"

namespace {

using namespace cb;
namespace json = boost::json;

class listener final : public load::run_observer {
public:
    void started(mono_time, wall_time_ms) override { say("started"); }
    void second(const load::merged_seconds& what, const load::run_state& state) override {
        say("second " + std::to_string(what.second));
        lag_max = std::max(lag_max, state.await_lag_max);
    }
    void notice(std::string_view text) override { notices.emplace_back(text); }

    static void say(const std::string& text) {
        std::printf("%s\n", text.c_str());
        std::fflush(stdout);
    }

    nanoseconds lag_max{0};
    json::array notices;
};

json::object totals_of(const load::workload& work, const load::load_run& run) {
    json::object steps;
    for (std::size_t i = 0; i < work.steps.size(); ++i) {
        const auto& each = run.totals().steps[i];
        json::object errors;
        for (const auto& [key, count] : run.totals().errors) {
            if (key.first == i) {
                errors[key.second] = count;
            }
        }
        steps[work.steps[i].name] = json::object{{"count", each.response.count()},
                                                 {"failed", each.failed.count()},
                                                 {"doubled", each.doubled},
                                                 {"late", each.late},
                                                 {"early", each.early},
                                                 {"sent_bytes", each.sent_bytes},
                                                 {"p50_ms", each.response.value_at_percentile(50) / 1e6},
                                                 {"max_ms", each.response.value_at_percentile(100) / 1e6},
                                                 {"errors", std::move(errors)}};
    }
    return steps;
}

int run_file(const std::string& file, std::optional<std::uint32_t> workers) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto work = load::read_workload(text, file, load::machine_surroundings(file), 1);
    if (!work) {
        std::fprintf(stderr, "%s\n", work.error().text().c_str());
        return 2;
    }
    const auto plan = load::plan_load(*work, {}, load::read_machine_facts(), workers);
    if (!plan) {
        std::fprintf(stderr, "%s\n", plan.error().c_str());
        return 4;
    }
    load::load_run run(*work, *plan, {});
    run.make_workers();
    listener heard;
    run.run(heard);
    const auto& state = run.state();
    const json::object out{{"steps", totals_of(*work, run)},
                           {"workers", plan->workers},
                           {"started", state.started},
                           {"ended", state.ended},
                           {"lost", state.workers_lost},
                           {"events", state.events},
                           {"no_json", state.events_no_json},
                           {"unclaimed", state.events_unclaimed},
                           {"displaced", state.events_displaced},
                           {"lag_max_ms", static_cast<double>(heard.lag_max.count()) / 1e6},
                           {"notices", heard.notices}};
    std::printf("%s\n", json::serialize(out).c_str());
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run_file(argv[1], argc > 2 ? std::optional<std::uint32_t>(std::atoi(argv[2])) : std::nullopt);
    } catch (const std::exception& wrong) {
        std::fprintf(stderr, "%s\n", wrong.what());
        return 4;
    }
}
