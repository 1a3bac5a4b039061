// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace cb {

enum class log_level : std::uint8_t { debug, info, warning, error };

std::string_view to_string(log_level level) noexcept;

/// A named value of a log line. Text is copied: a line may be written later, on another thread.
struct log_field {
    std::string name;
    std::variant<std::string, std::int64_t, double, bool> value;

    log_field(std::string_view n, std::string_view v) : name(n), value(std::string(v)) {}
    log_field(std::string_view n, const char* v) : name(n), value(std::string(v)) {}
    log_field(std::string_view n, const std::string& v) : name(n), value(v) {}
    log_field(std::string_view n, double v) : name(n), value(v) {}
    log_field(std::string_view n, bool v) : name(n), value(v) {}
    template <class Integer>
        requires std::is_integral_v<Integer>
    log_field(std::string_view n, Integer v) : name(n), value(static_cast<std::int64_t>(v)) {}
};

/// Where log lines go: one line an event, `event` a fixed word or phrase that can be searched for, all that varies in
/// the fields. Implementations are safe from any thread.
class log_sink {
public:
    virtual ~log_sink() = default;
    virtual void write(log_level level, std::string_view event, std::span<const log_field> fields) = 0;

    void debug(std::string_view event, std::initializer_list<log_field> fields = {}) {
        write(log_level::debug, event, {fields.begin(), fields.size()});
    }
    void info(std::string_view event, std::initializer_list<log_field> fields = {}) {
        write(log_level::info, event, {fields.begin(), fields.size()});
    }
    void warning(std::string_view event, std::initializer_list<log_field> fields = {}) {
        write(log_level::warning, event, {fields.begin(), fields.size()});
    }
    void error(std::string_view event, std::initializer_list<log_field> fields = {}) {
        write(log_level::error, event, {fields.begin(), fields.size()});
    }
};

/// Says nothing: for parts whose user does not want to hear.
class silent_log final : public log_sink {
public:
    void write(log_level, std::string_view, std::span<const log_field>) override {}
};

/// `{"time":"2026-11-24T08:00:00.123Z","level":"info","event":"…", fields…}`
std::string log_line_json(std::int64_t wall_ms, log_level level, std::string_view event,
                          std::span<const log_field> fields);
/// `08:00:00.123 info  event  name=value …`
std::string log_line_text(std::int64_t wall_ms, log_level level, std::string_view event,
                          std::span<const log_field> fields);

/// Text between quotes in JSON; bytes that are not UTF-8 become the replacement character.
void append_json_string(std::string& out, std::string_view text);
/// Somebody else's text, fit to be stored and shown: bytes that are not UTF-8 and control characters but tab and line
/// break become the replacement character, and what is longer than `bytes_max` (at least 3) is cut and ends with "…".
std::string clean_text(std::string_view text, std::size_t bytes_max);

/// "2026-11-24T08:00:00.123Z"
std::string utc_timestamp(std::int64_t wall_ms);
/// The way back, with or without a fraction; nothing for any other text.
std::optional<std::int64_t> parse_utc_timestamp(const std::string& text);

} // namespace cb
