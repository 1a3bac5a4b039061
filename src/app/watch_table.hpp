// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "watch/sample.hpp"

namespace cb::app {

/// What `watch` shows a person. Pure: looks in, text out.
/// Owner: the command; one thread.
class watch_table {
public:
    struct screen {
        std::size_t columns = 100;
        std::size_t rows = 40;
        bool colours = true;
    };

    void add(const watch::look& latest);
    /// The lines of the table as it stands, none longer than the screen is wide.
    [[nodiscard]] std::vector<std::string> lines(const screen& size) const;

private:
    struct shown_row {
        watch::sample latest;
        std::deque<double> cpu; ///< the chart
        bool alive = true;
    };

    watch::look latest_;
    std::map<std::string, shown_row> rows_; ///< by service and identity
    std::deque<watch::event> events_;
};

/// A look as plain lines, for a file or a pipe: events, then a line an instance.
std::string plain_lines(const watch::look& latest);
/// "14:03:05  billing  pid 4711  killed (137), out of memory: …"
std::string event_line(const watch::event& what);

/// "123 MiB", "1.4 GiB"; "-" when it is not known.
std::string bytes_text(double bytes);
/// Columns that a text takes on a terminal: its code points.
std::size_t columns_of(std::string_view text);
/// Bars of eight heights, the newest at the right; `top` is the value of the highest.
std::string chart(const std::deque<double>& values, std::size_t columns, double top);

} // namespace cb::app
