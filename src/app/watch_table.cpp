// SPDX-License-Identifier: Apache-2.0
#include "app/watch_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/log.hpp"

namespace cb::app {
namespace {

using watch::counter;
using watch::gauge;

constexpr std::size_t chart_points = 60;
constexpr std::size_t events_kept = 8;
constexpr std::size_t name_columns = 26;

std::string clock_text(wall_time_ms wall_ms) { return utc_timestamp(wall_ms).substr(11, 8); }

std::string cores_text(double cores) { return std::isnan(cores) ? "-" : fmt::format("{:.2f}", cores); }

std::string rate_text(double bytes_per_s) {
    return std::isnan(bytes_per_s) ? "-" : bytes_per_s < 1 ? "0" : bytes_text(bytes_per_s);
}

std::string count_text(double count) { return std::isnan(count) ? "-" : fmt::format("{:.0f}", count); }

/// Of a cgroup what it cannot give back at once. Of several processes the proportional memory, as long as it is fresh:
/// pages that they share would count for each of them.
double memory_of(const watch::sample& one) {
    constexpr double fresh_s = 10;
    if (one.now.has(gauge::working_set_bytes)) {
        return one.now[gauge::working_set_bytes];
    }
    const bool shared = one.now[gauge::processes] > 1 && one.now[gauge::rotation_age_s] < fresh_s;
    return shared && one.now.has(gauge::proportional_bytes) ? one.now[gauge::proportional_bytes]
                                                            : one.now[gauge::resident_bytes];
}

std::string files_text(const watch::sample& one) {
    const double limit = one.now[gauge::open_files_limit];
    return std::isnan(limit) ? count_text(one.now[gauge::open_files])
                             : count_text(one.now[gauge::open_files_fullest]) + "/" + count_text(limit);
}

std::string limit_text(const watch::sample& one) {
    const double limit = one.now[gauge::memory_limit_bytes];
    if (std::isnan(limit)) {
        return "-";
    }
    return fmt::format("{:.0f} % of {}", 100 * memory_of(one) / limit, bytes_text(limit));
}

/// What a person must not miss of an instance, in words.
std::string remarks(const watch::sample& one) {
    std::string out;
    const auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
    if (one.rates[counter::cpu_throttled_s] > 0) {
        add(fmt::format("throttled {:.0f} %", 100 * one.rates[counter::cpu_throttled_periods] /
                                                  std::max(1e-9, one.rates[counter::cpu_periods])));
    }
    if (one.rates[counter::memory_pressure_some_s] > 0.01) {
        add(fmt::format("waits for memory {:.0f} %", 100 * one.rates[counter::memory_pressure_some_s]));
    }
    if (one.memory_limit_in_s) {
        add(fmt::format("limit in {:.0f} s", *one.memory_limit_in_s));
    }
    if (one.memory_limit_at_users) {
        add(fmt::format("limit at {:.0f} users", *one.memory_limit_at_users));
    }
    if (one.totals[counter::oom_kills] > 0) {
        add(fmt::format("{:.0f} OOM kills", one.totals[counter::oom_kills]));
    }
    return out;
}

/// Cut or filled to so many columns.
std::string fit(std::string text, std::size_t columns) {
    auto used = columns_of(text);
    if (used > columns) {
        std::string cut;
        std::size_t taken = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            const bool begins = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
            if (begins && ++taken >= columns) {
                break;
            }
            cut += text[i];
        }
        return cut + "…";
    }
    text.append(columns - used, ' ');
    return text;
}

struct column {
    const char* heading;
    std::size_t columns;
};
/// What matters most first: a narrow window cuts the line at its end.
constexpr std::array<column, 8> figure_columns{{{"CPU", 6},
                                                {"MEMORY", 10},
                                                {"OF LIMIT", 16},
                                                {"", 30},
                                                {"THREADS", 7},
                                                {"FILES", 12},
                                                {"DISK r / w a second", 19},
                                                {"NET in / out a second", 21}}};
constexpr std::size_t spaces_between = 9;

std::string row_text(const std::string& name, const std::array<std::string, 8>& values, const std::string& bars) {
    auto line = fit(name, name_columns) + " " + fit(values[0], figure_columns[0].columns) + " " + bars + " ";
    for (std::size_t i = 1; i < values.size(); ++i) {
        line += " " + fit(values[i], figure_columns[i].columns);
    }
    return line;
}

std::array<std::string, 8> values_of(const watch::sample& one) {
    return {cores_text(one.rates[counter::cpu_s]),
            bytes_text(memory_of(one)),
            limit_text(one),
            remarks(one),
            count_text(one.now[gauge::threads]),
            files_text(one),
            rate_text(one.rates[counter::disk_read_bytes]) + " / " + rate_text(one.rates[counter::disk_written_bytes]),
            one.totals.has(counter::network_received_bytes)
                ? rate_text(one.rates[counter::network_received_bytes]) + " / " +
                      rate_text(one.rates[counter::network_sent_bytes])
                : ""};
}

std::string host_line(const watch::look& latest) {
    const auto& host = latest.host;
    using watch::host_counter;
    using watch::host_gauge;
    return fmt::format("host  {} of {:.0f} cores busy, steal {}, load {:.2f}   memory {} free of {}   TCP buffers {}",
                       cores_text(host.rates[host_counter::busy_s]), host.now[host_gauge::cores],
                       cores_text(host.rates[host_counter::steal_s]), host.now[host_gauge::load_1m],
                       bytes_text(host.now[host_gauge::memory_available_bytes]),
                       bytes_text(host.now[host_gauge::memory_bytes]),
                       bytes_text(host.now[host_gauge::tcp_buffer_bytes]));
}

void push(std::deque<double>& values, double value) {
    values.push_back(std::isnan(value) ? 0 : value);
    if (values.size() > chart_points) {
        values.pop_front();
    }
}

} // namespace

std::string bytes_text(double bytes) {
    if (std::isnan(bytes)) {
        return "-";
    }
    constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    constexpr double step = 1024;
    for (; bytes >= step && unit + 1 < units.size(); ++unit) {
        bytes /= step;
    }
    constexpr double three_digits = 99.95;
    return fmt::format("{:.{}f} {}", bytes, unit == 0 || bytes >= three_digits ? 0 : 1, units[unit]);
}

std::size_t columns_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char each) { return (static_cast<unsigned char>(each) & 0xC0U) != 0x80U; }));
}

std::string chart(const std::deque<double>& values, std::size_t columns, double top) {
    constexpr std::array<const char*, 9> bars{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    std::string out;
    const auto shown = std::min(columns, values.size());
    out.append(columns - shown, ' ');
    for (std::size_t i = values.size() - shown; i < values.size(); ++i) {
        const double share = top > 0 ? std::clamp(values[i] / top, 0.0, 1.0) : 0.0;
        // Anything above nothing is seen.
        const auto height = static_cast<std::size_t>(std::ceil(share * 8));
        out += bars[share < 0.005 ? 0 : std::max<std::size_t>(1, height)];
    }
    return out;
}

void watch_table::add(const watch::look& latest) {
    std::set<std::string> alive;
    for (const auto& each : latest.samples) {
        const auto key = each.of->service + "\n" + each.of->identity;
        auto& row = rows_[key];
        row.latest = each;
        push(row.cpu, each.rates[counter::cpu_s]);
        alive.insert(key);
    }
    std::erase_if(rows_, [&](const auto& each) { return !alive.contains(each.first); });
    for (const auto& each : latest.events) {
        events_.push_back(each);
        if (events_.size() > events_kept) {
            events_.pop_front();
        }
    }
    latest_ = latest;
    latest_.samples.clear();
    latest_.events.clear();
}

std::vector<std::string> watch_table::lines(const screen& size) const {
    const auto colour = [&](const char* code, const std::string& text) {
        return size.colours ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text;
    };
    std::size_t fixed_columns = name_columns + spaces_between;
    for (const auto& each : figure_columns) {
        fixed_columns += each.columns;
    }
    constexpr std::size_t least_chart = 10;
    const auto chart_columns = std::clamp<std::size_t>(size.columns > fixed_columns ? size.columns - fixed_columns : 0,
                                                       least_chart, chart_points);
    std::vector<std::string> out;
    out.push_back(fit(clock_text(latest_.wall_ms) + " UTC  " + host_line(latest_), size.columns));
    std::array<std::string, 8> headings;
    for (std::size_t i = 0; i < headings.size(); ++i) {
        headings[i] = figure_columns[i].heading;
    }
    out.push_back(colour("1", fit(row_text("SERVICE, REPLICA", headings, fit("", chart_columns)), size.columns)));
    const auto reserved = events_.size() + 4;
    std::size_t hidden = 0;
    for (const auto& service : latest_.services) {
        double cpu = 0;
        double memory = 0;
        std::deque<double> sum;
        for (const auto& [key, row] : rows_) {
            if (row.latest.of->service != service.service) {
                continue;
            }
            cpu += std::isnan(row.latest.rates[counter::cpu_s]) ? 0 : row.latest.rates[counter::cpu_s];
            memory += std::isnan(memory_of(row.latest)) ? 0 : memory_of(row.latest);
            // Aligned at the newest end.
            sum.insert(sum.begin(), row.cpu.size() - std::min(row.cpu.size(), sum.size()), 0);
            for (std::size_t back = 1; back <= row.cpu.size(); ++back) {
                sum[sum.size() - back] += row.cpu[row.cpu.size() - back];
            }
        }
        std::string about = fmt::format("{} replica{}", service.replicas, service.replicas == 1 ? "" : "s");
        if (service.restarts > 0) {
            about += fmt::format(", {} restart{}", service.restarts, service.restarts == 1 ? "" : "s");
        }
        if (service.oom_kills > 0) {
            about += fmt::format(", {} OOM", service.oom_kills);
        }
        const auto top = sum.empty() ? 0 : *std::max_element(sum.begin(), sum.end());
        out.push_back(
            colour("36", fit(row_text(service.service, {cores_text(cpu), bytes_text(memory), "", about, "", "", "", ""},
                                      chart(sum, chart_columns, top)),
                             size.columns)));
        for (const auto& [key, row] : rows_) {
            if (row.latest.of->service != service.service) {
                continue;
            }
            if (out.size() + reserved >= size.rows) {
                ++hidden;
                continue;
            }
            out.push_back(
                fit(row_text("  " + row.latest.of->name, values_of(row.latest), chart(row.cpu, chart_columns, top)),
                    size.columns));
        }
    }
    if (hidden > 0) {
        out.push_back(fit(fmt::format("  … {} more; make the window higher, or use --json", hidden), size.columns));
    }
    out.push_back(fit("", size.columns));
    for (const auto& each : events_) {
        const bool bad = each.how && each.how->cause != watch::death_cause::exited;
        const auto line = fit(event_line(each), size.columns);
        out.push_back(bad ? colour("31", line) : line);
    }
    return out;
}

std::string event_line(const watch::event& what) {
    auto line = clock_text(what.wall_ms) + "  ";
    if (what.of) {
        line += what.of->service + "  " + what.of->name + "  ";
    }
    switch (what.what) {
    case watch::event::kind::started: return line + "started" + (what.text.empty() ? "" : ", " + what.text);
    case watch::event::kind::gap: return line + "gap: " + what.text;
    default: return line + what.text;
    }
}

std::string plain_lines(const watch::look& latest) {
    std::string out;
    for (const auto& each : latest.events) {
        out += event_line(each) + "\n";
    }
    for (const auto& each : latest.samples) {
        if (each.interval_s <= 0) {
            continue; // no rates yet
        }
        out += fmt::format("{}  {}  {}  cpu {} cores  memory {}", clock_text(latest.wall_ms), each.of->service,
                           each.of->name, cores_text(each.rates[counter::cpu_s]), bytes_text(memory_of(each)));
        if (each.now.has(gauge::memory_limit_bytes)) {
            out += " (" + limit_text(each) + ")";
        }
        out += fmt::format("  threads {}  files {}  disk {} / {}", count_text(each.now[gauge::threads]),
                           files_text(each), rate_text(each.rates[counter::disk_read_bytes]),
                           rate_text(each.rates[counter::disk_written_bytes]));
        if (each.totals.has(counter::network_received_bytes)) {
            out += fmt::format("  net {} / {}", rate_text(each.rates[counter::network_received_bytes]),
                               rate_text(each.rates[counter::network_sent_bytes]));
        }
        if (const auto more = remarks(each); !more.empty()) {
            out += "  " + more;
        }
        out += "\n";
    }
    return out;
}

} // namespace cb::app
