// SPDX-License-Identifier: Apache-2.0
#include "app/load_recording.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "app/load_figures.hpp"
#include "app/load_verdict.hpp"
#include "base/limits.hpp"
#include "load/own_use.hpp"

namespace cb::app {
namespace {

/// The kernel walks all pages of a process to answer this, so it is not asked each second.
constexpr std::int64_t seconds_between_memory_samples = 5;
constexpr std::int64_t ms_per_s = 1000;
constexpr const char* own_service = "load-generator";

/// Which scenario a step is of. Its name stands once in the file.
std::string scenario_of(const load::workload& work, load::step_index step) {
    for (const auto& each : work.programs) {
        const auto has = [step](const auto& list) {
            return std::any_of(list.begin(), list.end(), [step](const auto& one) { return one.step == step; });
        };
        const bool group = std::any_of(each.code.begin(), each.code.end(), [step](const load::instruction& one) {
            return one.op == load::opcode::group_begin && one.a == step;
        });
        if (group || has(each.http) || has(each.messages) || has(each.awaits)) {
            return each.name;
        }
    }
    return work.title;
}

runstore::step_second of_step(runstore::step_id id, const load::step_interval& from) {
    runstore::step_second out;
    out.step = id;
    out.count = from.response.count() + from.response.out_of_range();
    out.failed = from.failed.count() + from.failed.out_of_range();
    out.bytes_sent = from.sent_bytes;
    out.bytes_received = from.received_bytes;
    out.response = &from.response;
    out.service = &from.service;
    out.slip = &from.slip;
    out.failed_response = &from.failed;
    return out;
}

/// The slowest, and what failed, in turn: the first of them are kept when there is not room for all.
std::vector<runstore::witness> witnesses_of(std::vector<load::step_witness> from,
                                            const std::vector<runstore::step_id>& steps) {
    const auto slow =
        std::stable_partition(from.begin(), from.end(), [](const auto& each) { return !each.kind.empty(); });
    std::sort(slow, from.end(), [](const auto& a, const auto& b) { return a.response_ns > b.response_ns; });
    std::vector<runstore::witness> out;
    const auto take = [&](const load::step_witness& each) {
        out.push_back({each.at_ns / 1'000'000, steps[each.step], static_cast<std::int64_t>(each.user), each.kind,
                       each.response_ns, each.detail});
    };
    for (auto failed = from.begin(), slower = slow; failed != slow || slower != from.end();) {
        if (failed != slow) {
            take(*failed++);
        }
        if (slower != from.end()) {
            take(*slower++);
        }
    }
    return out;
}

} // namespace

load_recording::load_recording(runstore::run_folder folder, const load::workload& work, runstore::run_description about)
    : folder_(std::move(folder)), work_(work), about_(std::move(about)) {}

template <class Value>
Value load_recording::kept(result<Value> what) {
    if (!what) {
        if (failure_.empty()) {
            failure_ = what.error().message;
        }
        return {};
    }
    return std::move(*what);
}

void load_recording::kept(const result<void>& what) {
    if (!what && failure_.empty()) {
        failure_ = what.error().message;
    }
}

void load_recording::begin(mono_time at, wall_time_ms wall_ms, const std::vector<load::worker_identity>& workers) {
    about_.started_ms = wall_ms;
    about_.started_mono_ns = at.time_since_epoch().count();
    if (joined_) {
        constexpr double ns_per_s = 1e9;
        offset_s_ = static_cast<std::int64_t>(std::lround(static_cast<double>((at - *joined_).count()) / ns_per_s));
    }
    writer_ = kept(joined_ ? runstore::run_writer::join(folder_) : runstore::run_writer::create(folder_, about_));
    if (writer_) {
        make_known(workers);
        begin_phases(0);
    }
}

void load_recording::make_known(const std::vector<load::worker_identity>& workers) {
    for (std::size_t i = 0; i < work_.steps.size(); ++i) {
        const auto scenario = scenario_of(work_, static_cast<load::step_index>(i));
        steps_.push_back(kept(writer_->step(scenario, work_.steps[i].name)));
    }
    const auto add_process = [&](const load::worker_identity& of, const std::string& name) {
        const auto where = of.machine.empty() ? "" : " of machine " + of.machine;
        const auto identity = fmt::format("{}{} of {}", of.id, where, about_.started_ms);
        const auto instance =
            kept(writer_->instance({own_service, name, identity, 0, fmt::format("process {}{}", of.id, where)}));
        processes_.push_back({of.machine.empty() ? of.id : 0, instance, 0});
    };
    for (std::size_t i = 0; i < workers.size(); ++i) {
        add_process(workers[i], fmt::format("worker {}", i));
    }
    add_process({"", ::getpid()}, "coordinator");
    processes_.back().cpu_ns_before = load::process_cpu_ns();
    cpu_ = kept(writer_->metric("cpu_cores", "cores"));
    memory_ = kept(writer_->metric("proportional_bytes", "bytes"));
    connections_ = kept(writer_->metric("connections", ""));
}

/// Those that have begun by this second.
void load_recording::begin_phases(std::int64_t second) {
    if (joined_) {
        return;
    }
    if (work_.phases.empty()) {
        if (phases_begun_ == 0) {
            ++phases_begun_;
            kept(writer_->begin_phase("load", 0));
        }
        return;
    }
    for (; phases_begun_ < work_.phases.size() && work_.phases[phases_begun_].start_s <= second; ++phases_begun_) {
        const auto& phase = work_.phases[phases_begun_];
        if (phases_begun_ > 0) {
            kept(writer_->end_phase(phase.start_s * ms_per_s));
        }
        kept(writer_->begin_phase(phase.name, phase.start_s * ms_per_s, phase.judged));
    }
}

void load_recording::second(const load::merged_seconds& what, const load::run_state& state) {
    if (!writer_ || !failure_.empty()) {
        return;
    }
    begin_phases(what.second);
    runstore::load_second out;
    out.second = what.second + offset_s_;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        if (!what.steps[i].empty()) {
            out.steps.push_back(of_step(steps_[i], what.steps[i]));
        }
    }
    for (const auto& [key, count] : what.errors) {
        const auto step = key.first == load::no_step ? std::nullopt : std::optional(steps_[key.first]);
        out.errors.push_back({step, key.second, count});
    }
    for (std::size_t i = 1; i < load::user_states; ++i) {
        out.users.push_back({state_name(i), static_cast<std::int64_t>(state.users[i])});
    }
    for (const auto& each : awaits_of(work_, what)) {
        out.awaits.push_back({steps_[each.step], each.came, each.missing, each.doubled, each.late, each.early});
    }
    out.witnesses = witnesses_of(what.witnesses, steps_);
    if (offset_s_ != 0) {
        for (auto& each : out.witnesses) {
            each.at_ms += offset_s_ * ms_per_s;
        }
    }
    sample_own_use((out.second + 1) * ms_per_s, state);
    kept(writer_->write(out));
}

void load_recording::sample_own_use(std::int64_t at_ms, const load::run_state& state) {
    for (std::size_t i = 0; i < state.cpu_share.size(); ++i) {
        add(at_ms, processes_[i], cpu_, state.cpu_share[i]);
        add(at_ms, processes_[i], connections_, static_cast<double>(state.connections_of[i]));
    }
    auto& own = processes_.back();
    const auto used = load::process_cpu_ns();
    add(at_ms, own, cpu_, static_cast<double>(used - own.cpu_ns_before) / 1e9);
    own.cpu_ns_before = used;
    if ((at_ms / ms_per_s - 1) % seconds_between_memory_samples == 0) {
        for (std::size_t i = 0; i < processes_.size(); ++i) {
            const auto& each = processes_[i];
            const auto bytes = each.id != 0 ? load::proportional_bytes(each.id)
                                            : std::optional(state.memory_bytes[i]); // as its own machine said
            if (bytes && *bytes > 0) {
                add(at_ms, each, memory_, static_cast<double>(*bytes));
            }
        }
    }
}

void load_recording::add(std::int64_t at_ms, const own_process& of, runstore::metric_id metric, double value) {
    kept(writer_->add(runstore::sample{at_ms, of.instance, metric, value}));
}

void load_recording::note(std::int64_t at_ms, const std::string& kind, std::string_view text) {
    if (writer_ && failure_.empty()) {
        kept(writer_->add(runstore::run_note{at_ms + offset_s_ * ms_per_s, kind, std::string(text)}));
    }
}

void load_recording::finish(nanoseconds length, const std::vector<load::check_finding>& findings,
                            const runstore::run_verdict& verdict) {
    if (!writer_ || !failure_.empty()) {
        return;
    }
    if (joined_) {
        kept(writer_->flush());
        return;
    }
    for (const auto& each : findings) {
        kept(writer_->add(runstore::check_result{each.name, each.phases, each.expected, each.found,
                                                 outcome_of(each.result), each.reason}));
    }
    kept(writer_->set_verdict(verdict));
    const auto end_ms = std::chrono::duration_cast<milliseconds>(length).count();
    kept(writer_->end_phase(end_ms));
    kept(writer_->finish(end_ms));
}

} // namespace cb::app
