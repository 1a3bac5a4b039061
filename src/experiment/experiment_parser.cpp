// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/limits.hpp"
#include "experiment/experiment_file.hpp"
#include "fault/rule_json.hpp"
#include "fault/rule_parser.hpp"
#include "load/check_parser.hpp"
#include "load/compiler.hpp"
#include "load/scenario_parser.hpp"
#include "load/written_text.hpp"

namespace cb::experiment {
namespace {

using document::field;

constexpr nanoseconds second{1'000'000'000};
constexpr nanoseconds ready_within = 60 * second;
constexpr nanoseconds stop_grace = 20 * second;
constexpr nanoseconds longest_phase = 24 * 3600 * second;

/// What checks and actions may refer to.
struct known_names {
    std::set<std::string> processes;
    std::set<std::string> steps; ///< of the scenario; empty: unknown, of a foreign generator
    std::set<std::string> phases;
};

std::string listed(const std::set<std::string>& names) { return document::listed({names.begin(), names.end()}); }

// --- system, broker, load ------------------------------------------------------------------------------------------

command parse_command(const field& in, const field& environment) {
    command out;
    if (!in.is_list() || in.elements().empty()) {
        in.refuse("must be a command and its arguments, as [moving, up]");
    }
    for (const auto& each : in.elements()) {
        out.words.push_back(each.text());
    }
    if (environment.there()) {
        environment.need_map("an environment");
        for (const auto& [name, value] : environment.entries()) {
            out.environment.emplace_back(name, value.text());
        }
    }
    return out;
}

started_process parse_process(const field& in) {
    in.need_map("a process");
    in.allow({"name", "command", "env", "grace"});
    started_process out{in["name"].text("a name"), parse_command(in["command"], in["env"]), stop_grace};
    if (in["grace"].there()) {
        out.grace = in["grace"].duration();
    }
    return out;
}

readiness parse_readiness(const field& in, const known_names& names) {
    in.need_map("a sign of readiness");
    in.allow({"http", "port", "log", "has"});
    readiness out;
    if (in["http"].there()) {
        out.what = readiness::kind::http;
        out.where = in["http"].text("a URL, as http://127.0.0.1:8080/readyz");
        if (!out.where.starts_with("http://")) {
            in["http"].refuse("must be a URL, as http://127.0.0.1:8080/readyz");
        }
    } else if (in["port"].there()) {
        out.what = readiness::kind::port;
        out.where = in["port"].text("HOST:PORT");
    } else if (in["log"].there()) {
        out.what = readiness::kind::log;
        out.where = in["log"].text("the name of a process");
        out.pattern = in["has"].text("a text that the line has");
        if (!names.processes.contains(out.where)) {
            in["log"].refuse("there is no process '" + out.where + "' in system.start; known are " +
                             listed(names.processes));
        }
    } else {
        in.refuse("must be {http: URL}, {port: HOST:PORT} or {log: PROCESS, has: TEXT}");
    }
    return out;
}

system_part parse_system(const field& in, known_names& names) {
    system_part out;
    out.within = ready_within;
    if (!in.there()) {
        return out;
    }
    in.need_map("a system");
    in.allow({"start", "external", "ready", "within"});
    if (in["start"].there() && in["external"].there()) {
        in["external"].refuse("stands beside start: a system is started here, or is there already");
    }
    if (in["start"].there()) {
        for (const auto& each : in["start"].elements()) {
            out.start.push_back(parse_process(each));
            if (!names.processes.insert(out.start.back().name).second) {
                each["name"].refuse("two processes have the name '" + out.start.back().name + "'");
            }
        }
    }
    out.external = in["external"].there() && in["external"].boolean();
    if (in["ready"].there()) {
        for (const auto& each : in["ready"].elements()) {
            out.ready.push_back(parse_readiness(each, names));
        }
    }
    if (in["within"].there()) {
        out.within = in["within"].duration();
    }
    return out;
}

broker_part parse_broker(const field& in) {
    broker_part out;
    if (!in.there()) {
        return out;
    }
    in.need_map("a broker");
    in.allow({"embedded", "listen", "admin_listen", "admin"});
    if (in["admin"].there()) {
        out.what = broker_part::kind::running;
        out.admin_url = in["admin"].text("a URL, as http://127.0.0.1:8474");
        for (const char* other : {"embedded", "listen", "admin_listen"}) {
            if (in[other].there()) {
                in[other].refuse("stands beside admin: the broker is started here, or runs already");
            }
        }
        return out;
    }
    if (!in["embedded"].there() || !in["embedded"].boolean()) {
        in.refuse("must be {embedded: true} or {admin: URL}");
    }
    out.what = broker_part::kind::embedded;
    out.listen = in["listen"].there() ? in["listen"].text("HOST:PORT") : "127.0.0.1:9092";
    out.admin_listen = in["admin_listen"].there() ? in["admin_listen"].text("HOST:PORT") : "127.0.0.1:8474";
    return out;
}

std::string text_of_file(const std::filesystem::path& path, const field& at) {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in.is_open()) {
        at.refuse("'" + path.string() + "' cannot be read");
    }
    return text;
}

/// The scenario is read too: its mistakes are ours.
load_part parse_load(const field& in, const std::filesystem::path& folder, known_names& names) {
    load_part out;
    if (!in.there()) {
        return out;
    }
    in.need_map("a load");
    in.allow({"scenarios", "command", "env"});
    if (in["command"].there()) {
        out.what = load_part::kind::foreign;
        out.foreign = parse_command(in["command"], in["env"]);
        return out;
    }
    const auto list = in["scenarios"].there() ? in["scenarios"].elements() : std::vector<field>();
    if (list.size() != 1) {
        in.refuse(
            "must be {scenarios: [{file: FILE}]} with one file, which may hold several scenarios, or {command: […]}");
    }
    list.front().need_map("a scenario");
    list.front().allow({"file"});
    const auto path = folder / list.front()["file"].text("a file");
    out.what = load_part::kind::scenario;
    out.scenario_file = path.string();
    const auto text = text_of_file(path, list.front()["file"]);
    const auto work = load::read_workload(text, out.scenario_file, load::machine_surroundings(out.scenario_file), 0);
    if (!work) {
        throw document::refused{work.error()};
    }
    for (const auto& each : work->steps) {
        names.steps.insert(each.name);
    }
    return out;
}

// --- timeline ------------------------------------------------------------------------------------------------------

watch::target parse_instances(const field& in) {
    auto out = watch::parse_target(in.text("whom, as service:billing"));
    if (!out) {
        in.refuse(out.error().message);
    }
    if (out->what == watch::target::kind::self || watch::must_be_a_container(*out)) {
        in.refuse("must be service:NAME, process:REGEX or pid:N");
    }
    return *out;
}

action parse_http_action(const field& in, action out) {
    in.need_map("a request");
    in.allow({"post", "put", "get", "delete", "json"});
    for (const char* method : {"post", "put", "get", "delete"}) {
        if (in[method].there()) {
            out.method = method;
            std::transform(out.method.begin(), out.method.end(), out.method.begin(),
                           [](char c) { return static_cast<char>(c - ('a' - 'A')); });
            out.url = in[method].text("a URL");
        }
    }
    if (out.method.empty()) {
        in.refuse("must name a method and a URL, as {post: \"http://127.0.0.1:8080/reset\"}");
    }
    out.body = in["json"].there() ? in["json"].text("a text that is JSON") : "";
    out.text = out.method + " " + out.url;
    return out;
}

action parse_action(const field& in, nanoseconds length, const known_names& names) {
    in.need_map("an action");
    in.allow({"at", "kill", "stop", "start", "pause", "resume", "run", "http"});
    action out;
    if (in["at"].there()) {
        out.at = in["at"].duration();
        if (out.at >= length) {
            in["at"].refuse("is not before the end of its phase");
        }
    }
    const auto of_instances = [&](const char* name, action::kind what) {
        if (in[name].there()) {
            out.what = what;
            out.instances = parse_instances(in[name]);
            out.text = std::string(name) + " " + in[name].text();
        }
    };
    const auto of_process = [&](const char* name, action::kind what) {
        if (in[name].there()) {
            out.what = what;
            out.process = in[name].text("the name of a process");
            out.text = std::string(name) + " " + out.process;
            if (!names.processes.contains(out.process)) {
                in[name].refuse("there is no process '" + out.process + "' in system.start; known are " +
                                listed(names.processes));
            }
        }
    };
    of_instances("kill", action::kind::kill);
    of_instances("pause", action::kind::pause);
    of_instances("resume", action::kind::resume);
    of_process("stop", action::kind::stop);
    of_process("start", action::kind::start);
    if (in["run"].there()) {
        out.what = action::kind::run;
        out.to_run = parse_command(in["run"], field(YAML::Node(YAML::NodeType::Undefined), ""));
        out.text = "run " + out.to_run.words.front();
    }
    if (in["http"].there()) {
        out.what = action::kind::http;
        out = parse_http_action(in["http"], std::move(out));
    }
    if (out.text.empty()) {
        in.refuse("does nothing; write kill, pause, resume, stop, start, run or http");
    }
    if (in.entries().size() != (in["at"].there() ? 2U : 1U)) {
        in.refuse("must do one thing");
    }
    return out;
}

phase parse_phase(const field& in, const known_names& names, bool has_broker) {
    in.need_map("a phase");
    in.allow({"phase", "for", "judged", "rules", "mix", "do"});
    phase out;
    out.name = in["phase"].text("a name");
    out.length = in["for"].there() ? in["for"].duration() : nanoseconds(0);
    if (out.length < second || out.length > longest_phase || out.length.count() % second.count() != 0) {
        in["for"].refuse("must be how long the phase lasts, in whole seconds, as 30s");
    }
    out.judged = in["judged"].there() ? in["judged"].boolean() : out.name != "warm-up";
    out.rules = fault::parse_rules_within(in);
    if (out.rules.the_mix || !out.rules.rules.empty()) {
        if (!has_broker) {
            in.refuse("has rules, and there is no broker to give them to; write broker: {embedded: true}");
        }
        out.has_faults = true;
    }
    boost::json::object told{{"format", 1}};
    boost::json::array rules;
    for (const auto& each : out.rules.rules) {
        rules.push_back(fault::to_json(each));
    }
    told["rules"] = std::move(rules);
    if (out.rules.the_mix) {
        told["mix"] = fault::to_json(*out.rules.the_mix);
    }
    out.rules_document = boost::json::serialize(told);
    if (in["do"].there()) {
        for (const auto& each : in["do"].elements()) {
            out.actions.push_back(parse_action(each, out.length, names));
        }
        std::stable_sort(out.actions.begin(), out.actions.end(),
                         [](const action& a, const action& b) { return a.at < b.at; });
    }
    return out;
}

abort_condition parse_abort(const field& in) {
    in.need_map("a reason to abort");
    in.allow({"errors", "for"});
    const auto bound = load::file::take_bound(in["errors"], "\"> 20%\"");
    abort_condition out;
    out.errors_above = load::file::take_amount(in["errors"], bound.rest, "%", "a share, as \"> 20%\"") / 100;
    out.lasting = in["for"].there() ? in["for"].duration() : 10 * second;
    out.text = "errors > " + bound.rest;
    if (bound.is != load::condition::relation::greater) {
        in["errors"].refuse("must be a share that is too much, as \"> 20%\"");
    }
    return out;
}

// --- checks --------------------------------------------------------------------------------------------------------

std::string known_phase(const field& in, const known_names& names) {
    const auto name = in.text("the name of a phase");
    if (!names.phases.contains(name)) {
        in.refuse("there is no phase '" + name + "'; known are " + listed(names.phases));
    }
    return name;
}

std::string known_step(const field& in, const known_names& names) {
    const auto name = in.text("the name of a step");
    if (!names.steps.empty() && !names.steps.contains(name)) {
        in.refuse("there is no step '" + name + "'; known are " + listed(names.steps));
    }
    return name;
}

/// {latency: …}, {errors: …} and so on: the grammar of scenarios.
void parse_load_check(const field& in, const known_names& names, std::vector<check>& out) {
    std::vector<load::file::asked_check> asked;
    load::file::parse_run_check(in, asked);
    for (const auto& each : asked) {
        check made;
        made.what = check::kind::load;
        made.measure = load::file::without_indices(each);
        if (each.step) {
            made.step = known_step(each.step->at, names);
        }
        for (const auto& phase : each.phases) {
            made.phases.push_back(known_phase(phase.at, names));
        }
        out.push_back(std::move(made));
    }
}

std::vector<std::string> parse_phases(const field& in, const known_names& names) {
    std::vector<std::string> out;
    if (in.there()) {
        for (const auto& each : in.one_or_more()) {
            out.push_back(known_phase(each, names));
        }
    }
    return out;
}

/// {compare: {step: login, p99: "<= 3x", to: steady}, phases: [duplicates]}
check parse_compare(const field& holder, const known_names& names) {
    const auto in = holder["compare"];
    in.need_map("a comparison");
    check out;
    out.what = check::kind::compare;
    out.baseline = known_phase(in["to"], names);
    out.phases = parse_phases(holder["phases"], names);
    if (in["step"].there()) {
        out.step = known_step(in["step"], names);
    }
    std::string measure;
    for (const auto& [name, value] : in.entries()) {
        if (name == "to" || name == "step") {
            continue;
        }
        if (!measure.empty()) {
            value.refuse("a comparison has one measure");
        }
        measure = name;
        const auto bound = load::file::take_bound(value, "\"<= 3x\"");
        out.measure.is = bound.is;
        out.measure.limit = load::file::take_amount(value, bound.rest, "x", "how many times as much, as \"<= 3x\"");
        out.expected = std::string(load::file::sign(bound.is)) + " " + bound.rest + " of " + out.baseline;
        static const std::vector<std::pair<std::string, double>> measures{
            {"p50", 50}, {"p95", 95}, {"p99", 99}, {"p99.9", 99.9}, {"mean", -1}};
        const auto found = std::find_if(measures.begin(), measures.end(),
                                        [&, &name = name](const auto& each) { return each.first == name; });
        if (found == measures.end()) {
            value.refuse("'" + name + "' cannot be compared; write p50, p95, p99, p99.9 or mean");
        }
        out.measure.percentile = found->second;
    }
    if (measure.empty()) {
        in.refuse("must name a measure, as {step: login, p99: \"<= 3x\", to: steady}");
    }
    out.name = measure + " of " + (out.step.empty() ? "all steps" : out.step) + " against " + out.baseline;
    return out;
}

check parse_recovers(const field& holder, const known_names& names) {
    const auto in = holder["recovers"];
    in.need_map("a recovery");
    in.allow({"within", "after", "to"});
    check out;
    out.what = check::kind::recovers;
    out.within = in["within"].duration();
    out.after = known_phase(in["after"], names);
    out.baseline = in["to"].there() ? known_phase(in["to"], names) : "steady";
    if (!names.phases.contains(out.baseline)) {
        in.refuse("there is no phase 'steady' to come back to; name one with to: PHASE");
    }
    out.name = "recovery after " + out.after;
    out.expected = "within " + fault::duration_text(out.within);
    return out;
}

boost::json::value parse_expectation(const field& in) {
    boost::json::object out;
    in.need_map("what is expected, as {lost: 0}");
    for (const auto& [name, value] : in.entries()) {
        if (value.quoted()) {
            out[name] = value.text();
        } else if (const auto text = value.text(); text == "true" || text == "false") {
            out[name] = text == "true";
        } else {
            out[name] = value.integer(INT64_MIN, INT64_MAX);
        }
    }
    return out;
}

check parse_audit(const field& holder) {
    const auto in = holder["audit"];
    in.need_map("an audit");
    in.allow({"command", "env", "name"});
    check out;
    out.what = check::kind::audit;
    out.audit = parse_command(in["command"], in["env"]);
    out.expect = holder["expect"].there() ? parse_expectation(holder["expect"]) : boost::json::object();
    out.name = in["name"].there() ? in["name"].text()
                                  : "audit by " + std::filesystem::path(out.audit.words.front()).filename().string();
    out.expected = boost::json::serialize(out.expect);
    return out;
}

/// {restarts: {service: billing, is: "== 0"}}
check parse_counted(const field& in, check::kind what, const std::string& words) {
    in.need_map("a count of a service");
    in.allow({"service", "is"});
    check out;
    out.what = what;
    out.service = in["service"].text("a service");
    const auto bound = load::file::take_bound(in["is"], "\"== 0\"");
    out.measure.is = bound.is;
    out.measure.limit = load::file::take_amount(in["is"], bound.rest, "", "a number, as \"== 0\"");
    out.name = words + " of " + out.service;
    out.expected = std::string(load::file::sign(bound.is)) + " " + bound.rest;
    return out;
}

void parse_check(const field& in, const known_names& names, std::vector<check>& out) {
    in.need_map("a check");
    if (in["recovers"].there()) {
        in.allow({"recovers"});
        out.push_back(parse_recovers(in, names));
    } else if (in["compare"].there()) {
        in.allow({"compare", "phases"});
        out.push_back(parse_compare(in, names));
    } else if (in["audit"].there()) {
        in.allow({"audit", "expect"});
        out.push_back(parse_audit(in));
    } else if (in["restarts"].there()) {
        in.allow({"restarts"});
        out.push_back(parse_counted(in["restarts"], check::kind::restarts, "restarts"));
    } else if (in["oom_kills"].there()) {
        in.allow({"oom_kills"});
        out.push_back(parse_counted(in["oom_kills"], check::kind::oom_kills, "kills for memory"));
    } else {
        in.allow(
            {"latency", "errors", "rate", "count", "phases", "recovers", "compare", "audit", "restarts", "oom_kills"});
        parse_load_check(in, names, out);
    }
}

experiment parse_all(const field& root, const std::filesystem::path& folder) {
    root.need_map("an experiment");
    root.allow(
        {"format", "title", "hypothesis", "seed", "system", "broker", "load", "watch", "timeline", "abort", "checks"});
    if (!root["format"].there() || root["format"].text() != "1") {
        root.refuse("must begin with `format: 1`");
    }
    known_names names;
    experiment out;
    out.title = root["title"].text("what the experiment is about");
    out.hypothesis = root["hypothesis"].there() ? root["hypothesis"].text() : "";
    if (root["seed"].there()) {
        out.seed = static_cast<std::uint64_t>(root["seed"].integer(0, INT64_MAX));
    }
    out.system = parse_system(root["system"], names);
    out.broker = parse_broker(root["broker"]);
    out.load = parse_load(root["load"], folder, names);
    if (root["watch"].there()) {
        for (const auto& each : root["watch"].one_or_more()) {
            if (const auto target = watch::parse_target(each.text("a target")); !target) {
                each.refuse(target.error().message);
            }
            out.watched.push_back(each.text());
        }
    }
    if (!root["timeline"].is_list() || root["timeline"].elements().empty()) {
        root["timeline"].refuse("must be a list of phases, as [{phase: steady, for: 60s}]");
    }
    for (const auto& each : root["timeline"].elements()) {
        out.timeline.push_back(parse_phase(each, names, out.broker.what != broker_part::kind::none));
        if (!names.phases.insert(out.timeline.back().name).second) {
            each["phase"].refuse("two phases have the name '" + out.timeline.back().name + "'");
        }
    }
    if (out.timeline.size() > limits::load_phases) {
        root["timeline"].refuse("has " + std::to_string(out.timeline.size()) + " phases, and at most " +
                                std::to_string(limits::load_phases) + " can be told apart");
    }
    if (root["abort"].there()) {
        for (const auto& each : root["abort"].elements()) {
            out.abort.push_back(parse_abort(each));
        }
    }
    if (root["checks"].there()) {
        for (const auto& each : root["checks"].elements()) {
            parse_check(each, names, out.checks);
        }
    }
    return out;
}

} // namespace

nanoseconds experiment::length() const {
    nanoseconds out{0};
    for (const auto& each : timeline) {
        out += each.length;
    }
    return out;
}

tl::expected<experiment, document::mistake> parse_experiment(const std::string& text, const std::string& file) {
    return document::guarded(file, [&] {
        return parse_all(document::load(text, limits::scenario_file_bytes, "experiments"),
                         std::filesystem::path(file).parent_path());
    });
}

bool looks_like_experiment(const std::string& text) {
    const auto found = document::guarded("", [&] {
        const auto root = document::load(text, limits::scenario_file_bytes, "experiments");
        return root.is_map() && root["timeline"].there() && !root["steps"].there() && !root["scenarios"].there();
    });
    return found && *found;
}

} // namespace cb::experiment
