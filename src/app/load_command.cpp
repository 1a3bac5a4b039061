// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>

#include "app/commands.hpp"
#include "load/compiler.hpp"
#include "load/load_run.hpp"

namespace cb::app {
namespace {

class plain_view final : public load::run_observer {
public:
    explicit plain_view(const load::workload& work) : work_(work) {}
    void started(mono_time, wall_time_ms) override {}
    void second(const load::merged_seconds& what, const load::run_state& state) override {
        metrics::hdr_histogram all(metrics::latency_shape_ns(3));
        metrics::hdr_histogram slip(metrics::latency_shape_ns(3));
        std::uint64_t failed = 0;
        for (const auto& step : what.steps) {
            all.merge(step.response);
            slip.merge(step.slip);
            failed += step.failed.count();
        }
        double busiest = 0, sum = 0;
        for (const auto share : state.cpu_share) {
            busiest = std::max(busiest, share);
            sum += share;
        }
        std::printf("%4lld s users %llu conns %llu rate %llu failed %llu p50 %.2f p95 %.2f p99 %.2f ms slip p99 %.2f ms "
                    "cpu %.2f busiest %.2f\n",
                    static_cast<long long>(what.second + 1), static_cast<unsigned long long>(state.users_present()),
                    static_cast<unsigned long long>(state.connections), static_cast<unsigned long long>(all.count()),
                    static_cast<unsigned long long>(failed), all.value_at_percentile(50) / 1e6,
                    all.value_at_percentile(95) / 1e6, all.value_at_percentile(99) / 1e6,
                    slip.value_at_percentile(99) / 1e6, sum, busiest);
        for (const auto& [key, count] : what.errors) {
            std::printf("     %s: %llu\n", key.second.c_str(), static_cast<unsigned long long>(count));
        }
        std::fflush(stdout);
    }
    void notice(std::string_view text) override { std::printf("%.*s\n", static_cast<int>(text.size()), text.data()); }

private:
    [[maybe_unused]] const load::workload& work_;
};

exit_code load_file(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto work = load::read_workload(text, file, load::machine_surroundings(file), 1);
    if (!work) {
        throw command_error(exit_code::usage, work.error().text());
    }
    std::vector<load::endpoint> targets;
    for (const auto& each : work->targets) {
        targets.push_back(load::resolve(each));
    }
    const auto plan = load::plan_load(*work, targets, load::read_machine_facts(), std::nullopt);
    if (!plan) {
        throw command_error(exit_code::environment, plan.error());
    }
    std::printf("workers %u users %zu user bytes %zu memory %zu kernel %zu\n", plan->workers, plan->users_max,
                plan->user_bytes, plan->memory_bytes, plan->kernel_bytes);
    load::load_run run(*work, *plan, targets);
    run.make_workers();
    plain_view view(*work);
    run.run(view);
    return exit_code::done;
}

} // namespace

void add_load_command(CLI::App& program, exit_code& outcome) {
    auto* command = program.add_subcommand("load", "Send virtual users");
    auto file = std::make_shared<std::string>();
    command->add_option("scenario", *file, "")->required();
    command->callback([file, &outcome] { outcome = load_file(*file); });
}

} // namespace cb::app
