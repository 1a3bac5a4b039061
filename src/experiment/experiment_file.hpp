// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/value.hpp>
#include <tl/expected.hpp>

#include "base/clock.hpp"
#include "document/field.hpp"
#include "fault/rule.hpp"
#include "load/program.hpp"
#include "watch/target.hpp"

/// An experiment as its file says it: docs/formats/experiment.md. Values; nothing is started here.
namespace cb::experiment {

/// A process of the system, or a command that is run once.
struct command {
    std::vector<std::string> words;
    std::vector<std::pair<std::string, std::string>> environment;
};

struct started_process {
    std::string name;
    command what;
    nanoseconds grace{}; ///< from SIGTERM to SIGKILL
};

/// How it shows that the system can be loaded.
struct readiness {
    enum class kind : std::uint8_t { http, port, log } what = kind::http;
    std::string where;   ///< URL; HOST:PORT; the name of a process
    std::string pattern; ///< of a log line: a text that it has
};

struct system_part {
    std::vector<started_process> start;
    bool external = false; ///< it is there already: what is killed may be anybody's
    std::vector<readiness> ready;
    nanoseconds within{}; ///< for all of it
};

struct broker_part {
    enum class kind : std::uint8_t { none, embedded, running } what = kind::none;
    std::string listen;    ///< embedded: where clients find it
    std::string admin_url; ///< running: its control API
    std::string admin_listen;
};

struct load_part {
    enum class kind : std::uint8_t { none, scenario, foreign } what = kind::none;
    std::string scenario_file; ///< as a path from here
    command foreign;
};

/// Something that is done at a moment of a phase.
struct action {
    enum class kind : std::uint8_t { kill, stop, start, pause, resume, run, http } what = kind::kill;
    nanoseconds at{};        ///< since the start of the phase
    watch::target instances; ///< kill, pause, resume: which
    std::string process;     ///< stop, start: one of system.start
    command to_run;
    std::string url; ///< http: a POST with a JSON body
    std::string body;
    std::string method;
    std::string text; ///< as people read it: "kill service:billing"
};

struct phase {
    std::string name;
    nanoseconds length{};
    bool judged = true; ///< false: warm-up
    fault::rule_set rules;
    bool has_faults = false;
    std::string rules_document; ///< what the broker is told, JSON
    std::vector<action> actions;
};

struct abort_condition {
    double errors_above = 0; ///< share
    nanoseconds lasting{};
    std::string text;
};

struct check {
    enum class kind : std::uint8_t {
        load,      ///< latency, errors, rate, count
        compare,   ///< a measure of some phases against another phase's
        recovers,  ///< how soon after a phase all is as before
        audit,     ///< what a command says
        restarts,  ///< of a service
        oom_kills, ///< of a service
    } what = kind::load;
    std::string name;
    std::string expected;
    std::vector<std::string> phases; ///< none: all but warm-up
    std::string step;                ///< empty: all steps
    load::run_check measure;         ///< load, compare, restarts, oom_kills: relation and limit too
    std::string baseline;            ///< compare: the phase
    nanoseconds within{};            ///< recovers
    std::string after;               ///< recovers: the phase
    command audit;
    boost::json::value expect; ///< audit: members that its JSON must have
    std::string service;
};

struct experiment {
    std::string title;
    std::string hypothesis;
    std::optional<std::uint64_t> seed;
    system_part system;
    broker_part broker;
    load_part load;
    std::vector<std::string> watched;
    std::vector<phase> timeline;
    std::vector<abort_condition> abort;
    std::vector<check> checks;

    [[nodiscard]] nanoseconds length() const;
};

/// Reads a document; `folder` is where its other files are looked for. All that can be known to be wrong without
/// starting anything is refused, the scenario included.
tl::expected<experiment, document::mistake> parse_experiment(const std::string& text, const std::string& file);
/// It has a timeline.
bool looks_like_experiment(const std::string& text);

} // namespace cb::experiment
