// SPDX-License-Identifier: Apache-2.0
#include "app/load_verdict.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "app/load_figures.hpp"
#include "load/explanation.hpp"

namespace cb::app {
namespace {

using found = load::check_finding::outcome;

std::string most_frequent(const load::merged_seconds& totals) {
    const auto most = std::max_element(totals.errors.begin(), totals.errors.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == totals.errors.end() ? "" : ", most of them by: " + most->first.second;
}

/// To the tenth of a second, in which people read the length of a run.
std::string length_text(nanoseconds length) {
    constexpr std::int64_t tenth = 100'000'000;
    return load::duration_text(nanoseconds((length.count() + tenth / 2) / tenth * tenth));
}

/// One thread hears the workers, another stamps awaited events: each late when it has no time.
void judge_own_threads(const load::workload& work, const load::run_state& state, const load_ending& ending,
                       std::vector<std::string>& out) {
    const auto percent = [&](std::int64_t cpu_ns) {
        return 100 * static_cast<double>(cpu_ns) / static_cast<double>(ending.length.count());
    };
    if (const auto share = percent(state.coordinator_cpu_ns); share > work.own_cpu_max_percent) {
        out.push_back(
            fmt::format("the coordinator took {:.0f} % of a core, trust.cpu allows {:g} %: it may have missed "
                        "what workers said, or said it late; give fewer workers or steps",
                        share, work.own_cpu_max_percent));
    }
    if (const auto share = percent(state.consumer_cpu_ns); share > work.own_cpu_max_percent) {
        out.push_back(fmt::format("the consumer of awaited events took {:.0f} % of a core, trust.cpu allows {:g} %: "
                                  "events were stamped late; await fewer, or on more machines",
                                  share, work.own_cpu_max_percent));
    }
}

} // namespace

std::vector<std::string> reasons_for_distrust(const load::workload& work, const load::merged_seconds& totals,
                                              const load::run_state& state, const load_ending& ending) {
    std::vector<std::string> out;
    const auto sum = load::sum_of_steps(work, totals);
    const auto slip_ms = static_cast<double>(sum.slip.value_at_percentile(99)) / 1e6;
    if (slip_ms > work.slip_p99_max_ms) {
        out.push_back(fmt::format("the generator itself was late: slip p99 is {:.1f} ms, trust.slip_p99 allows {:g} ms",
                                  slip_ms, work.slip_p99_max_ms));
    }
    if (ending.length >= cpu_judged_from && !state.cpu_ns.empty()) {
        const auto busiest = *std::max_element(state.cpu_ns.begin(), state.cpu_ns.end());
        const auto percent = 100 * static_cast<double>(busiest) / static_cast<double>(ending.length.count());
        if (percent > work.own_cpu_max_percent) {
            out.push_back(fmt::format("the busiest worker took {:.0f} % of a core, trust.cpu allows {:g} %: give more "
                                      "cores, or --workers",
                                      percent, work.own_cpu_max_percent));
        }
    }
    if (ending.length >= cpu_judged_from) {
        judge_own_threads(work, state, ending, out);
    }
    for (const auto& each : state.machines_lost) {
        out.push_back(each + ": what it measured last, and all its users would have done since, is missing");
    }
    if (state.workers_lost > 0) {
        out.push_back(fmt::format("{} of {} workers ended before their users had: their last second is missing",
                                  state.workers_lost, std::max<std::size_t>(state.cpu_ns.size(), 1)));
    }
    if (state.refused > 0) {
        out.push_back(fmt::format("{} users found no room and never came: raise limits.users", grouped(state.refused)));
    }
    if (state.events_displaced > 0) {
        out.push_back(
            fmt::format("{} awaited events were forgotten before their time, for there were too many at once: "
                        "awaits may have missed them",
                        grouped(state.events_displaced)));
    }
    if (ending.cut_short) {
        out.push_back(fmt::format("stopped after {} of the {} in which users were to come", length_text(ending.length),
                                  length_text(ending.plan_length)));
    }
    return out;
}

std::vector<std::string> await_outcomes(const load::workload& work, const load::merged_seconds& totals) {
    std::vector<std::string> out;
    for (const auto& each : awaits_of(work, totals)) {
        out.push_back(fmt::format("{}: {} came, {} missing, {} doubled, {} late, {} early", work.steps[each.step].name,
                                  grouped(static_cast<std::uint64_t>(each.came)),
                                  grouped(static_cast<std::uint64_t>(each.missing)), each.doubled, each.late,
                                  each.early));
    }
    return out;
}

runstore::run_verdict judge(const load::workload& work, const load::merged_seconds& totals,
                            const std::vector<std::string>& distrust,
                            const std::vector<load::check_finding>& findings) {
    runstore::run_verdict out{runstore::outcome::passed, {}};
    for (const auto& each : distrust) {
        out.reasons.push_back("not to be trusted: " + each);
    }
    for (const auto wanted : {found::broken, found::undecided}) {
        for (const auto& each : findings) {
            if (each.result == wanted) {
                const auto name = each.name + (each.phases.empty() ? "" : " in " + each.phases);
                out.reasons.push_back(wanted == found::broken
                                          ? fmt::format("{}: expected {}, found {}", name, each.expected, each.found)
                                          : fmt::format("{}: {}", name, each.reason));
            }
        }
    }
    const auto any = [&](found what) {
        return std::any_of(findings.begin(), findings.end(), [what](const auto& each) { return each.result == what; });
    };
    const auto sum = load::sum_of_steps(work, totals);
    const auto steps = sum.response.count();
    if (!distrust.empty()) {
        out.value = runstore::outcome::inconclusive;
    } else if (any(found::broken)) {
        out.value = runstore::outcome::failed;
    } else if (any(found::undecided)) {
        out.value = runstore::outcome::inconclusive;
    } else if (findings.empty() && sum.failed.count() == steps) {
        out.value = runstore::outcome::inconclusive;
        out.reasons.push_back(steps == 0 ? "nothing was measured: no step ended"
                                         : fmt::format("nothing was measured: all {} steps failed{}", grouped(steps),
                                                       most_frequent(totals)));
    }
    return out;
}

exit_code exit_code_of(runstore::outcome verdict) {
    switch (verdict) {
    case runstore::outcome::passed: return exit_code::done;
    case runstore::outcome::failed: return exit_code::failed;
    case runstore::outcome::inconclusive: break;
    }
    return exit_code::inconclusive;
}

runstore::outcome outcome_of(found result) {
    switch (result) {
    case found::held: return runstore::outcome::passed;
    case found::broken: return runstore::outcome::failed;
    case found::undecided: break;
    }
    return runstore::outcome::inconclusive;
}

} // namespace cb::app
