// SPDX-License-Identifier: Apache-2.0
// What the views print, made of figures alone.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "app/load_view.hpp"
#include "report/faces.hpp"

namespace cb::app {
namespace {

constexpr std::size_t seconds_shown = 300;
constexpr std::size_t label_width = 10;

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

/// At most so many characters of it.
std::string cut(const std::string& text, std::size_t columns) {
    std::size_t seen = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (begins_character(text[i]) && seen++ == columns) {
            return text.substr(0, i);
        }
    }
    return text;
}

std::string left(const std::string& text, std::size_t width) {
    return text + std::string(width - std::min(width, width_of(text)), ' ');
}
std::string right(const std::string& text, std::size_t width) {
    return std::string(width - std::min(width, width_of(text)), ' ') + text;
}

std::string percent(double part, double whole) {
    return whole > 0 ? fmt::format("{:.3g} %", 100 * part / whole) : "0 %";
}

std::string rate_text(double per_s) {
    return per_s < 100 ? fmt::format("{:.1f}", per_s) : grouped(static_cast<std::uint64_t>(std::llround(per_s)));
}

/// The most frequent kinds, as many as there is room for.
std::string errors_text(const std::map<load::error_key, std::uint64_t, std::less<>>& errors, std::size_t most) {
    std::map<std::string, std::uint64_t> by_kind;
    for (const auto& [key, count] : errors) {
        by_kind[key.second] += count;
    }
    std::vector<std::pair<std::string, std::uint64_t>> sorted(by_kind.begin(), by_kind.end());
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    std::string out;
    for (std::size_t i = 0; i < std::min(most, sorted.size()); ++i) {
        out += fmt::format("{}{} {}", i == 0 ? "" : ", ", sorted[i].first, grouped(sorted[i].second));
    }
    return out;
}

/// "3 missing, 1 doubled"; empty: all came as awaited.
std::string amiss_text(const std::vector<await_figures>& awaits) {
    await_figures sum;
    for (const auto& each : awaits) {
        sum.missing += each.missing;
        sum.doubled += each.doubled;
        sum.late += each.late;
        sum.early += each.early;
    }
    std::string out;
    for (const auto& [count, word] : {std::pair(sum.missing, "missing"), std::pair(sum.doubled, "doubled"),
                                      std::pair(sum.late, "late"), std::pair(sum.early, "early")}) {
        out += count == 0 ? "" : fmt::format("{}{} {}", out.empty() ? "" : ", ", count, word);
    }
    return out;
}

screen_line awaits_line(const load_figures& figures, const load_figures& so_far) {
    std::int64_t came = 0;
    for (const auto& each : so_far.awaits) {
        came += each.came;
    }
    const auto amiss = amiss_text(so_far.awaits);
    return {left("awaits", label_width) +
                fmt::format("{} came{}{}", grouped(static_cast<std::uint64_t>(came)), amiss.empty() ? "" : ", ", amiss),
            !amiss_text(figures.awaits).empty()};
}

std::string progress(const load_view_subject& subject, const load_figures& figures, nanoseconds planned) {
    constexpr double width = 24;
    const auto length = subject.outline.length.count();
    const auto part =
        length > 0 ? std::min(1.0, static_cast<double>(planned.count()) / static_cast<double>(length)) : 1;
    const auto done = static_cast<std::size_t>(std::lround(part * width));
    std::string bar;
    for (std::size_t i = 0; i < static_cast<std::size_t>(width); ++i) {
        bar += i < done ? "━" : "╌";
    }
    const auto paused = figures.state.rate_factor == 0;
    const auto word = paused      ? std::string("paused")
                      : part >= 1 ? std::string("nobody comes any more")
                      : figures.state.rate_factor != 1.0
                          ? fmt::format("at {:g} times the rate", figures.state.rate_factor)
                          : std::string();
    return fmt::format("{}  {} of {}  {} {:.0f} %  {}", subject.work.title, clock_text(figures.second + 1),
                       clock_text((length + 999'999'999) / 1'000'000'000), bar, 100 * part, word);
}

std::string users_line(const load_figures& figures) {
    auto out = left("users", label_width) + right(grouped(figures.state.users_present()), 10) + "   ";
    for (std::size_t i = 1; i < load::user_states; ++i) {
        if (figures.state.users[i] > 0) {
            out += fmt::format("{} {}  ", state_name(i), grouped(figures.state.users[i]));
        }
    }
    return out + fmt::format(" {} came, {} went, {} connections", grouped(figures.state.started),
                             grouped(figures.state.ended), grouped(figures.state.connections));
}

std::string ms_text(double ms) { return report::latency_text(std::llround(ms * 1e6)); }

/// A figure, its last seconds as bars, and what the highest of them stands for.
std::string chart_line(const std::string& label, const std::deque<double>& values, std::string (*text_of)(double),
                       std::size_t columns) {
    constexpr std::size_t bars_at_most = 60;
    constexpr std::size_t behind_bars = 20;
    const auto begin = left(label, label_width) + right(text_of(values.empty() ? 0 : values.back()), 10) + "   ";
    const auto taken = width_of(begin) + behind_bars;
    const auto width = std::min({bars_at_most, columns - std::min(columns, taken), values.size()});
    if (width == 0) {
        return begin;
    }
    const auto highest = *std::max_element(values.end() - static_cast<std::ptrdiff_t>(width), values.end());
    return begin + bars(values, width) + "  highest " + text_of(highest);
}

/// Of a second in which no step ended there is no latency.
std::string latency_of(const load_figures& figures, std::int64_t ns) {
    return figures.steps == 0 ? "-" : report::latency_text(ns);
}

std::string response_line(const load_figures& figures) {
    return left("response", label_width) +
           fmt::format("p50 {}   p95 {}   p99 {}   max {}", latency_of(figures, figures.p50_ns),
                       latency_of(figures, figures.p95_ns), latency_of(figures, figures.p99_ns),
                       latency_of(figures, figures.max_ns));
}

screen_line failed_line(const load_figures& figures, const load::merged_seconds& totals, const load_figures& so_far) {
    auto text = left("failed", label_width) +
                fmt::format("{} of {} ({})", grouped(so_far.failed), grouped(so_far.steps),
                            percent(static_cast<double>(so_far.failed), static_cast<double>(so_far.steps)));
    if (const auto kinds = errors_text(totals.errors, 3); !kinds.empty()) {
        text += "   " + kinds;
    }
    return {std::move(text), figures.failed > 0};
}

screen_line trust_line(const load::workload& work, const load_figures& figures, const load_figures& so_far) {
    const auto slip_ms = static_cast<double>(so_far.slip_p99_ns) / 1e6;
    const bool late = slip_ms > work.slip_p99_max_ms;
    const bool busy = 100 * figures.cpu_busiest > work.own_cpu_max_percent;
    auto text = left("trust", label_width) +
                fmt::format("slip p99 {} of {:g} ms   busiest worker {:.0f} % of {:g} %   all workers {:.0f} %",
                            report::latency_text(so_far.slip_p99_ns), work.slip_p99_max_ms, 100 * figures.cpu_busiest,
                            work.own_cpu_max_percent, 100 * figures.cpu_all);
    if (!figures.state.machines_lost.empty()) {
        text += fmt::format("   {} machines lost", figures.state.machines_lost.size());
    }
    if (figures.state.workers_lost > 0) {
        text += fmt::format("   {} lost", figures.state.workers_lost);
    }
    if (figures.state.refused > 0) {
        text += fmt::format("   {} found no room", grouped(figures.state.refused));
    }
    return {std::move(text), late || busy || !figures.state.machines_lost.empty() || figures.state.workers_lost > 0 ||
                                 figures.state.refused > 0};
}

/// A row a step, the whole run so far; as many as there is room for.
void add_steps(std::vector<screen_line>& out, const load::workload& work, const load::merged_seconds& totals,
               std::size_t rows) {
    std::vector<std::size_t> shown;
    std::size_t width = 4;
    for (std::size_t i = 0; i < totals.steps.size(); ++i) {
        if (!totals.steps[i].response.empty()) {
            shown.push_back(i);
            width = std::max(width, std::min<std::size_t>(32, width_of(work.steps[i].name)));
        }
    }
    if (shown.empty() || rows < 3) {
        return;
    }
    const auto more = shown.size() > rows - 2 ? shown.size() - (rows - 3) : 0;
    shown.resize(shown.size() - more);
    out.push_back({});
    out.push_back({left("so far", width) + right("count", 12) + right("failed", 10) + right("p50", 10) +
                   right("p95", 10) + right("p99", 10) + right("max", 10)});
    for (const auto i : shown) {
        const auto& step = totals.steps[i];
        const auto at = [&](double percentile) {
            return right(report::latency_text(step.response.value_at_percentile(percentile)), 10);
        };
        out.push_back({left(cut(work.steps[i].name, width), width) + right(grouped(step.response.count()), 12) +
                           right(grouped(step.failed.count()), 10) + at(50) + at(95) + at(99) + at(100),
                       false});
    }
    if (more > 0) {
        out.push_back({fmt::format("and {} steps more", more)});
    }
}

} // namespace

void load_history::add(const load_figures& figures) {
    steps_per_s.push_back(figures.steps_per_s());
    p99_ms.push_back(static_cast<double>(figures.p99_ns) / 1e6);
    if (steps_per_s.size() > seconds_shown) {
        steps_per_s.pop_front();
        p99_ms.pop_front();
    }
}

std::string bars(const std::deque<double>& values, std::size_t width) {
    constexpr const char* eighths[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const auto shown = std::min(width, values.size());
    const auto first = values.end() - static_cast<std::ptrdiff_t>(shown);
    const auto highest = shown == 0 ? 0 : *std::max_element(first, values.end());
    std::string out;
    for (auto each = first; each != values.end(); ++each) {
        // What is there at all is seen.
        const auto height = highest > 0 && *each > 0 ? std::max(1L, std::lround(8 * *each / highest)) : 0L;
        out += eighths[height];
    }
    return out;
}

std::string plain_line(const load_figures& figures) {
    auto out = fmt::format(
        "{:>7}  users {}  steps {}/s  failed {}  p50 {}  p95 {}  p99 {}  slip p99 {}  busiest worker "
        "{:.0f} %",
        clock_text(figures.second + 1), grouped(figures.state.users_present()), rate_text(figures.steps_per_s()),
        grouped(figures.failed), latency_of(figures, figures.p50_ns), latency_of(figures, figures.p95_ns),
        latency_of(figures, figures.p99_ns), latency_of(figures, figures.slip_p99_ns), 100 * figures.cpu_busiest);
    if (figures.state.rate_factor != 1) {
        out += figures.state.rate_factor == 0 ? "  paused" : fmt::format("  rate {:g}", figures.state.rate_factor);
    }
    if (const auto amiss = amiss_text(figures.awaits); !amiss.empty()) {
        out += "  awaits: " + amiss;
    }
    if (const auto kinds = errors_text(figures.errors, 3); !kinds.empty()) {
        out += "  (" + kinds + ")";
    }
    return out;
}

std::vector<screen_line> live_screen(const load_view_subject& subject, const load_figures& figures,
                                     const load_history& history, nanoseconds planned,
                                     const load::merged_seconds& totals, screen_size size) {
    const auto so_far = figures_of(subject.work, totals, figures.state, 1);
    std::vector<screen_line> out;
    out.push_back({progress(subject, figures, planned)});
    out.push_back({users_line(figures)});
    out.push_back({chart_line("steps/s", history.steps_per_s, rate_text, size.columns)});
    out.push_back({chart_line("p99", history.p99_ms, ms_text, size.columns)});
    out.push_back({response_line(figures)});
    out.push_back(failed_line(figures, totals, so_far));
    if (!so_far.awaits.empty()) {
        out.push_back(awaits_line(figures, so_far));
    }
    out.push_back(trust_line(subject.work, figures, so_far));
    // The line below the last one is the cursor's.
    const std::size_t below = subject.control.empty() ? 2 : 3;
    add_steps(out, subject.work, totals, size.rows - std::min(size.rows, out.size() + below));
    out.push_back({"Ctrl-C ends the run" +
                   (subject.control.empty() ? "" : "; chaosbroker load pause, resume, rate: " + subject.control)});
    for (auto& each : out) {
        each.text = cut(each.text, size.columns);
    }
    if (out.size() + 1 > size.rows) {
        out.resize(std::max<std::size_t>(1, size.rows - std::min<std::size_t>(size.rows, 1)));
    }
    return out;
}

} // namespace cb::app
