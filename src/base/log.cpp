// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <cstdlib>
#include <ctime>

#include <fmt/format.h>

namespace cb {
namespace {

std::tm utc(std::int64_t wall_ms) {
    const auto seconds = static_cast<std::time_t>(wall_ms / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    return parts;
}

/// "08:00:00.123"
std::string time_of_day(std::int64_t wall_ms) {
    const auto parts = utc(wall_ms);
    return fmt::format("{:02}:{:02}:{:02}.{:03}", parts.tm_hour, parts.tm_min, parts.tm_sec, wall_ms % 1000);
}

/// Length of the well-formed UTF-8 sequence at the start of `text`, 0 when there is none (RFC 3629).
std::size_t utf8_length(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto lead = at(0);
    std::size_t length = 0;
    unsigned char second_min = 0x80;
    unsigned char second_max = 0xbf;
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        length = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        length = 3;
        second_min = lead == 0xe0 ? 0xa0 : 0x80;
        second_max = lead == 0xed ? 0x9f : 0xbf;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        length = 4;
        second_min = lead == 0xf0 ? 0x90 : 0x80;
        second_max = lead == 0xf4 ? 0x8f : 0xbf;
    }
    if (length == 0 || text.size() < length || at(1) < second_min || at(1) > second_max) {
        return 0;
    }
    for (std::size_t i = 2; i < length; ++i) {
        if ((at(i) & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

void append_value_json(std::string& out, const log_field& field) {
    if (const auto* text = std::get_if<std::string>(&field.value)) {
        append_json_string(out, *text);
    } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
        out += std::to_string(*number);
    } else if (const auto* real = std::get_if<double>(&field.value)) {
        out += fmt::format("{:.6g}", *real);
    } else {
        out += std::get<bool>(field.value) ? "true" : "false";
    }
}

} // namespace

std::string_view to_string(log_level level) noexcept {
    switch (level) {
    case log_level::debug: return "debug";
    case log_level::info: return "info";
    case log_level::warning: return "warning";
    case log_level::error: return "error";
    }
    return "unknown";
}

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const auto c = static_cast<unsigned char>(text.front());
        const auto length = utf8_length(text);
        if (length == 0) {
            out += "\\ufffd";
            text.remove_prefix(1);
            continue;
        }
        if (c == '"' || c == '\\') {
            out += '\\';
            out += static_cast<char>(c);
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (c < 0x20 || c == 0x7f) {
            out += fmt::format("\\u{:04x}", c);
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length);
    }
    out += '"';
}

std::string clean_text(std::string_view text, std::size_t bytes_max) {
    constexpr std::string_view replacement = "\xef\xbf\xbd";
    constexpr std::string_view more = "\xe2\x80\xa6";
    std::string out;
    std::size_t cut_at = 0; // the longest part that leaves room for `more`
    while (!text.empty()) {
        const auto length = utf8_length(text);
        const auto c = static_cast<unsigned char>(text.front());
        const bool control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
        const auto piece = length == 0 || control ? replacement : text.substr(0, length);
        if (out.size() + piece.size() > bytes_max) {
            return out.substr(0, cut_at).append(more);
        }
        out += piece;
        cut_at = out.size() + more.size() <= bytes_max ? out.size() : cut_at;
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

std::string utc_timestamp(std::int64_t wall_ms) {
    const auto parts = utc(wall_ms);
    return fmt::format("{:04}-{:02}-{:02}T{}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                       time_of_day(wall_ms));
}

std::optional<std::int64_t> parse_utc_timestamp(const std::string& text) {
    std::tm parts{};
    const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == nullptr) {
        return std::nullopt;
    }
    double fraction = 0;
    if (*rest == '.') {
        char* end = nullptr;
        fraction = std::strtod(rest, &end);
        rest = end;
    }
    if (std::string_view(rest) != "Z" || !(fraction >= 0 && fraction < 1)) {
        return std::nullopt;
    }
    return static_cast<std::int64_t>(timegm(&parts)) * 1000 + static_cast<std::int64_t>(fraction * 1000 + 0.5);
}

std::string log_line_json(std::int64_t wall_ms, log_level level, std::string_view event,
                          std::span<const log_field> fields) {
    std::string out = "{\"time\":\"" + utc_timestamp(wall_ms) + "\",\"level\":\"";
    out += to_string(level);
    out += "\",\"event\":";
    append_json_string(out, event);
    for (const auto& field : fields) {
        out += ',';
        append_json_string(out, field.name);
        out += ':';
        append_value_json(out, field);
    }
    out += '}';
    return out;
}

std::string log_line_text(std::int64_t wall_ms, log_level level, std::string_view event,
                          std::span<const log_field> fields) {
    auto out = fmt::format("{} {:<7} {}", time_of_day(wall_ms), to_string(level), event);
    for (const auto& field : fields) {
        out += "  " + field.name + "=";
        const auto* text = std::get_if<std::string>(&field.value);
        const bool plain = text != nullptr && !text->empty() && text->find_first_of(" \"\n\t=") == std::string::npos;
        if (plain) {
            out += *text;
        } else {
            append_value_json(out, field);
        }
    }
    return out;
}

} // namespace cb
