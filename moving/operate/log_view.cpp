// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/log_view.hpp"

#include <unistd.h>

#include <iostream>
#include <stdexcept>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "moving/text/time.hpp"

namespace moving::operate {

namespace json = boost::json;

namespace {

std::string text_of(const json::object& line, json::string_view name) {
    const auto* value = line.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string padded(std::string text, std::size_t width) {
    text.resize(std::max(width, text.size()), ' ');
    return text;
}

bool is_head(json::string_view name) {
    return name == "time" || name == "level" || name == "service" || name == "instance" || name == "event";
}

} // namespace

std::string line_for_eyes(const json::object& line) {
    const auto time = text_of(line, "time");
    std::string out = (time.size() > 23 ? time.substr(11, 12) : time) + ' ' + padded(text_of(line, "level"), 7) + ' ' +
                      padded(text_of(line, "instance"), 15) + ' ' + text_of(line, "event");
    for (const auto& [name, value] : line) {
        if (!is_head(name)) {
            out += ' ' + std::string(name) + '=';
            const auto text = value.is_string() ? std::string(value.get_string()) : std::string();
            const bool plain =
                value.is_string() && !text.empty() && text.find_first_of(" \"\n\t=") == std::string::npos;
            out += plain ? text : json::serialize(value);
        }
    }
    return out;
}

std::string line_for_eyes(std::string_view json_line) {
    boost::system::error_code error;
    const auto value = json::parse(json_line, error);
    return !error && value.is_object() ? line_for_eyes(value.get_object()) : std::string(json_line);
}

log_view::log_view(const std::string& file) : file_(file, std::ios::app), for_eyes_(isatty(STDOUT_FILENO) == 1) {
    if (!file_) {
        throw std::runtime_error("the log " + file + " cannot be written");
    }
}

void log_view::line(std::string_view text) {
    file_ << text << '\n';
    file_.flush();
    std::cout << (for_eyes_ ? line_for_eyes(text) : std::string(text)) << std::endl;
}

void log_view::say(std::string_view level, std::string_view event, json::object fields) {
    json::object out{{"time", text::rfc3339(text::now_us())},
                     {"level", level},
                     {"service", "up"},
                     {"instance", "up"},
                     {"event", event}};
    for (auto& [name, value] : fields) {
        out[name] = std::move(value);
    }
    line(json::serialize(out));
}

} // namespace moving::operate
