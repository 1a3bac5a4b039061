// SPDX-License-Identifier: Apache-2.0
#include "runstore/run_writer.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "base/log.hpp"
#include "runstore/schema.hpp"

namespace cb::runstore {
namespace {

/// Of the room for witnesses one call takes at most this part.
constexpr std::size_t witness_share = 500;

std::string cleaned(std::string_view text) { return clean_text(text, limits::run_text_bytes); }

std::optional<std::int64_t> number_of_step(const std::optional<step_id>& step) {
    return step ? std::optional(step->value()) : std::nullopt;
}

} // namespace

// --- making, and joining -----------------------------------------------------------------------------------------

result<std::unique_ptr<run_writer>> run_writer::create(const run_folder& folder, const run_description& about) {
    auto file = database::open(folder.database_file(), database::access::create);
    CB_TRY(file);
    // WAL: readers and a second writer go on while a second is written, and a torn write is never seen. NORMAL: the
    // disk is waited for at checkpoints only; a power cut may take the last seconds, `kill -9` takes nothing that was
    // committed.
    CB_TRY(file->execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"));
    {
        auto all = transaction::begin(*file);
        CB_TRY(all);
        CB_TRY(file->execute(schema_sql));
        CB_TRY(all->commit());
    }
    auto out = over(folder, std::move(*file));
    CB_TRY(out);
    CB_TRY((*out)->describe(about));
    CB_TRY((*out)->count_what_is_there());
    return out;
}

result<std::unique_ptr<run_writer>> run_writer::join(const run_folder& folder) {
    auto file = database::open(folder.database_file(), database::access::change);
    CB_TRY(file);
    CB_TRY(file->execute("PRAGMA synchronous = NORMAL"));
    const auto version = file->number("PRAGMA user_version");
    CB_TRY(version);
    if (*version != schema_version) {
        return fail(errc::unsupported, fmt::format("{}: has schema version {}, this program writes {}",
                                                   folder.database_file().string(), *version, schema_version));
    }
    auto out = over(folder, std::move(*file));
    CB_TRY(out);
    CB_TRY((*out)->count_what_is_there());
    return out;
}

result<std::unique_ptr<run_writer>> run_writer::over(const run_folder& folder, database file) {
    std::unique_ptr<run_writer> out(new run_writer(folder, std::move(file)));
    CB_TRY(out->prepare());
    return out;
}

result<void> run_writer::describe(const run_description& about) {
    auto all = transaction::begin(file_);
    CB_TRY(all);
    CB_TRY(once("INSERT INTO run (id, title, kind, hypothesis, seed, command_line, source_file, host, started_ms, "
                "started_mono_ns) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                cleaned(about.title), about.kind, cleaned(about.hypothesis), std::to_string(about.seed),
                clean_text(about.command_line, limits::run_command_line_bytes), cleaned(about.source_file),
                cleaned(about.host), about.started_ms, about.started_mono_ns));
    for (const auto& [component, version] : about.versions) {
        CB_TRY(once("INSERT OR REPLACE INTO version VALUES (?, ?)", cleaned(component), cleaned(version)));
    }
    return all->commit();
}

result<void> run_writer::prepare() {
    const std::pair<statement*, std::string_view> all[] = {
        {&write_.step_second, "INSERT INTO step_second VALUES (?, ?, ?, ?, ?, ?)"},
        {&write_.latency_second, "INSERT INTO latency_second VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
        {&write_.error_second, "INSERT INTO error_second VALUES (?, ?, ?, ?)"},
        {&write_.witness, "INSERT INTO witness VALUES (?, ?, ?, ?, ?, ?)"},
        {&write_.user_second, "INSERT OR REPLACE INTO user_second VALUES (?, ?, ?)"},
        {&write_.await_second, "INSERT OR REPLACE INTO await_second VALUES (?, ?, ?, ?, ?, ?, ?)"},
        {&write_.sample, "INSERT INTO sample VALUES (?, ?, ?, ?)"},
        {&write_.ledger_entry, "INSERT OR REPLACE INTO ledger_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)"},
    };
    for (const auto& [where, sql] : all) {
        auto made = file_.prepare(sql);
        CB_TRY(made);
        *where = std::move(*made);
    }
    return {};
}

/// The limits are the run's, not the process's.
result<void> run_writer::count_what_is_there() {
    const auto room = [](std::size_t most, std::int64_t taken) {
        return most - std::min(most, static_cast<std::size_t>(taken));
    };
    const auto started = file_.number("SELECT started_ms FROM run");
    CB_TRY(started);
    const auto witnesses = file_.number("SELECT COUNT(*) FROM witness");
    CB_TRY(witnesses);
    const auto entries = file_.number("SELECT COUNT(*) FROM ledger_entry");
    CB_TRY(entries);
    started_ms_ = *started;
    witness_room_ = room(limits::run_witnesses, *witnesses);
    ledger_room_ = room(limits::run_ledger_entries, *entries);
    return {};
}

template <class... Values>
result<void> run_writer::once(std::string_view sql, const Values&... values) {
    auto made = file_.prepare(sql);
    CB_TRY(made);
    return made->run(values...);
}

// --- names that become numbers -----------------------------------------------------------------------------------

/// Another process may insert the same row between the two looks.
template <class... Values>
result<std::int64_t> run_writer::number_of(std::string_view table, std::size_t most, std::string_view insert,
                                           std::string_view select, const Values&... values) {
    auto look = file_.prepare(select);
    CB_TRY(look);
    std::optional<std::int64_t> found;
    const auto remember = [&](const row& each) { found = each.integer(0); };
    CB_TRY(look->each(remember, values...));
    if (!found) {
        const auto taken = file_.number(fmt::format("SELECT COUNT(*) FROM {}", table));
        CB_TRY(taken);
        if (static_cast<std::size_t>(*taken) >= most) {
            return fail(errc::limit, fmt::format("a run tells at most {} of these apart: {}", most, table));
        }
        CB_TRY(once(insert, values...));
        CB_TRY(look->each(remember, values...));
    }
    return found.value_or(0);
}

/// A tag of the latency log that no other step has.
result<std::string> run_writer::free_tag(const std::string& scenario, const std::string& name) {
    auto look = file_.prepare("SELECT COUNT(*) FROM step WHERE tag = ? AND NOT (scenario = ? AND name = ?)");
    CB_TRY(look);
    auto tag = metrics::histogram_log_tag(name);
    for (int number = 1;; ++number) {
        std::int64_t taken = 0;
        CB_TRY(look->each([&](const row& each) { taken = each.integer(0); }, tag, scenario, name));
        if (taken == 0) {
            return tag;
        }
        const auto behind = number == 1 ? std::string() : fmt::format("-{}", number);
        tag = metrics::histogram_log_tag(fmt::format("{}.{}{}", scenario, name, behind));
    }
}

result<step_id> run_writer::step(const std::string& scenario, const std::string& name) {
    const std::pair key(scenario, name);
    if (const auto known = steps_.find(key); known != steps_.end()) {
        return known->second;
    }
    const auto clean_scenario = cleaned(scenario);
    const auto clean_name = cleaned(name);
    auto tag = free_tag(clean_scenario, clean_name);
    CB_TRY(tag);
    const auto number = number_of(
        "step", limits::run_steps, "INSERT OR IGNORE INTO step (scenario, name, tag) VALUES (?1, ?2, ?3)",
        "SELECT id FROM step WHERE scenario = ?1 AND name = ?2 AND ?3 IS NOT NULL", clean_scenario, clean_name, *tag);
    CB_TRY(number);
    steps_.emplace(key, *number);
    tags_.emplace(step_id(*number), std::move(*tag));
    return step_id(*number);
}

result<std::string> run_writer::tag_of(step_id step) {
    if (const auto known = tags_.find(step); known != tags_.end()) {
        return known->second;
    }
    return fail(errc::not_found, fmt::format("no step of this run has the number {}", step.value()));
}

result<instance_id> run_writer::instance(const instance_description& about) {
    const std::pair key(about.service, about.identity);
    if (const auto known = instances_.find(key); known != instances_.end()) {
        return known->second;
    }
    const auto number = number_of(
        "instance", limits::run_instances,
        "INSERT OR IGNORE INTO instance (service, identity, name, seen_at_ms, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        "SELECT id FROM instance WHERE service = ?1 AND identity = ?2 AND ?3 || ?4 || ?5 IS NOT NULL",
        cleaned(about.service), cleaned(about.identity), cleaned(about.name), about.seen_at_ms, cleaned(about.detail));
    CB_TRY(number);
    return instances_.emplace(key, *number).first->second;
}

result<metric_id> run_writer::metric(const std::string& name, const std::string& unit) {
    if (const auto known = metrics_.find(name); known != metrics_.end()) {
        return known->second;
    }
    const auto number =
        number_of("metric", limits::run_metrics, "INSERT OR IGNORE INTO metric (name, unit) VALUES (?1, ?2)",
                  "SELECT id FROM metric WHERE name = ?1 AND ?2 IS NOT NULL", cleaned(name), cleaned(unit));
    CB_TRY(number);
    return metrics_.emplace(name, *number).first->second;
}

result<std::int64_t> run_writer::error_kind(const std::string& kind) {
    if (const auto known = error_kinds_.find(kind); known != error_kinds_.end()) {
        return known->second;
    }
    constexpr std::string_view other = "other";
    auto number =
        number_of("error_kind", limits::run_error_kinds, "INSERT OR IGNORE INTO error_kind (kind) VALUES (?1)",
                  "SELECT id FROM error_kind WHERE kind = ?1", cleaned(kind));
    if (!number && number.error().kind == errc::limit) {
        return number_of("error_kind", limits::run_error_kinds + 1,
                         "INSERT OR IGNORE INTO error_kind (kind) VALUES (?1)",
                         "SELECT id FROM error_kind WHERE kind = ?1", other);
    }
    CB_TRY(number);
    return error_kinds_.emplace(kind, *number).first->second;
}

// --- each second -------------------------------------------------------------------------------------------------

result<void> run_writer::write(const load_second& what) {
    if (!latencies_) {
        metrics::histogram_log_header header;
        header.comment = "Latencies in nanoseconds. Tags: a step, and response, service, slip or failed.";
        header.start_ms = started_ms_;
        header.base_ms = started_ms_;
        auto opened = latency_log_writer::open(folder_.latency_log_file(), header);
        CB_TRY(opened);
        latencies_ = std::move(*opened);
    }
    // Kinds first: a number that is remembered must not be taken back with the rest of the second.
    for (const auto& each : what.errors) {
        CB_TRY(error_kind(each.kind));
    }
    for (const auto& each : what.witnesses) {
        if (!each.kind.empty()) {
            CB_TRY(error_kind(each.kind));
        }
    }
    const auto log_end = latencies_->end();
    std::size_t witnesses = 0;
    const auto write_all = [&]() -> result<void> {
        auto all = transaction::begin(file_);
        CB_TRY(all);
        CB_TRY(write_gathered());
        CB_TRY(write_steps(what));
        CB_TRY(write_errors(what));
        auto kept = write_witnesses(what);
        CB_TRY(kept);
        witnesses = *kept;
        for (const auto& each : what.users) {
            CB_TRY(write_.user_second.run(what.second, each.state, each.count));
        }
        for (const auto& each : what.awaits) {
            CB_TRY(write_.await_second.run(what.second, each.step.value(), each.came, each.missing, each.doubled,
                                           each.late, each.early));
        }
        CB_TRY(latencies_->flush());
        return all->commit();
    };
    if (auto written = write_all(); !written) {
        CB_TRY(latencies_->cut_back(log_end));
        return written;
    }
    witness_room_ -= witnesses;
    samples_.clear();
    ledger_rows_.clear();
    return {};
}

result<void> run_writer::write_steps(const load_second& what) {
    for (const auto& each : what.steps) {
        CB_TRY(write_.step_second.run(what.second, each.step.value(), each.count, each.failed, each.bytes_sent,
                                      each.bytes_received));
        CB_TRY(write_latency(each, what.second, latency_series::response, each.response));
        CB_TRY(write_latency(each, what.second, latency_series::service, each.service));
        CB_TRY(write_latency(each, what.second, latency_series::slip, each.slip));
        CB_TRY(write_latency(each, what.second, latency_series::failed, each.failed_response));
    }
    return {};
}

result<void> run_writer::write_latency(const step_second& step, std::int64_t second, latency_series series,
                                       const metrics::hdr_histogram* values) {
    if (values == nullptr || (values->empty() && values->out_of_range() == 0)) {
        return {};
    }
    const auto tag = tag_of(step.step);
    CB_TRY(tag);
    const auto place =
        latencies_->add(fmt::format("{}/{}", *tag, to_string(series)), static_cast<double>(second), 1, *values);
    return write_.latency_second.run(second, step.step.value(), to_string(series), values->count(),
                                     values->out_of_range(), values->value_at_percentile(50),
                                     values->value_at_percentile(95), values->value_at_percentile(99),
                                     values->value_at_percentile(99.9), values->max(), place.at, place.bytes);
}

result<void> run_writer::write_errors(const load_second& what) {
    for (const auto& each : what.errors) {
        const auto kind = error_kind(each.kind);
        CB_TRY(kind);
        CB_TRY(write_.error_second.run(what.second, number_of_step(each.step), *kind, each.count));
    }
    return {};
}

result<std::size_t> run_writer::write_witnesses(const load_second& what) {
    const auto share = (witness_room_ + witness_share - 1) / witness_share;
    const auto kept = std::min(what.witnesses.size(), share);
    for (std::size_t i = 0; i < kept; ++i) {
        const auto& each = what.witnesses[i];
        std::optional<std::int64_t> kind;
        if (!each.kind.empty()) {
            const auto number = error_kind(each.kind);
            CB_TRY(number);
            kind = *number;
        }
        CB_TRY(
            write_.witness.run(each.at_ms, each.step.value(), kind, each.user, each.response_ns, cleaned(each.detail)));
    }
    return kept;
}

result<void> run_writer::write_gathered() {
    for (const auto& each : samples_) {
        CB_TRY(write_.sample.run(each.at_ms, each.instance.value(), each.metric.value(), each.value));
    }
    for (const auto& each : ledger_rows_) {
        CB_TRY(write_.ledger_entry.run(each.sequence, each.time_ms, cleaned(each.rule), each.effect, each.state,
                                       cleaned(each.topic), each.partition, each.json));
    }
    return {};
}

result<void> run_writer::add(const sample& what) {
    if (samples_.size() >= limits::run_rows_waiting) {
        CB_TRY(flush());
    }
    samples_.push_back(what);
    return {};
}

result<void> run_writer::add(ledger_row what) {
    if (ledger_room_ == 0) {
        return {}; // rule_count has the exact numbers, the ledger's own file has all entries
    }
    if (ledger_rows_.size() >= limits::run_rows_waiting) {
        CB_TRY(flush());
    }
    --ledger_room_;
    ledger_rows_.push_back(std::move(what));
    return {};
}

result<void> run_writer::flush() {
    if (samples_.empty() && ledger_rows_.empty()) {
        return {};
    }
    auto all = transaction::begin(file_);
    CB_TRY(all);
    CB_TRY(write_gathered());
    CB_TRY(all->commit());
    samples_.clear();
    ledger_rows_.clear();
    return {};
}

// --- what is seldom ----------------------------------------------------------------------------------------------

result<void> run_writer::begin_phase(const std::string& name, std::int64_t at_ms, bool judged) {
    return once("INSERT INTO phase (name, start_at_ms, judged) VALUES (?, ?, ?)", cleaned(name), at_ms, judged);
}

result<void> run_writer::end_phase(std::int64_t at_ms) {
    return once("UPDATE phase SET end_at_ms = ? WHERE end_at_ms IS NULL", at_ms);
}

result<void> run_writer::add(const death& what) {
    return once("INSERT OR REPLACE INTO death VALUES (?, ?, ?, ?, ?, ?)", what.instance.value(), what.at_ms,
                what.exit_code, what.signal, cleaned(what.cause), cleaned(what.evidence));
}

result<void> run_writer::add(const check_result& what) {
    return once("INSERT INTO check_result (name, phase, expected, found, outcome, reason) VALUES (?, ?, ?, ?, ?, ?)",
                cleaned(what.name), cleaned(what.phase), cleaned(what.expected), cleaned(what.found),
                to_string(what.result), cleaned(what.reason));
}

result<void> run_writer::add(const run_note& what) {
    return once("INSERT INTO note VALUES (?, ?, ?)", what.at_ms, cleaned(what.kind), cleaned(what.text));
}

result<void> run_writer::set_rule_counts(const std::vector<rule_count>& counts) {
    auto all = transaction::begin(file_);
    CB_TRY(all);
    for (const auto& each : counts) {
        CB_TRY(once("INSERT OR REPLACE INTO rule_count VALUES (?, ?, ?, ?, ?)", cleaned(each.rule), each.effect,
                    each.matched, each.injected, each.skipped));
    }
    return all->commit();
}

result<void> run_writer::set_verdict(const run_verdict& what) {
    auto all = transaction::begin(file_);
    CB_TRY(all);
    CB_TRY(once("UPDATE run SET verdict = ?", to_string(what.value)));
    CB_TRY(once("DELETE FROM verdict_reason"));
    for (std::size_t i = 0; i < what.reasons.size(); ++i) {
        CB_TRY(once("INSERT INTO verdict_reason VALUES (?, ?)", i + 1, cleaned(what.reasons[i])));
    }
    return all->commit();
}

result<void> run_writer::finish(std::int64_t at_ms) {
    CB_TRY(flush());
    CB_TRY(end_phase(at_ms));
    CB_TRY(once("UPDATE run SET ended_at_ms = ?", at_ms));
    write_ = {};
    CB_TRY(file_.execute("PRAGMA busy_timeout = 0"));
    // Another process may still have the file open: then it stays two files until that one closes it, and is as good.
    if (auto single = file_.execute("PRAGMA journal_mode = DELETE");
        !single && single.error().kind != errc::timed_out) {
        return single;
    }
    return {};
}

} // namespace cb::runstore
