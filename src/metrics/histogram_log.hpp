// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "metrics/hdr_histogram.hpp"

namespace cb::metrics {

/// A histogram of an interval, as an interval log holds it. Seconds are since the log's base time, else since 1970.
struct tagged_interval {
    std::string tag; ///< no comma, blank or line break; empty: none
    double start_s = 0;
    double length_s = 0;
    hdr_histogram values;
};

/// What stands in a log's header lines. Nothing: the line is not there.
struct histogram_log_header {
    std::string comment;                  ///< one line
    std::optional<std::int64_t> start_ms; ///< since 1970
    std::optional<std::int64_t> base_ms;  ///< what the rows' start times are relative to
};

/// The text of HdrHistogram's interval log, V1.3. Values are nanoseconds, as the public tools take them to be: the
/// maximum of a row is written in milliseconds for people, everything else is inside the encoded histogram.
std::string histogram_log_head(const histogram_log_header& header);
std::string histogram_log_row(std::string_view tag, double start_s, double length_s, const hdr_histogram& values);
/// A name with what a tag may not hold replaced by '_'.
std::string histogram_log_tag(std::string_view name);

/// Reads the text of an interval log line by line. Owner: the caller, who keeps the text. Thread: one.
class histogram_log_reader {
public:
    explicit histogram_log_reader(std::string_view text) : rest_(text) {}

    /// The next interval; nothing at the end. A last line without its line break is cut off, and is the end as well:
    /// its writer was killed. Error: malformed, with the line's number; the next call goes on with the line after it.
    result<std::optional<tagged_interval>> next();
    /// As far as the lines that were read go.
    [[nodiscard]] const histogram_log_header& header() const { return header_; }
    /// Of one row, with or without its line break.
    static result<tagged_interval> parse_row(std::string_view row);

private:
    void take_comment(std::string_view line);

    std::string_view rest_;
    std::size_t line_number_ = 0;
    histogram_log_header header_;
};

} // namespace cb::metrics
