// SPDX-License-Identifier: Apache-2.0
#include "load/compiler.hpp"

#include "load/check_parser.hpp"
#include "load/compile_tables.hpp"
#include "load/scenario_parser.hpp"
#include "load/written_text.hpp"

namespace cb::load {
namespace {

std::uint16_t phase_named(const file::written& name, const std::vector<run_phase>& phases) {
    for (std::size_t i = 0; i < phases.size(); ++i) {
        if (phases[i].name == name.text) {
            return static_cast<std::uint16_t>(i);
        }
    }
    std::string known;
    for (const auto& each : phases) {
        known += (known.empty() ? "" : ", ") + each.name;
    }
    name.at.refuse("there is no phase '" + name.text + "'; " +
                   (known.empty() ? "name some: timeline: [{phase: warm-up, for: 30s}, {phase: steady}]"
                                  : "the timeline has " + known));
}

void compile_timeline(const std::vector<file::timeline_phase>& from, workload& out) {
    std::int64_t start_s = 0;
    for (const auto& each : from) {
        out.phases.push_back({each.name.text, start_s, each.name.text != warm_up_phase});
        start_s += each.seconds.value_or(0);
    }
}

run_check compile_check(const file::asked_check& from, const compile_tables& tables) {
    auto out = file::without_indices(from);
    for (const auto& each : from.phases) {
        out.phases.push_back(phase_named(each, tables.out.phases));
    }
    if (from.step) {
        const auto found = tables.steps.find(from.step->text);
        if (found == tables.steps.end()) {
            from.step->at.refuse("there is no step '" + from.step->text + "'; " +
                                 suggestion_of(from.step->text, tables.steps));
        }
        out.step = found->second;
    }
    return out;
}

workload compile_all(const file::scenario_file& from, const surroundings& around, std::uint64_t seed) {
    workload out;
    out.title = from.name;
    out.seed = from.seed.value_or(seed);
    compile_tables tables{out, around, {}, {}, {}};
    compile_surroundings(from, tables);
    compile_feeds(from.feeds, tables);
    std::map<std::string, std::uint16_t> programs;
    for (const auto& each : from.scenarios) {
        const auto shared = tables.feeds;
        compile_feeds(each.feeds, tables);
        if (each.arrivals.closed && out.users_max && each.arrivals.users() > *out.users_max) {
            each.at["inject"].refuse("asks for " + std::to_string(each.arrivals.users()) +
                                     " users at the same time, and limits.users is " + std::to_string(*out.users_max));
        }
        auto made = compile_program(each, tables);
        if (each.after) {
            made.after = programs.at(each.after->text);
        }
        programs[each.name.text] = add_to(out.programs, std::move(made), each.name.at);
        tables.feeds = shared;
    }
    compile_timeline(from.timeline, out);
    for (const auto& each : from.checks) {
        out.checks.push_back(compile_check(each, tables));
    }
    return out;
}

} // namespace

std::optional<std::size_t> workload::phase_at(std::int64_t second) const {
    std::optional<std::size_t> out;
    for (std::size_t i = 0; i < phases.size() && phases[i].start_s <= second; ++i) {
        out = i;
    }
    return out;
}

step_index add_step(compile_tables& tables, const file::written& name, measured_step::kind what, std::string service) {
    if (tables.steps.contains(name.text)) {
        name.at.refuse("two steps have the name '" + name.text + "'; results stand under names, so each needs its own");
    }
    const auto index = add_to(tables.out.steps, measured_step{name.text, what, std::move(service)}, name.at);
    tables.steps[name.text] = index;
    return index;
}

tl::expected<workload, document::mistake> compile(const file::scenario_file& from, const std::string& file,
                                                  const surroundings& around, std::uint64_t seed) {
    return document::guarded(file, [&] { return compile_all(from, around, seed); });
}

tl::expected<workload, document::mistake> read_workload(std::string_view text, const std::string& file,
                                                        const surroundings& around, std::uint64_t seed) {
    const auto parsed = file::parse_scenario(text, file);
    if (!parsed) {
        return tl::unexpected(parsed.error());
    }
    return compile(*parsed, file, around, seed);
}

} // namespace cb::load
