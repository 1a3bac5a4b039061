// SPDX-License-Identifier: Apache-2.0
#include "load/scenario_parser.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "load/check_parser.hpp"
#include "load/injection_parser.hpp"
#include "load/service_parser.hpp"
#include "load/step_parser.hpp"
#include "load/written_text.hpp"

namespace cb::load::file {
namespace {

using document::field;

constexpr nanoseconds default_timeout = std::chrono::seconds(60);

/// What holds for a scenario unless it says otherwise.
struct scenario_defaults {
    bool poisson = true;
    on_failure failure = on_failure::go_on;
    nanoseconds timeout = default_timeout;
    bool cookies = false;
};

scenario_defaults parse_defaults(const field& in, scenario_defaults out) {
    if (in["arrivals"].there()) {
        out.poisson = parse_arrivals(in["arrivals"]);
    }
    if (in["on_failure"].there()) {
        out.failure = parse_on_failure(in["on_failure"]);
    }
    if (in["timeout"].there()) {
        out.timeout = take_time(in["timeout"]);
    }
    if (in["cookies"].there()) {
        out.cookies = in["cookies"].boolean();
    }
    return out;
}

/// `inject` and `steps` of a file with one scenario, or of an element of `scenarios`.
scenario parse_one(const field& in, const scenario_defaults& outer, step_parser& parser) {
    const auto settings = parse_defaults(in, outer);
    scenario out{{"", in}, {}, {}, {}, settings.failure, settings.timeout, settings.cookies, {}, in};
    out.name = take_name(need(in, "name", "`name: browse`"), "the name of the scenario");
    const std::string example = "`inject: {open: [{constant_users_per_sec: {rate: 200, during: 5m}}]}`";
    out.arrivals = parse_injection(need(in, "inject", example), settings.poisson);
    const auto list = need(in, "steps", "`steps: [{http: {get: /goods}}]`");
    out.body = parser.parse(list);
    if (out.body.empty()) {
        list.refuse("must hold at least one step");
    }
    return out;
}

void parse_scenarios(const field& in, const scenario_defaults& outer, step_parser& parser, scenario_file& out) {
    if (!in.is_list() || in.elements().empty()) {
        in.refuse("must be a list of scenarios, each with name, inject and steps");
    }
    for (const auto& each : in.elements()) {
        each.need_map("a scenario");
        each.allow({"name", "inject", "arrivals", "steps", "feed", "after", "on_failure", "timeout", "cookies"});
        auto made = parse_one(each, outer, parser);
        const auto named = [&](const std::string& name) {
            return std::any_of(out.scenarios.begin(), out.scenarios.end(),
                               [&](const auto& other) { return other.name.text == name; });
        };
        if (named(made.name.text)) {
            each["name"].refuse("two scenarios have the name '" + made.name.text + "'");
        }
        if (each["feed"].there()) {
            made.feeds = parse_feeds(each["feed"]);
        }
        if (each["after"].there()) {
            made.after = take_text(each["after"], "the name of a scenario above this one");
            if (!named(made.after->text)) {
                each["after"].refuse("must be the name of a scenario that stands above this one");
            }
        }
        out.scenarios.push_back(std::move(made));
        constexpr std::size_t most = 1000;
        if (out.scenarios.size() > most) {
            in.refuse("more than 1000 scenarios");
        }
    }
}

/// As an experiment has it, of names and lengths alone.
std::vector<timeline_phase> parse_timeline(const field& in) {
    const std::string example = "[{phase: warm-up, for: 30s}, {phase: steady}]";
    if (!in.is_list() || in.elements().empty()) {
        in.refuse("must be a list of phases, as " + example);
    }
    std::vector<timeline_phase> out;
    for (const auto& each : in.elements()) {
        each.need_map("a phase");
        each.allow({"phase", "for"});
        if (!out.empty() && !out.back().seconds) {
            each.refuse("stands behind a phase without `for`, which is the rest of the run");
        }
        timeline_phase made{take_name(need(each, "phase", "`phase: steady`"), "the name of the phase"), {}};
        if (std::any_of(out.begin(), out.end(), [&](const auto& other) { return other.name.text == made.name.text; })) {
            each["phase"].refuse("two phases have the name '" + made.name.text + "'");
        }
        if (each["for"].there()) {
            const auto length = take_time(each["for"]);
            made.seconds = length / std::chrono::seconds(1);
            if (length % std::chrono::seconds(1) != nanoseconds(0)) {
                each["for"].refuse("must be whole seconds: a run is measured second by second");
            }
        }
        out.push_back(std::move(made));
    }
    if (out.size() > limits::load_phases) {
        in.refuse("more than " + std::to_string(limits::load_phases) + " phases");
    }
    return out;
}

scenario_file parse_root(const field& root) {
    root.need_map("a scenario");
    root.allow({"format", "name",      "services",   "brokers", "kafka",   "connections", "source_addresses",
                "tls",    "seed",      "limits",     "trust",   "feed",    "inject",      "arrivals",
                "steps",  "scenarios", "on_failure", "timeout", "cookies", "timeline",    "checks"});
    if (!root["format"].there() || root["format"].text() != "1") {
        root.refuse("must begin with `format: 1`");
    }
    scenario_file out;
    out.name = take_name(need(root, "name", "`name: deliver-a-bike`"), "the name of the run").text;
    parse_surroundings(root, out);
    if (root["seed"].there()) {
        out.seed = static_cast<std::uint64_t>(root["seed"].integer(0, INT64_MAX));
    }
    if (root["feed"].there()) {
        out.feeds = parse_feeds(root["feed"]);
    }
    step_parser parser;
    if (root["scenarios"].there()) {
        if (root["inject"].there() || root["steps"].there()) {
            root.refuse("inject and steps stand inside of each scenario when there is a list of them");
        }
        parse_scenarios(root["scenarios"], parse_defaults(root, {}), parser, out);
    } else {
        out.scenarios.push_back(parse_one(root, {}, parser));
    }
    if (root["timeline"].there()) {
        out.timeline = parse_timeline(root["timeline"]);
    }
    if (root["checks"].there()) {
        out.checks = parse_run_checks(root["checks"]);
    }
    return out;
}

} // namespace

tl::expected<scenario_file, document::mistake> parse_scenario(std::string_view text, const std::string& file) {
    return document::guarded(
        file, [&] { return parse_root(document::load(text, limits::scenario_file_bytes, "a scenario")); });
}

bool looks_like_scenario(std::string_view text) {
    const auto found = document::guarded("", [&] {
        const auto root = document::load(text, limits::scenario_file_bytes, "a scenario");
        return root.is_map() && (root["steps"].there() || root["scenarios"].there() || root["inject"].there());
    });
    return found && *found;
}

} // namespace cb::load::file
