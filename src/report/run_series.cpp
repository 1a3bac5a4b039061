// SPDX-License-Identifier: Apache-2.0
#include "report/run_series.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <string_view>
#include <utility>

#include "base/limits.hpp"
#include "base/log.hpp"

namespace cb::report {
namespace {

using metrics::hdr_histogram;
using runstore::database;
using runstore::row;

std::uint64_t count_of(const row& each, int column) { return static_cast<std::uint64_t>(each.integer(column)); }

template <class Visit, class... Values>
result<void> each_row(database& file, std::string_view sql, Visit&& visit, const Values&... values) {
    auto query = file.prepare(sql);
    CB_TRY(query);
    return query->each(std::forward<Visit>(visit), values...);
}

/// The least number of seconds to a point, of those that people think in, that makes few enough points.
std::int64_t bucket_for(std::int64_t seconds) {
    const auto most = static_cast<std::int64_t>(limits::report_points);
    for (const std::int64_t each : {1, 2, 4, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1800, 3600}) {
        if ((seconds + each - 1) / each <= most) {
            return each;
        }
    }
    return (seconds + most - 1) / most;
}

/// Where a second's figures go; seconds outside of the run go nowhere.
class bucket_grid {
public:
    bucket_grid(std::int64_t bucket_s, std::size_t buckets) : bucket_s_(bucket_s), buckets_(buckets) {}
    [[nodiscard]] std::optional<std::size_t> of(std::int64_t second) const {
        const auto at = static_cast<std::size_t>(second / bucket_s_);
        return second >= 0 && at < buckets_ ? std::optional(at) : std::nullopt;
    }

private:
    std::int64_t bucket_s_;
    std::size_t buckets_;
};

step_line empty_line(std::string scenario, std::string step, std::size_t buckets) {
    step_line out{std::move(scenario), std::move(step), {}, {}, {}};
    out.count.resize(buckets);
    out.failed.resize(buckets);
    for (auto* each : {&out.response.p50, &out.response.p95, &out.response.p99, &out.response.max}) {
        each->assign(buckets, -1);
    }
    return out;
}

/// The busiest steps, in the order in which they were made known, and where each one's line stands.
result<std::map<std::int64_t, std::size_t>> choose_steps(database& file, load_lines& into) {
    struct busy {
        std::int64_t id;
        std::string scenario, step;
        std::uint64_t count;
    };
    std::vector<busy> all;
    CB_TRY(each_row(file,
                    "SELECT t.id, t.scenario, t.name, SUM(s.count) FROM step_second s JOIN step t ON t.id = s.step_id "
                    "GROUP BY t.id ORDER BY 4 DESC, 1",
                    [&](const row& each) {
                        all.push_back({each.integer(0), each.text(1), each.text(2), count_of(each, 3)});
                    }));
    const auto kept = std::min(all.size(), limits::report_step_lines);
    into.steps_left_out = all.size() - kept;
    all.resize(kept);
    std::sort(all.begin(), all.end(), [](const busy& a, const busy& b) { return a.id < b.id; });
    into.steps.push_back(empty_line("", "", into.buckets));
    std::map<std::int64_t, std::size_t> out;
    for (auto& each : all) {
        out.emplace(each.id, into.steps.size());
        into.steps.push_back(empty_line(std::move(each.scenario), std::move(each.step), into.buckets));
    }
    return out;
}

result<void> read_counts(database& file, const bucket_grid& grid, const std::map<std::int64_t, std::size_t>& line_of,
                         load_lines& into) {
    return each_row(file, "SELECT second, step_id, count, failed FROM step_second", [&](const row& each) {
        const auto at = grid.of(each.integer(0));
        if (!at) {
            return;
        }
        const auto add = [&](step_line& to) {
            to.count[*at] += count_of(each, 2);
            to.failed[*at] += count_of(each, 3);
        };
        add(into.steps.front());
        if (const auto line = line_of.find(each.integer(1)); line != line_of.end()) {
            add(into.steps[line->second]);
        }
    });
}

/// The histograms of one bucket, one a line, made into points when the next bucket begins.
class open_bucket {
public:
    explicit open_bucket(std::vector<step_line>& lines) : lines_(lines), gathered_(lines.size()) {}

    void add(std::size_t bucket, std::size_t line, const hdr_histogram& values) {
        if (bucket != bucket_) {
            close();
            bucket_ = bucket;
        }
        auto& into = gathered_[line];
        if (!into) {
            into.emplace(values.shape());
        }
        into->merge(values);
    }
    void close() {
        const auto us = [](std::int64_t ns) { return (ns + 500) / 1'000; };
        for (std::size_t i = 0; i < gathered_.size(); ++i) {
            if (auto& values = gathered_[i]; values && !values->empty()) {
                auto& to = lines_[i].response;
                to.p50[bucket_] = us(values->value_at_percentile(50));
                to.p95[bucket_] = us(values->value_at_percentile(95));
                to.p99[bucket_] = us(values->value_at_percentile(99));
                to.max[bucket_] = us(values->max());
                values->reset();
            }
        }
    }

private:
    std::vector<step_line>& lines_;
    std::vector<std::optional<hdr_histogram>> gathered_;
    std::size_t bucket_ = 0;
};

result<void> read_latencies(runstore::run_reader& run, const bucket_grid& grid,
                            const std::map<std::int64_t, std::size_t>& line_of, load_lines& into) {
    struct place {
        std::int64_t second, step;
        runstore::log_place where;
    };
    std::vector<place> places;
    CB_TRY(each_row(run.tables(),
                    "SELECT second, step_id, hlog_at, hlog_bytes FROM latency_second WHERE series = 'response' "
                    "ORDER BY second, step_id",
                    [&](const row& each) {
                        places.push_back({each.integer(0), each.integer(1), {each.integer(2), each.integer(3)}});
                    }));
    if (places.empty()) {
        return {};
    }
    const auto log = runstore::latency_log_places::open(run.folder().latency_log_file());
    CB_TRY(log);
    open_bucket gathered(into.steps);
    for (const auto& each : places) {
        const auto at = grid.of(each.second);
        if (!at) {
            continue;
        }
        const auto values = log->read(each.where);
        CB_TRY(values);
        gathered.add(*at, 0, values->values);
        if (const auto line = line_of.find(each.step); line != line_of.end()) {
            gathered.add(*at, line->second, values->values);
        }
    }
    gathered.close();
    return {};
}

result<void> read_errors(database& file, const bucket_grid& grid, load_lines& into) {
    std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> line_of;
    std::size_t all = 0;
    CB_TRY(each_row(file,
                    "SELECT e.step_id, e.kind_id, t.scenario, t.name, k.kind FROM error_second e "
                    "JOIN error_kind k ON k.id = e.kind_id LEFT JOIN step t ON t.id = e.step_id "
                    "GROUP BY e.step_id, e.kind_id ORDER BY SUM(e.count) DESC, e.step_id, e.kind_id",
                    [&](const row& each) {
                        if (all++ < limits::report_error_lines) {
                            line_of.emplace(std::pair(each.integer(0), each.integer(1)), into.errors.size());
                            into.errors.push_back({each.text(2), each.text(3), each.text(4), {}});
                        }
                    }));
    into.errors_left_out = all - into.errors.size();
    return each_row(file, "SELECT second, step_id, kind_id, SUM(count) FROM error_second GROUP BY 1, 2, 3 ORDER BY 1",
                    [&](const row& each) {
                        const auto at = grid.of(each.integer(0));
                        const auto line = line_of.find(std::pair(each.integer(1), each.integer(2)));
                        if (at && line != line_of.end()) {
                            into.errors[line->second].counts.add(static_cast<std::int64_t>(*at), count_of(each, 3));
                        }
                    });
}

result<void> read_users(database& file, const bucket_grid& grid, load_lines& into) {
    std::map<std::string, std::size_t> line_of;
    std::vector<std::vector<int>> seconds; // of each line's buckets
    CB_TRY(each_row(file, "SELECT second, state, count FROM user_second ORDER BY second, state", [&](const row& each) {
        const auto at = grid.of(each.integer(0));
        if (!at) {
            return;
        }
        const auto [line, is_new] = line_of.emplace(each.text(1), into.users.size());
        if (is_new) {
            into.users.push_back({each.text(1), std::vector<double>(into.buckets)});
            seconds.emplace_back(into.buckets);
        }
        into.users[line->second].mean[*at] += static_cast<double>(each.integer(2));
        ++seconds[line->second][*at];
    }));
    for (std::size_t line = 0; line < into.users.size(); ++line) {
        for (std::size_t at = 0; at < into.buckets; ++at) {
            auto& value = into.users[line].mean[at];
            value = seconds[line][at] == 0 ? -1 : value / seconds[line][at];
        }
    }
    return {};
}

result<void> read_rules(database& file, const bucket_grid& grid, wall_time_ms started_ms, load_lines& into) {
    std::map<std::pair<std::string, std::string>, std::size_t> line_of;
    return each_row(
        file,
        "SELECT rule, effect, (time_ms - ?) / 1000 AS second, COUNT(*) FROM ledger_entry WHERE time_ms >= ? "
        "GROUP BY 1, 2, 3 ORDER BY 3, 1, 2",
        [&](const row& each) {
            const auto at = grid.of(each.integer(2));
            auto line = line_of.find(std::pair(each.text(0), each.text(1)));
            if (line == line_of.end() && into.rules.size() < limits::report_rule_lines) {
                line = line_of.emplace(std::pair(each.text(0), each.text(1)), into.rules.size()).first;
                into.rules.push_back({each.text(0), each.text(1), {}});
            }
            if (at && line != line_of.end()) {
                into.rules[line->second].counts.add(static_cast<std::int64_t>(*at), count_of(each, 3));
            }
        },
        started_ms, started_ms);
}

result<load_lines> read_load(runstore::run_reader& run, const runstore::run_facts& facts) {
    load_lines out;
    const auto seconds = (facts.last_at_ms + 999) / 1000;
    out.bucket_s = bucket_for(seconds);
    out.buckets = static_cast<std::size_t>((seconds + out.bucket_s - 1) / out.bucket_s);
    const bucket_grid grid(out.bucket_s, out.buckets);
    const auto line_of = choose_steps(run.tables(), out);
    CB_TRY(line_of);
    CB_TRY(read_counts(run.tables(), grid, *line_of, out));
    CB_TRY(read_latencies(run, grid, *line_of, out));
    CB_TRY(read_errors(run.tables(), grid, out));
    CB_TRY(read_users(run.tables(), grid, out));
    CB_TRY(read_rules(run.tables(), grid, facts.about.started_ms, out));
    return out;
}

/// What the page has a chart for. All else stays in run.db.
bool is_drawn(std::string_view metric) {
    constexpr std::string_view drawn[] = {"cpu_cores",      "cpu_limit_cores",    "working_set_bytes",
                                          "resident_bytes", "proportional_bytes", "busy_cores",
                                          "cores",          "memory_limit_bytes"};
    return std::find(std::begin(drawn), std::end(drawn), metric) != std::end(drawn) ||
           metric.find("lag") != std::string_view::npos;
}

void add_sample(sample_line& to, std::int64_t at, double value, int& in_bucket) {
    if (to.bucket_ms == 1 || to.at.empty() || to.at.back() != at) {
        to.at.push_back(at);
        to.mean.push_back(value);
        to.least.push_back(value);
        to.most.push_back(value);
        in_bucket = 1;
        return;
    }
    ++in_bucket;
    to.mean.back() += (value - to.mean.back()) / in_bucket;
    to.least.back() = std::min(to.least.back(), value);
    to.most.back() = std::max(to.most.back(), value);
}

result<sample_lines> read_samples(database& file, std::int64_t last_at_ms,
                                  const std::vector<runstore::known_instance>& instances) {
    std::map<std::int64_t, std::size_t> place_of;
    for (std::size_t i = 0; i < instances.size(); ++i) {
        place_of.emplace(instances[i].id.value(), i);
    }
    std::map<std::int64_t, std::pair<std::string, std::string>> metrics;
    CB_TRY(each_row(file, "SELECT id, name, unit FROM metric", [&](const row& each) {
        if (is_drawn(each.text(1))) {
            metrics.emplace(each.integer(0), std::pair(each.text(1), each.text(2)));
        }
    }));
    struct wanted {
        std::pair<std::int64_t, std::int64_t> key;
        std::uint64_t count;
    };
    std::vector<wanted> all;
    CB_TRY(each_row(file, "SELECT instance_id, metric_id, COUNT(*) FROM sample GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2",
                    [&](const row& each) {
                        if (metrics.contains(each.integer(1)) && place_of.contains(each.integer(0))) {
                            all.push_back({{each.integer(0), each.integer(1)}, count_of(each, 2)});
                        }
                    }));
    sample_lines out;
    const auto kept = std::min(all.size(), limits::report_sample_points / limits::report_points_min);
    out.left_out = all.size() - kept;
    all.resize(kept);
    const auto points = std::clamp(limits::report_sample_points / std::max<std::size_t>(kept, 1),
                                   limits::report_points_min, limits::report_points);
    const auto bucket_ms = std::max<std::int64_t>(2, last_at_ms / static_cast<std::int64_t>(points) + 1);

    std::sort(all.begin(), all.end(), [](const wanted& a, const wanted& b) { return a.key < b.key; });
    std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> line_of;
    for (const auto& each : all) {
        const auto& [name, unit] = metrics.at(each.key.second);
        line_of.emplace(each.key, out.lines.size());
        sample_line made;
        made.instance = place_of.at(each.key.first);
        made.metric = name;
        made.unit = unit;
        made.bucket_ms = each.count <= points ? 1 : bucket_ms;
        out.lines.push_back(std::move(made));
    }
    std::vector<int> in_bucket(out.lines.size());
    CB_TRY(
        each_row(file, "SELECT at_ms, instance_id, metric_id, value FROM sample ORDER BY rowid", [&](const row& each) {
            const auto line = line_of.find(std::pair(each.integer(1), each.integer(2)));
            if (line != line_of.end()) {
                auto& to = out.lines[line->second];
                add_sample(to, each.integer(0) / to.bucket_ms, each.real(3), in_bucket[line->second]);
            }
        }));
    return out;
}

result<std::vector<seen_witness>> read_witnesses(runstore::run_reader& run) {
    std::vector<seen_witness> out;
    // Some of each kind and step, not the first two hundred of the first second of a storm.
    CB_TRY(each_row(
        run.tables(),
        "SELECT at_ms, step_id, user, kind, response_ns, detail, scenario, name FROM ("
        "SELECT w.rowid AS id, w.at_ms, w.step_id, w.user, k.kind, w.response_ns, w.detail, t.scenario, t.name, "
        "ROW_NUMBER() OVER (PARTITION BY w.step_id, w.kind_id ORDER BY w.response_ns DESC, w.rowid) AS place "
        "FROM witness w JOIN step t ON t.id = w.step_id LEFT JOIN error_kind k ON k.id = w.kind_id) "
        "ORDER BY place, id LIMIT ?",
        [&](const row& each) {
            out.push_back({{each.integer(0), runstore::step_id(each.integer(1)), each.integer(2), each.text(3),
                            each.integer(4), each.text(5)},
                           each.text(6),
                           each.text(7)});
        },
        limits::report_witnesses));
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.what.at_ms < b.what.at_ms; });
    return out;
}

result<std::vector<runstore::ledger_row>> read_ledger(database& file) {
    std::vector<runstore::ledger_row> out;
    CB_TRY(each_row(
        file,
        "SELECT sequence, time_ms, rule, effect, state, topic, partition, json FROM (SELECT *, "
        "ROW_NUMBER() OVER (PARTITION BY rule, effect ORDER BY sequence) AS place FROM ledger_entry) "
        "WHERE place <= ? ORDER BY place, sequence LIMIT ?",
        [&](const row& each) {
            runstore::ledger_row made;
            made.sequence = count_of(each, 0);
            made.time_ms = each.integer(1);
            made.rule = each.text(2);
            made.effect = each.text(3);
            made.state = each.text(4);
            made.topic = each.text(5);
            if (const auto partition = each.maybe_integer(6)) {
                made.partition = static_cast<std::int32_t>(*partition);
            }
            made.json = each.text(7);
            out.push_back(std::move(made));
        },
        limits::report_entries_per_rule, limits::report_entries));
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
    return out;
}

/// Nothing when it is not in the folder: a run that watch began has no file.
void read_source(const runstore::run_folder& folder, const std::string& name, run_series& into) {
    if (name.empty() || name.find('/') != std::string::npos) {
        return;
    }
    std::ifstream file(folder.path() / name, std::ios::binary);
    std::string text(limits::report_source_bytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
    into.source_is_cut = text.size() > limits::report_source_bytes;
    into.source = clean_text(text, limits::report_source_bytes);
}

} // namespace

void sparse_counts::add(std::int64_t at, std::uint64_t more) {
    if (bucket.empty() || bucket.back() != at) {
        bucket.push_back(at);
        count.push_back(0);
    }
    count.back() += more;
}

result<run_series> read_series(runstore::run_reader& run, const runstore::run_facts& facts,
                               const std::vector<runstore::known_instance>& instances) {
    run_series out;
    auto load = read_load(run, facts);
    CB_TRY(load);
    out.load = std::move(*load);
    auto samples = read_samples(run.tables(), facts.last_at_ms, instances);
    CB_TRY(samples);
    out.samples = std::move(*samples);
    auto witnesses = read_witnesses(run);
    CB_TRY(witnesses);
    out.witnesses = std::move(*witnesses);
    auto ledger = read_ledger(run.tables());
    CB_TRY(ledger);
    out.ledger = std::move(*ledger);
    const auto entries = run.tables().number("SELECT COUNT(*) FROM ledger_entry");
    CB_TRY(entries);
    out.ledger_entries = static_cast<std::uint64_t>(*entries);
    const auto kept = run.tables().number("SELECT COUNT(*) FROM witness");
    CB_TRY(kept);
    out.witnesses_kept = static_cast<std::uint64_t>(*kept);
    read_source(run.folder(), facts.about.source_file, out);
    return out;
}

} // namespace cb::report
