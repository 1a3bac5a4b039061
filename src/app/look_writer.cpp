// SPDX-License-Identifier: Apache-2.0
#include "app/look_writer.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <unistd.h>

#include "base/log.hpp"

namespace cb::app {
namespace {

using watch::counter;
using watch::gauge;
using watch::host_counter;
using watch::host_gauge;

constexpr const char* bytes = "bytes";
constexpr const char* bytes_per_s = "bytes/s";
constexpr const char* cores = "cores";
/// Of the time: 0.25 is a quarter of it. A group with several processes throttled at once may exceed 1.
constexpr const char* share = "share";
constexpr const char* number = "";

template <class Figure>
struct kept {
    Figure figure;
    const char* unit;
};

// What is kept of each second, and why not all: with 200 instances each name is 200 rows a second.
constexpr kept<gauge> gauges_kept[] = {
    {gauge::working_set_bytes, bytes}, {gauge::resident_bytes, bytes}, {gauge::open_files, number},
    {gauge::threads, number},          {gauge::processes, number},
};
constexpr kept<gauge> limits_kept[] = {
    {gauge::memory_limit_bytes, bytes},
    {gauge::cpu_limit_cores, cores},
    {gauge::open_files_limit, number},
};
constexpr kept<counter> rates_kept[] = {
    {counter::cpu_s, cores},
    {counter::cpu_throttled_s, share},
    {counter::disk_read_bytes, bytes_per_s},
    {counter::disk_written_bytes, bytes_per_s},
    {counter::network_received_bytes, bytes_per_s},
    {counter::network_sent_bytes, bytes_per_s},
    {counter::cpu_pressure_some_s, share},
    {counter::memory_pressure_some_s, share},
    {counter::io_pressure_some_s, share},
};
constexpr kept<host_gauge> host_gauges_kept[] = {
    {host_gauge::load_1m, number},
    {host_gauge::memory_available_bytes, bytes},
    {host_gauge::tcp_buffer_bytes, bytes},
};
constexpr kept<host_gauge> host_limits_kept[] = {
    {host_gauge::cores, cores},
    {host_gauge::memory_bytes, bytes},
};
constexpr kept<host_counter> host_rates_kept[] = {
    {host_counter::busy_s, cores},
    {host_counter::steal_s, cores},
    {host_counter::io_wait_s, cores},
};

template <class Names, class Figure>
const auto& named(const Names& names, Figure figure) {
    return *std::find_if(names.begin(), names.end(), [&](const auto& each) { return each.figure == figure; });
}

std::string name_of_machine() {
    char name[256] = {};
    return ::gethostname(name, sizeof(name) - 1) == 0 && name[0] != '\0' ? name : "this machine";
}

std::string in_words(const watch::event& what) {
    return what.of ? what.of->service + " (" + what.of->name + "): " + what.text : what.text;
}

} // namespace

std::int64_t look_writer::at_ms(mono_time at) const {
    return std::max<std::int64_t>(0, std::chrono::duration_cast<milliseconds>(at - began_).count());
}

void look_writer::write(const watch::look& latest) {
    if (const auto written = write_look(latest); !written && !first_failure_) {
        first_failure_ = written.error();
    }
}

void look_writer::note_left_out(std::size_t looks, mono_time at) {
    const auto noted = run_->add(runstore::run_note{
        at_ms(at), "gap", std::to_string(looks) + " looks are not kept: the disk did not take them in time"});
    if (!noted && !first_failure_) {
        first_failure_ = noted.error();
    }
}

result<void> look_writer::finish(mono_time at) {
    const auto done = ours_ ? run_->finish(at_ms(at)) : run_->flush();
    run_.reset(); // the last to close run.db makes one file of it
    if (first_failure_) {
        return tl::unexpected(*first_failure_);
    }
    return done;
}

result<void> look_writer::write_look(const watch::look& latest) {
    for (auto& [key, row] : instances_) {
        row.seen = false;
    }
    for (const auto& each : latest.samples) {
        CB_TRY(write_sample(each, latest.at));
    }
    // A death needs its instance, and who ended in this look has no sample in it.
    for (const auto& each : latest.events) {
        CB_TRY(write_event(each, latest.at));
    }
    CB_TRY(write_host(latest.host, latest.at));
    return run_->flush();
}

result<void> look_writer::write_event(const watch::event& what, mono_time at) {
    using kind = watch::event::kind;
    switch (what.what) {
    case kind::started: {
        const auto row = row_of(*what.of, at);
        CB_TRY(row);
        return what.text.empty() ? result<void>() : run_->add(runstore::run_note{at_ms(at), "restart", in_words(what)});
    }
    case kind::ended: {
        const auto row = row_of(*what.of, at);
        CB_TRY(row);
        runstore::death end;
        end.instance = (*row)->id;
        end.at_ms = at_ms(what.since.value_or(at));
        end.exit_code = what.how->exit_code;
        end.signal = what.how->signal;
        end.cause = to_string(what.how->cause);
        end.evidence = what.how->evidence;
        instances_.erase({what.of->service, what.of->identity});
        return run_->add(end);
    }
    case kind::child_killed: return run_->add(runstore::run_note{at_ms(at), "child killed", in_words(what)});
    case kind::gap: return run_->add(runstore::run_note{at_ms(at), "gap", in_words(what)});
    case kind::notice: break;
    }
    return run_->add(runstore::run_note{at_ms(at), "notice", in_words(what)});
}

result<look_writer::instance_row*> look_writer::row_of(const watch::instance& what, mono_time at) {
    const instance_key key(what.service, what.identity);
    if (const auto known = instances_.find(key); known != instances_.end()) {
        return &known->second;
    }
    runstore::instance_description about;
    about.service = what.service;
    about.name = what.name;
    about.identity = what.identity;
    about.seen_at_ms = at_ms(at);
    about.detail = std::string(to_string(what.kind)) + ", started " + utc_timestamp(what.started_ms);
    const auto id = run_->instance(about);
    CB_TRY(id);
    return &instances_.emplace(key, instance_row{*id, -1, {}, false}).first->second;
}

result<void> look_writer::write_sample(const watch::sample& what, mono_time at) {
    const auto found = row_of(*what.of, at);
    CB_TRY(found);
    auto& row = **found;
    // An instance that two targets name is sampled twice in a look; once is enough here.
    if (std::exchange(row.seen, true)) {
        return {};
    }
    const auto now_ms = at_ms(at);
    for (const auto& [figure, unit] : gauges_kept) {
        CB_TRY(add(row, now_ms, named(watch::gauge_names(), figure).name, unit, what.now[figure]));
    }
    for (const auto& [figure, unit] : rates_kept) {
        CB_TRY(add(row, now_ms, named(watch::counter_names(), figure).rate_name, unit, what.rates[figure]));
    }
    for (const auto& [figure, unit] : limits_kept) {
        CB_TRY(add_limit(row, now_ms, named(watch::gauge_names(), figure).name, unit, what.now[figure]));
    }
    const auto& kills = named(watch::counter_names(), counter::oom_kills);
    CB_TRY(add_limit(row, now_ms, kills.total_name, number, what.totals[counter::oom_kills]));
    if (what.now.has(gauge::rotation_age_s)) {
        // Read some looks ago: it stands once, at the moment of which it is true.
        const auto read_at = now_ms - std::llround(what.now[gauge::rotation_age_s] * 1000);
        constexpr std::int64_t same_reading_ms = 50;
        if (row.rotation_at_ms < 0 || read_at > row.rotation_at_ms + same_reading_ms) {
            row.rotation_at_ms = std::max<std::int64_t>(0, read_at);
            CB_TRY(add(row, row.rotation_at_ms, named(watch::gauge_names(), gauge::proportional_bytes).name, bytes,
                       what.now[gauge::proportional_bytes]));
        }
    }
    return {};
}

result<void> look_writer::write_host(const watch::host_sample& host, mono_time at) {
    if (!host_) {
        runstore::instance_description about;
        about.service = "host";
        about.name = name_of_machine();
        about.identity = "host:" + about.name;
        about.seen_at_ms = at_ms(at);
        const auto id = run_->instance(about);
        CB_TRY(id);
        host_ = instance_row{*id, -1, {}, false};
    }
    const auto now_ms = at_ms(at);
    for (const auto& [figure, unit] : host_gauges_kept) {
        CB_TRY(add(*host_, now_ms, named(watch::host_gauge_names(), figure).name, unit, host.now[figure]));
    }
    for (const auto& [figure, unit] : host_limits_kept) {
        CB_TRY(add_limit(*host_, now_ms, named(watch::host_gauge_names(), figure).name, unit, host.now[figure]));
    }
    for (const auto& [figure, unit] : host_rates_kept) {
        CB_TRY(add(*host_, now_ms, named(watch::host_counter_names(), figure).rate_name, unit, host.rates[figure]));
    }
    return {};
}

result<void> look_writer::add(const instance_row& row, std::int64_t at, std::string_view name, const char* unit,
                              double value) {
    if (std::isnan(value)) {
        return {};
    }
    const auto metric = run_->metric(std::string(name), unit);
    CB_TRY(metric);
    return run_->add(runstore::sample{at, row.id, *metric, value});
}

result<void> look_writer::add_limit(instance_row& row, std::int64_t at, std::string_view name, const char* unit,
                                    double value) {
    const auto known = row.limits.find(name);
    if (std::isnan(value) || (known != row.limits.end() && known->second == value)) {
        return {};
    }
    row.limits[name] = value;
    return add(row, at, name, unit, value);
}

} // namespace cb::app
