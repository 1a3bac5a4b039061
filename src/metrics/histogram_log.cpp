// SPDX-License-Identifier: Apache-2.0
#include "metrics/histogram_log.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "base/log.hpp"
#include "metrics/base64.hpp"

namespace cb::metrics {
namespace {

constexpr std::string_view start_time_line = "[StartTime: ";
constexpr std::string_view base_time_line = "[BaseTime: ";
constexpr double ns_per_ms = 1e6;

bool breaks_a_tag(char each) { return each == ',' || each == '"' || static_cast<unsigned char>(each) <= ' '; }

std::optional<double> number_of(std::string_view text) {
    double out = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (wrong != std::errc() || end != text.data() + text.size() || !std::isfinite(out)) {
        return std::nullopt;
    }
    return out;
}

/// "1700000000.123 (seconds since epoch)…" in milliseconds.
std::optional<std::int64_t> epoch_ms_of(std::string_view text) {
    const auto seconds = number_of(text.substr(0, text.find_first_of(" ]")));
    if (!seconds || std::abs(*seconds) > 1e15) {
        return std::nullopt;
    }
    return std::llround(*seconds * 1000);
}

std::string_view cut_field(std::string_view& row) {
    const auto comma = row.find(',');
    const auto field = row.substr(0, comma);
    row.remove_prefix(comma == std::string_view::npos ? row.size() : comma + 1);
    return field;
}

} // namespace

std::string histogram_log_tag(std::string_view name) {
    std::string out(name);
    for (auto& each : out) {
        if (breaks_a_tag(each)) {
            each = '_';
        }
    }
    return out;
}

std::string histogram_log_head(const histogram_log_header& header) {
    std::string out;
    if (!header.comment.empty()) {
        out += "#" + header.comment + "\n";
    }
    out += "#[Histogram log format version 1.3]\n";
    const auto seconds = [](std::int64_t ms) { return static_cast<double>(ms) / 1000; };
    if (header.start_ms) {
        out += fmt::format("#[StartTime: {:.3f} (seconds since epoch), {}]\n", seconds(*header.start_ms),
                           utc_timestamp(*header.start_ms));
    }
    if (header.base_ms) {
        out += fmt::format("#[BaseTime: {:.3f} (seconds since epoch)]\n", seconds(*header.base_ms));
    }
    out += "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";
    return out;
}

std::string histogram_log_row(std::string_view tag, double start_s, double length_s, const hdr_histogram& values) {
    const auto encoded = to_base64(values.encode_v2());
    return fmt::format("{}{}{}{:.3f},{:.3f},{:.3f},{}\n", tag.empty() ? "" : "Tag=", histogram_log_tag(tag),
                       tag.empty() ? "" : ",", start_s, length_s, static_cast<double>(values.max()) / ns_per_ms,
                       encoded);
}

result<tagged_interval> histogram_log_reader::parse_row(std::string_view row) {
    while (!row.empty() && (row.back() == '\n' || row.back() == '\r')) {
        row.remove_suffix(1);
    }
    if (row.size() > limits::histogram_log_line_bytes) {
        return fail(errc::limit, fmt::format("a row is longer than {} bytes", limits::histogram_log_line_bytes));
    }
    std::string tag;
    if (row.starts_with("Tag=")) {
        tag = cut_field(row).substr(4);
    }
    std::array<double, 3> numbers{};
    for (auto& number : numbers) {
        const auto read = number_of(cut_field(row));
        if (!read) {
            return fail(errc::malformed, "a row of an interval log has a start, a length and a maximum, all numbers");
        }
        number = *read;
    }
    const auto bytes = from_base64(row);
    if (!bytes || bytes->empty()) {
        return fail(errc::malformed, "a row of an interval log ends with a histogram in base64");
    }
    auto values = hdr_histogram::decode_v2(*bytes);
    if (!values) {
        return tl::unexpected(values.error());
    }
    return tagged_interval{std::move(tag), numbers[0], numbers[1], std::move(*values)};
}

void histogram_log_reader::take_comment(std::string_view line) {
    if (line.starts_with(start_time_line)) {
        header_.start_ms = epoch_ms_of(line.substr(start_time_line.size()));
    } else if (line.starts_with(base_time_line)) {
        header_.base_ms = epoch_ms_of(line.substr(base_time_line.size()));
    } else if (header_.comment.empty() && !line.starts_with('[')) {
        header_.comment = line;
    }
}

result<std::optional<tagged_interval>> histogram_log_reader::next() {
    for (auto end = rest_.find('\n'); end != std::string_view::npos; end = rest_.find('\n')) {
        const auto line = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        ++line_number_;
        if (line.starts_with('#')) {
            take_comment(line.substr(1));
        } else if (!line.empty() && line != "\r" && !line.starts_with("\"StartTimestamp\"")) {
            auto row = parse_row(line);
            if (!row) {
                return fail(row.error().kind, fmt::format("line {}: {}", line_number_, row.error().message));
            }
            return std::optional<tagged_interval>(std::move(*row));
        }
    }
    return std::optional<tagged_interval>();
}

} // namespace cb::metrics
