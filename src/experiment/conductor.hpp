// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "experiment/broker_control.hpp"
#include "experiment/child.hpp"
#include "experiment/experiment_file.hpp"
#include "experiment/judge.hpp"
#include "runstore/run_writer.hpp"

namespace cb::experiment {

/// How the parts of an experiment are started; the application knows its own program.
struct parts {
    std::filesystem::path folder; ///< of the run
    std::function<command(const broker_part&)> broker;
    /// How the load is started that joins the run: `own` is the run's folder.
    std::function<command(const load_part&)> load;
    std::function<command(const std::vector<std::string>& targets)> watch;
    std::function<std::unique_ptr<broker_control>(const broker_part&)> control;
    /// Told as it happens: on a terminal, in lines.
    std::function<void(const std::string&)> say;
    std::atomic<bool>* stop = nullptr; ///< set by a signal: the run ends now
};

/// Why an experiment could not be carried out at all.
struct cannot_run : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Carries out an experiment: starts its parts, follows the timeline, takes everything back, and makes its audits.
///
///   broker ─► system ─► ready? ─► [ load, watch ] ─► phases: rules (leased), actions ─► rules back ─► load ends
///          ─► audits ─► watch ends ─► system ends ─► broker ends
///
/// Owner: the command; one thread, which lives as long as the parts (see child). What it starts ends with it, whatever
/// happens.
class conductor {
public:
    conductor(const experiment& about, parts how) : about_(about), how_(std::move(how)) {}

    /// Before the clock runs: broker, system, readiness. Throws cannot_run.
    void prepare();
    /// From the start of the clock to the end of the system. `writer` is of the run's folder, whose time 0 is `start`;
    /// it is not finished here. Errors of the parts become notes.
    void carry_out(runstore::run_writer& writer, mono_time start);
    /// What the commands of audits said, by check.
    [[nodiscard]] const std::map<std::size_t, audit_answer>& audits() const { return audits_; }

private:
    void wait_until_ready();
    child& start(const std::string& name, const command& what);
    command with_variables(command what) const;
    void begin_phase(std::size_t index);
    void act(const action& what);
    void act_on_instances(const action& what, int signal);
    void pass_time(nanoseconds until);
    void look_after();
    void sample_lags(std::int64_t second);
    bool should_abort(std::int64_t second);
    void end_faults();
    void end_load();
    void make_audits();
    void end_all();
    void collect_ledger();
    void note(const char* kind, const std::string& text);
    [[nodiscard]] std::int64_t now_ms() const;
    [[nodiscard]] bool stopped() const { return aborted_ || (how_.stop != nullptr && *how_.stop); }

    const experiment& about_;
    parts how_;
    std::map<std::string, std::unique_ptr<child>> children_; ///< by name
    std::map<std::string, nanoseconds> graces_;
    std::unique_ptr<broker_control> broker_;
    runstore::run_writer* writer_ = nullptr;
    mono_time start_{};
    wall_time_ms started_ms_ = 0;
    mono_time renewed_at_{};
    std::int64_t looked_second_ = -1;
    bool rules_on_ = false;
    std::vector<pid_t> paused_;
    std::map<std::pair<std::string, std::string>, runstore::rule_count> counted_; ///< of rules that are gone
    std::map<std::string, runstore::instance_id> groups_;
    std::vector<std::int64_t> too_much_since_; ///< by abort condition: the second, -1
    std::map<std::size_t, audit_answer> audits_;
    bool aborted_ = false;
    bool load_ended_told_ = false;
};

} // namespace cb::experiment
