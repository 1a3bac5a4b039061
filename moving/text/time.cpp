// SPDX-License-Identifier: Apache-2.0
#include "moving/text/time.hpp"

#include <charconv>
#include <chrono>

namespace moving::text {

namespace {

std::optional<std::int64_t> digits(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || text.front() == '-' || error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

void append(std::string& out, std::int64_t value, std::size_t width) {
    const auto text = std::to_string(value);
    out.append(width > text.size() ? width - text.size() : 0, '0');
    out += text;
}

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t day_us = 86'400 * second_us;

} // namespace

std::int64_t now_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string date_of_day(std::int64_t day) {
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
    std::string out;
    append(out, static_cast<int>(date.year()), 4);
    out += '-';
    append(out, static_cast<unsigned>(date.month()), 2);
    out += '-';
    append(out, static_cast<unsigned>(date.day()), 2);
    return out;
}

std::optional<std::int64_t> day_number(std::string_view date) {
    if (date.size() != 10 || date[4] != '-' || date[7] != '-') {
        return std::nullopt;
    }
    const auto year = digits(date.substr(0, 4));
    const auto month = digits(date.substr(5, 2));
    const auto day = digits(date.substr(8, 2));
    if (!year || !month || !day) {
        return std::nullopt;
    }
    const std::chrono::year_month_day parsed{std::chrono::year{static_cast<int>(*year)},
                                             std::chrono::month{static_cast<unsigned>(*month)},
                                             std::chrono::day{static_cast<unsigned>(*day)}};
    if (!parsed.ok()) {
        return std::nullopt;
    }
    return std::chrono::sys_days{parsed}.time_since_epoch().count();
}

std::string rfc3339(std::int64_t time_us) {
    const auto day = time_us >= 0 ? time_us / day_us : -((-time_us + day_us - 1) / day_us);
    const auto in_day = time_us - day * day_us;
    std::string out = date_of_day(day);
    out += 'T';
    append(out, in_day / (3600 * second_us), 2);
    out += ':';
    append(out, in_day / (60 * second_us) % 60, 2);
    out += ':';
    append(out, in_day / second_us % 60, 2);
    out += '.';
    append(out, in_day % second_us, 6);
    out += 'Z';
    return out;
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
    if (text.size() != 27 || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != '.' ||
        text[26] != 'Z') {
        return std::nullopt;
    }
    const auto day = day_number(text.substr(0, 10));
    const auto hour = digits(text.substr(11, 2));
    const auto minute = digits(text.substr(14, 2));
    const auto second = digits(text.substr(17, 2));
    const auto micros = digits(text.substr(20, 6));
    if (!day || !hour || !minute || !second || !micros || *hour > 23 || *minute > 59 || *second > 59) {
        return std::nullopt;
    }
    return *day * day_us + ((*hour * 60 + *minute) * 60 + *second) * second_us + *micros;
}

} // namespace moving::text
