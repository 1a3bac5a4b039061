// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace moving::log {

enum class level : std::uint8_t { debug, info, warning, error };
enum class form : std::uint8_t { json, text };

std::string_view to_string(level of) noexcept;

/// A named value of a line. Views: a line is put together before `write` returns.
struct field {
    std::string_view name;
    std::variant<std::string_view, std::int64_t, bool> value;

    field(std::string_view n, std::string_view v) : name(n), value(v) {}
    field(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
    field(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
    field(std::string_view n, bool v) : name(n), value(v) {}
    template <class Integer>
        requires std::is_integral_v<Integer>
    field(std::string_view n, Integer v) : name(n), value(static_cast<std::int64_t>(v)) {}
};

/// Where an instance says what happens: a line an event of interest, on standard output.
///   {"time":"…","level":"info","service":"billing","instance":"billing-1","event":"payment made","trace":"…", …}
/// `event` is a fixed phrase that can be searched for, all that varies is in the fields. The same names mean the same
/// everywhere: trace, event_id, topic, partition, offset, duration_us.
///
/// Owner: main. Safe from any thread: lines go through a bounded queue to a thread that writes; if the reader of the
/// output is slow, the oldest lines are dropped and their number is told when it is quick again.
class logger {
public:
    logger(std::string service, std::string instance, level least, form how);
    ~logger();
    logger(const logger&) = delete;
    logger& operator=(const logger&) = delete;

    [[nodiscard]] bool says(level of) const noexcept { return of >= least_; }
    void write(level of, std::string_view event, std::initializer_list<field> fields);
    void debug(std::string_view event, std::initializer_list<field> fields = {}) { write(level::debug, event, fields); }
    void info(std::string_view event, std::initializer_list<field> fields = {}) { write(level::info, event, fields); }
    void warning(std::string_view event, std::initializer_list<field> fields = {}) {
        write(level::warning, event, fields);
    }
    void error(std::string_view event, std::initializer_list<field> fields = {}) { write(level::error, event, fields); }

    [[nodiscard]] const std::string& service() const noexcept { return service_; }
    [[nodiscard]] const std::string& instance() const noexcept { return instance_; }

private:
    struct output;
    std::string service_;
    std::string instance_;
    level least_;
    form how_;
    std::unique_ptr<output> output_;
};

/// A line as `logger` writes it.
std::string json_line(std::int64_t time_us, level of, std::string_view service, std::string_view instance,
                      std::string_view event, std::initializer_list<field> fields);
/// The same for eyes: "18:06:45.123 info  billing-1  payment made  trace=… points=12".
std::string text_line(std::int64_t time_us, level of, std::string_view service, std::string_view instance,
                      std::string_view event, std::initializer_list<field> fields);

} // namespace moving::log
