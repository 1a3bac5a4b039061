// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "runstore/database.hpp"
#include "runstore/latency_log.hpp"
#include "runstore/run_folder.hpp"
#include "runstore/run_records.hpp"

namespace cb::runstore {

/// Writes a run. A load generator calls `write` once a second, whoever watches calls `add` for each sample and `flush`
/// once a second; all of that second stands in the file then, or none. What was flushed outlives `kill -9`. Several
/// processes may write to one run; of them one writes requests, for `latency.hlog` has one writer. Owner: the run.
/// Thread: one at a time, and not one that measures or must not wait: now and then the disk is waited for. After an
/// error the call did nothing (what `add` gathered is kept); it may be tried again.
class run_writer {
public:
    /// Makes run.db in an empty folder.
    static result<std::unique_ptr<run_writer>> create(const run_folder& folder, const run_description& about);
    /// Another process's way into a run that was created.
    static result<std::unique_ptr<run_writer>> join(const run_folder& folder);

    /// Names become ids once; asked again, the same id. Error: limit.
    result<step_id> step(const std::string& scenario, const std::string& name);
    result<instance_id> instance(const instance_description& about);
    result<metric_id> metric(const std::string& name, const std::string& unit);

    result<void> begin_phase(const std::string& name, std::int64_t at_ms, bool judged = true);
    /// Ends the phase that is open, if there is one.
    result<void> end_phase(std::int64_t at_ms);

    /// One second of load, and what `add` gathered. Of the witnesses those that there is room for are kept: a call
    /// takes at most a five-hundredth of the room that is left, so that the first burst of errors leaves some for the
    /// last.
    result<void> write(const load_second& what);
    /// Gathered until `write` or `flush`.
    result<void> add(const sample& what);
    result<void> add(ledger_row what);
    result<void> flush();

    result<void> add(const death& what);
    result<void> add(const check_result& what);
    result<void> add(const run_note& what);
    result<void> set_rule_counts(const std::vector<rule_count>& counts);
    result<void> set_verdict(const run_verdict& what);
    /// The end of the run: flushes, and leaves run.db as one file that anybody can copy. Nothing is written after it.
    result<void> finish(std::int64_t at_ms);

private:
    struct statements {
        statement step_second, latency_second, error_second, witness, user_second, await_second, sample, ledger_entry;
    };

    run_writer(run_folder folder, database file) : folder_(std::move(folder)), file_(std::move(file)) {}
    static result<std::unique_ptr<run_writer>> over(const run_folder& folder, database file);
    result<void> describe(const run_description& about);
    result<void> prepare();
    result<void> count_what_is_there();

    template <class... Values>
    result<void> once(std::string_view sql, const Values&... values);
    template <class... Values>
    result<std::int64_t> number_of(std::string_view table, std::size_t most, std::string_view insert,
                                   std::string_view select, const Values&... values);
    result<std::int64_t> error_kind(const std::string& kind);
    result<std::string> free_tag(const std::string& scenario, const std::string& name);
    result<std::string> tag_of(step_id step);

    result<void> write_gathered();
    result<void> write_steps(const load_second& what);
    result<void> write_latency(const step_second& step, std::int64_t second, latency_series series,
                               const metrics::hdr_histogram* values);
    result<void> write_errors(const load_second& what);
    result<std::size_t> write_witnesses(const load_second& what);

    run_folder folder_;
    database file_; ///< outlives the statements
    statements write_;
    std::optional<latency_log_writer> latencies_; ///< from the first second of load on
    wall_time_ms started_ms_ = 0;
    std::vector<sample> samples_;
    std::vector<ledger_row> ledger_rows_;
    std::map<std::pair<std::string, std::string>, step_id> steps_;
    std::map<step_id, std::string> tags_;
    std::map<std::pair<std::string, std::string>, instance_id> instances_;
    std::map<std::string, metric_id> metrics_;
    std::map<std::string, std::int64_t> error_kinds_;
    std::size_t witness_room_ = 0;
    std::size_t ledger_room_ = 0;
};

} // namespace cb::runstore
