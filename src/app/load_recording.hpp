// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "load/load_run.hpp"
#include "load/program.hpp"
#include "load/run_checks.hpp"
#include "runstore/run_writer.hpp"

namespace cb::app {

/// A load run as it is kept: a folder with one phase, requests second by second, and the generator's own use of the
/// machine. Owner: the command. Thread: the one that runs the load: a worker never waits for the disk, this one may.
/// After a failure it does nothing any more; `failure` says why.
class load_recording {
public:
    load_recording(runstore::run_folder folder, const load::workload& work, runstore::run_description about);
    /// A part of a run that somebody else began at this moment of the monotonic clock, whose phases, checks and end are
    /// his.
    void join(mono_time started) { joined_ = started; }

    /// Makes run.db; from here on times count.
    void begin(mono_time at, wall_time_ms wall_ms, const std::vector<load::worker_identity>& workers);
    void second(const load::merged_seconds& what, const load::run_state& state);
    /// `at_ms` since the start.
    void note(std::int64_t at_ms, const std::string& kind, std::string_view text);
    void finish(nanoseconds length, const std::vector<load::check_finding>& findings,
                const runstore::run_verdict& verdict);

    [[nodiscard]] const runstore::run_folder& folder() const { return folder_; }
    [[nodiscard]] const std::string& failure() const { return failure_; }

private:
    struct own_process {
        pid_t id = 0; ///< 0: of another machine
        runstore::instance_id instance;
        std::int64_t cpu_ns_before = 0;
    };

    template <class Value>
    Value kept(result<Value> what);
    void kept(const result<void>& what);
    void make_known(const std::vector<load::worker_identity>& workers);
    void begin_phases(std::int64_t second);
    void sample_own_use(std::int64_t at_ms, const load::run_state& state);
    void add(std::int64_t at_ms, const own_process& of, runstore::metric_id metric, double value);

    runstore::run_folder folder_;
    const load::workload& work_;
    runstore::run_description about_;
    std::unique_ptr<runstore::run_writer> writer_;
    std::vector<runstore::step_id> steps_;
    std::vector<own_process> processes_; ///< the workers in their order, then the coordinator
    runstore::metric_id cpu_;
    runstore::metric_id memory_;
    runstore::metric_id connections_;
    std::optional<mono_time> joined_;
    std::int64_t offset_s_ = 0; ///< our second 0 in the run that was joined
    std::size_t phases_begun_ = 0;
    std::string failure_;
};

} // namespace cb::app
