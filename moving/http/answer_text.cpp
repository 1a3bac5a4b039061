// SPDX-License-Identifier: Apache-2.0
#include "moving/http/answer_text.hpp"
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>

namespace moving::http {
namespace {

void append_number(std::string& out, std::uint64_t number) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

/// A line end inside a header would begin another: it becomes a space.
void append_one_line(std::string& out, std::string_view text) {
    for (const char c : text) {
        out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
    }
}

} // namespace

void append_head(std::string& out, const answer& given, const head_facts& facts) {
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::uint64_t>(given.status));
    out += ' ';
    out += phrase_of(given.status);
    out += "\r\n";
    out += facts.date_line;
    if (!given.content_type.empty()) {
        out += "Content-Type: ";
        append_one_line(out, given.content_type);
        out += "\r\n";
    }
    if (facts.has_length && may_have_body(given.status)) {
        out += "Content-Length: ";
        append_number(out, given.body.size());
        out += "\r\n";
    }
    if (!facts.keep_alive) {
        out += "Connection: close\r\n";
    } else if (facts.is_http_1_0) {
        out += "Connection: keep-alive\r\n";
    }
    for (const auto& [name, value] : given.headers) {
        append_one_line(out, name);
        out += ": ";
        append_one_line(out, value);
        out += "\r\n";
    }
    out += "\r\n";
}

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

std::string date_line(std::time_t now) {
    constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::array<char, 64> text;
    // The names are ours: strftime's follow the locale.
    const auto length = std::snprintf(text.data(), text.size(), "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                                      days[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                                      months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                                      utc.tm_min, utc.tm_sec);
    return {text.data(), static_cast<std::size_t>(length)};
}

} // namespace moving::http
