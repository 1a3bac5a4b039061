// SPDX-License-Identifier: Apache-2.0
#include "runstore/run_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include <fmt/format.h>

#include "runstore/schema.hpp"

namespace cb::runstore {
namespace {

/// A query that makes a list: each row becomes an element.
template <class Element, class Make, class... Values>
result<std::vector<Element>> list_of(database& file, std::string_view sql, Make&& make, const Values&... values) {
    auto query = file.prepare(sql);
    CB_TRY(query);
    std::vector<Element> out;
    CB_TRY(query->each([&](const row& each) { out.push_back(make(each)); }, values...));
    return out;
}

std::uint64_t seed_of(const std::string& text) {
    std::uint64_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

std::optional<int> maybe_int(const row& each, int column) {
    const auto number = each.maybe_integer(column);
    return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

std::uint64_t count_of(const row& each, int column) { return static_cast<std::uint64_t>(each.integer(column)); }

} // namespace

metrics::hdr_histogram& step_total::of(latency_series series) {
    switch (series) {
    case latency_series::response: return response;
    case latency_series::service: return service;
    case latency_series::slip: return slip;
    case latency_series::failed: break;
    }
    return failed_response;
}

result<run_reader> run_reader::open(const run_folder& folder) {
    auto file = database::open(folder.database_file(), database::access::read);
    CB_TRY(file);
    const auto version = file->number("PRAGMA user_version");
    CB_TRY(version);
    if (*version != schema_version) {
        return fail(errc::unsupported, fmt::format("{}: has schema version {}, this program reads {}",
                                                   folder.database_file().string(), *version, schema_version));
    }
    return run_reader(folder, std::move(*file));
}

result<run_facts> run_reader::facts() {
    std::string verdict;
    auto rows = list_of<run_facts>(
        file_,
        "SELECT title, kind, hypothesis, seed, command_line, source_file, host, started_ms, started_mono_ns, "
        "ended_at_ms, verdict FROM run",
        [&](const row& each) {
            run_facts out;
            out.about = {each.text(0), each.text(1), each.text(2),    seed_of(each.text(3)), each.text(4),
                         each.text(5), each.text(6), each.integer(7), each.integer(8),       {}};
            out.ended_at_ms = each.maybe_integer(9);
            verdict = each.text(10);
            return out;
        });
    CB_TRY(rows);
    if (rows->empty()) {
        return fail(errc::malformed,
                    folder_.database_file().string() + ": describes no run; it was killed at its start");
    }
    auto out = std::move(rows->front());
    auto versions = list_of<std::pair<std::string, std::string>>(
        file_, "SELECT component, version FROM version ORDER BY component",
        [](const row& each) { return std::pair(each.text(0), each.text(1)); });
    CB_TRY(versions);
    out.about.versions = std::move(*versions);
    if (const auto value = parse_outcome(verdict)) {
        auto reasons = list_of<std::string>(file_, "SELECT reason FROM verdict_reason ORDER BY position",
                                            [](const row& each) { return each.text(0); });
        CB_TRY(reasons);
        out.verdict = run_verdict{*value, std::move(*reasons)};
    }
    const auto last = file_.number("SELECT MAX(at) FROM (SELECT MAX(ended_at_ms) AS at FROM run UNION ALL "
                                   "SELECT 1000 * (MAX(second) + 1) FROM step_second UNION ALL "
                                   "SELECT MAX(at_ms) FROM (SELECT at_ms FROM sample ORDER BY rowid DESC LIMIT 1000))");
    CB_TRY(last);
    out.last_at_ms = out.ended_at_ms.value_or(*last); // the last second of a run that ended is rarely a whole one
    return out;
}

result<std::vector<run_phase>> run_reader::phases() {
    return list_of<run_phase>(
        file_, "SELECT name, start_at_ms, end_at_ms, judged FROM phase ORDER BY start_at_ms, id", [](const row& each) {
            return run_phase{each.text(0), each.integer(1), each.maybe_integer(2), each.integer(3) != 0};
        });
}

second_range seconds_of(const run_phase& phase) {
    const auto up = [](std::int64_t ms) { return (ms + 999) / 1000; };
    second_range out;
    out.from = up(phase.start_at_ms);
    out.to = phase.end_at_ms ? up(*phase.end_at_ms) : out.to;
    return out;
}

result<std::vector<second_range>> run_reader::judged_seconds() {
    const auto all = phases();
    CB_TRY(all);
    if (all->empty()) {
        return std::vector<second_range>{second_range{}};
    }
    std::vector<second_range> out;
    for (const auto& each : *all) {
        if (each.judged) {
            out.push_back(seconds_of(each));
        }
    }
    return out;
}

result<std::vector<step_total>> run_reader::step_totals(const std::vector<second_range>& ranges) {
    auto out = list_of<step_total>(file_, "SELECT id, scenario, name FROM step ORDER BY id", [](const row& each) {
        step_total made;
        made.step = step_id(each.integer(0));
        made.scenario = each.text(1);
        made.name = each.text(2);
        return made;
    });
    CB_TRY(out);
    for (const auto& range : ranges) {
        CB_TRY(add_counts(range, *out));
        CB_TRY(add_latencies(range, *out));
    }
    std::erase_if(*out, [](const step_total& each) { return each.count == 0 && each.response.count() == 0; });
    return out;
}

result<void> run_reader::add_counts(const second_range& range, std::vector<step_total>& into) {
    std::map<step_id, step_total*> by_id;
    for (auto& each : into) {
        by_id.emplace(each.step, &each);
    }
    auto query = file_.prepare("SELECT step_id, SUM(count), SUM(failed), SUM(bytes_sent), SUM(bytes_received) "
                               "FROM step_second WHERE second >= ? AND second < ? GROUP BY step_id");
    CB_TRY(query);
    return query->each(
        [&](const row& each) {
            if (const auto found = by_id.find(step_id(each.integer(0))); found != by_id.end()) {
                found->second->count += count_of(each, 1);
                found->second->failed += count_of(each, 2);
                found->second->bytes_sent += count_of(each, 3);
                found->second->bytes_received += count_of(each, 4);
            }
        },
        range.from, range.to);
}

result<void> run_reader::add_latencies(const second_range& range, std::vector<step_total>& into) {
    struct kept {
        step_id step;
        std::string series;
        log_place place;
        std::uint64_t out_of_range;
    };
    const auto all = list_of<kept>(
        file_,
        "SELECT step_id, series, hlog_at, hlog_bytes, out_of_range FROM latency_second WHERE second >= ? AND second < "
        "?",
        [](const row& each) {
            return kept{step_id(each.integer(0)), each.text(1), {each.integer(2), each.integer(3)}, count_of(each, 4)};
        },
        range.from, range.to);
    CB_TRY(all);
    if (all->empty()) {
        return {};
    }
    const auto log = latency_log_places::open(folder_.latency_log_file());
    CB_TRY(log);
    for (const auto& each : *all) {
        const auto step = std::find_if(into.begin(), into.end(), [&](const auto& s) { return s.step == each.step; });
        const auto series = std::find_if(std::begin(all_series), std::end(all_series),
                                         [&](latency_series s) { return to_string(s) == each.series; });
        if (step == into.end() || series == std::end(all_series)) {
            continue; // a later program's series
        }
        const auto values = log->read(each.place);
        CB_TRY(values);
        auto& total = step->of(*series);
        if (total.empty() && total.out_of_range() == 0) {
            total = metrics::hdr_histogram(values->values.shape()); // equal shapes lose nothing
        }
        total.merge(values->values);
        if (each.out_of_range > 0) {
            total.record(-1, each.out_of_range);
        }
    }
    return {};
}

result<std::vector<error_total>> run_reader::error_totals(const std::vector<second_range>& ranges) {
    std::map<std::array<std::string, 3>, std::uint64_t> counts;
    auto query = file_.prepare("SELECT scenario, step, kind, SUM(count) FROM errors WHERE second >= ? AND second < ? "
                               "GROUP BY scenario, step, kind");
    CB_TRY(query);
    for (const auto& range : ranges) {
        CB_TRY(query->each(
            [&](const row& each) {
                counts[{each.text(0), each.text(1), each.text(2)}] += count_of(each, 3);
            },
            range.from, range.to));
    }
    std::vector<error_total> out;
    for (const auto& [key, count] : counts) {
        out.push_back({key[0], key[1], key[2], count});
    }
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
    return out;
}

result<std::vector<witness>> run_reader::witnesses(std::size_t most) {
    return list_of<witness>(
        file_,
        "SELECT w.at_ms, w.step_id, w.user, k.kind, w.response_ns, w.detail FROM witness w "
        "LEFT JOIN error_kind k ON k.id = w.kind_id ORDER BY w.rowid LIMIT ?",
        [](const row& each) {
            return witness{each.integer(0), step_id(each.integer(1)), each.integer(2),
                           each.text(3),    each.integer(4),          each.text(5)};
        },
        most);
}

result<std::vector<known_instance>> run_reader::instances() {
    return list_of<known_instance>(
        file_,
        "SELECT i.id, i.service, i.name, i.identity, i.seen_at_ms, i.detail, d.instance_id, d.at_ms, d.exit_code, "
        "d.signal, d.cause, d.evidence FROM instance i LEFT JOIN death d ON d.instance_id = i.id ORDER BY i.id",
        [](const row& each) {
            const instance_id id(each.integer(0));
            known_instance out{id, {each.text(1), each.text(2), each.text(3), each.integer(4), each.text(5)}, {}};
            if (!each.is_null(6)) {
                out.end =
                    death{id, each.integer(7), maybe_int(each, 8), maybe_int(each, 9), each.text(10), each.text(11)};
            }
            return out;
        });
}

result<std::vector<rule_count>> run_reader::rule_counts() {
    return list_of<rule_count>(
        file_, "SELECT rule, effect, matched, injected, skipped FROM rule_count ORDER BY rule", [](const row& each) {
            return rule_count{each.text(0), each.text(1), count_of(each, 2), count_of(each, 3), count_of(each, 4)};
        });
}

result<std::vector<check_result>> run_reader::checks() {
    return list_of<check_result>(file_,
                                 "SELECT name, phase, expected, found, outcome, reason FROM check_result ORDER BY id",
                                 [](const row& each) {
                                     return check_result{each.text(0),
                                                         each.text(1),
                                                         each.text(2),
                                                         each.text(3),
                                                         parse_outcome(each.text(4)).value_or(outcome::inconclusive),
                                                         each.text(5)};
                                 });
}

result<std::vector<run_note>> run_reader::notes() {
    return list_of<run_note>(file_, "SELECT at_ms, kind, text FROM note ORDER BY at_ms, rowid", [](const row& each) {
        return run_note{each.integer(0), each.text(1), each.text(2)};
    });
}

} // namespace cb::runstore
