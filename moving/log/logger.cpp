// SPDX-License-Identifier: Apache-2.0
#include "moving/log/logger.hpp"

#include <atomic>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "moving/text/time.hpp"

namespace moving::log {

namespace {

/// Lines that wait for the writing thread. spdlog keeps the room for all of them: about 400 bytes each.
constexpr std::size_t waiting_lines = 2048;

void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
            if (static_cast<unsigned char>(c) < 0x20) {
                out += "\\u00";
                out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4U];
                out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15U];
            } else {
                out += c;
            }
        }
    }
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
    out += ",\"";
    out += name;
    out += "\":\"";
    append_escaped(out, text);
    out += '"';
}

struct json_value {
    std::string& out;
    void operator()(std::string_view text) const {
        out += '"';
        append_escaped(out, text);
        out += '"';
    }
    void operator()(std::int64_t number) const { out += std::to_string(number); }
    void operator()(bool value) const { out += value ? "true" : "false"; }
};

struct text_value {
    std::string& out;
    void operator()(std::string_view text) const {
        if (text.empty() || text.find_first_of(" \"\n\t=") != std::string_view::npos) {
            json_value{out}(text);
        } else {
            out += text;
        }
    }
    void operator()(std::int64_t number) const { out += std::to_string(number); }
    void operator()(bool value) const { out += value ? "true" : "false"; }
};

} // namespace

std::string_view to_string(level of) noexcept {
    switch (of) {
    case level::debug: return "debug";
    case level::info: return "info";
    case level::warning: return "warning";
    case level::error: return "error";
    }
    return "error";
}

std::string json_line(std::int64_t time_us, level of, std::string_view service, std::string_view instance,
                      std::string_view event, std::initializer_list<field> fields) {
    std::string out;
    out.reserve(256);
    out += "{\"time\":\"" + text::rfc3339(time_us) + '"';
    append_member(out, "level", to_string(of));
    append_member(out, "service", service);
    append_member(out, "instance", instance);
    append_member(out, "event", event);
    for (const auto& field : fields) {
        out += ",\"";
        out += field.name;
        out += "\":";
        std::visit(json_value{out}, field.value);
    }
    out += '}';
    return out;
}

std::string text_line(std::int64_t time_us, level of, std::string_view, std::string_view instance,
                      std::string_view event, std::initializer_list<field> fields) {
    std::string out = text::rfc3339(time_us).substr(11, 12);
    const auto column = [&out](std::string_view text, std::size_t width) {
        out += ' ';
        out += text;
        out.append(width > text.size() ? width - text.size() : 0, ' ');
    };
    column(to_string(of), 7);
    column(instance, 15);
    column(event, 0);
    for (const auto& field : fields) {
        out += ' ';
        out += field.name;
        out += '=';
        std::visit(text_value{out}, field.value);
    }
    return out;
}

struct logger::output {
    std::shared_ptr<spdlog::details::thread_pool> thread;
    std::shared_ptr<spdlog::sinks::stdout_sink_st> sink;
    std::shared_ptr<spdlog::async_logger> lines;
    std::atomic<std::uint64_t> written = 0;
    std::atomic<std::size_t> dropped_told = 0;
};

logger::logger(std::string service, std::string instance, level least, form how)
    : service_(std::move(service)),
      instance_(std::move(instance)),
      least_(least),
      how_(how),
      output_(std::make_unique<output>()) {
    output_->thread = std::make_shared<spdlog::details::thread_pool>(waiting_lines, 1);
    output_->sink = std::make_shared<spdlog::sinks::stdout_sink_st>();
    output_->lines = std::make_shared<spdlog::async_logger>("moving", output_->sink, output_->thread,
                                                            spdlog::async_overflow_policy::overrun_oldest);
    output_->lines->set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc, "\n"));
    output_->lines->set_level(spdlog::level::trace);
    output_->lines->flush_on(spdlog::level::trace);
}

logger::~logger() = default;

void logger::write(level of, std::string_view event, std::initializer_list<field> fields) {
    if (!says(of)) {
        return;
    }
    const auto make = how_ == form::json ? json_line : text_line;
    const auto line = make(text::now_us(), of, service_, instance_, event, fields);
    output_->lines->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
    // Asking costs a lock, so not for every line.
    if (output_->written.fetch_add(1, std::memory_order_relaxed) % 256 == 255) {
        const auto dropped = output_->thread->overrun_counter();
        const auto told = output_->dropped_told.exchange(dropped);
        if (dropped > told) {
            write(level::warning, "log lines dropped", {{"lines", dropped - told}});
        }
    }
}

} // namespace moving::log
