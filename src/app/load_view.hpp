// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/load_figures.hpp"
#include "load/plan_outline.hpp"

namespace cb::app {

/// What a view knows of the run beside the figures of a second.
struct load_view_subject {
    const load::workload& work;
    load::plan_outline outline;
    std::string control; ///< address of the control API; empty: off
};

/// Shows a run while it goes on. Owner: the command. Thread: the one that runs the load.
class load_view {
public:
    virtual ~load_view() = default;
    virtual void started() {}
    /// `planned`: how far the plan is. `totals` are of the run so far, this second included.
    virtual void second(const load::merged_seconds& what, const load::run_state& state, nanoseconds planned,
                        const load::merged_seconds& totals) = 0;
    virtual void notice(std::string_view text) = 0;
    virtual void ended() {}
};

/// On a terminal, redrawn in place.
std::unique_ptr<load_view> make_live_view(load_view_subject subject);
/// Elsewhere: a line a second, of runs above a minute a line each five seconds, over those five.
std::unique_ptr<load_view> make_plain_view(load_view_subject subject);
/// A JSON document a second, a line each; notices go to standard error.
std::unique_ptr<load_view> make_json_view(load_view_subject subject);
/// Whether standard output is a terminal that can be redrawn.
bool standard_output_is_terminal();

// --- what they print, as values: for tests ------------------------------------------------------------------------

/// One line of the plain view.
std::string plain_line(const load_figures& figures);

/// The last so many seconds, for the chart.
struct load_history {
    std::deque<double> steps_per_s;
    std::deque<double> p99_ms;
    void add(const load_figures& figures);
};
/// Eighths of blocks, the highest of the shown values a full one; at most `width` of the latest values.
std::string bars(const std::deque<double>& values, std::size_t width);

struct screen_line {
    std::string text;
    bool alarm = false; ///< shown in red
    bool operator==(const screen_line&) const = default;
};
struct screen_size {
    std::size_t columns = 80;
    std::size_t rows = 24;
};
/// The live view's lines: none longer than the screen is wide, no more than it is high.
std::vector<screen_line> live_screen(const load_view_subject& subject, const load_figures& figures,
                                     const load_history& history, nanoseconds planned,
                                     const load::merged_seconds& totals, screen_size size);

} // namespace cb::app
