// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/trace.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <set>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "moving/operate/log_view.hpp"
#include "moving/operate/service_command.hpp"

namespace moving::operate {

namespace {

namespace json = boost::json;

struct trace_options {
    std::string id;
    std::string folder = "moving-data";
    bool as_json = false;
};

std::string text_of(const json::object& line, json::string_view name) {
    const auto* value = line.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<json::object> parsed(const std::string& line) {
    boost::system::error_code error;
    auto value = json::parse(line, error);
    return !error && value.is_object() ? std::optional(std::move(value.get_object())) : std::nullopt;
}

/// The traces that `id` is or takes part in: it may be the id of an announcement, an event, a username.
std::set<std::string> traces_of(const std::string& file, const std::string& id) {
    std::set<std::string> out{id};
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        if (line.find(id) == std::string::npos) {
            continue;
        }
        if (const auto object = parsed(line)) {
            for (const auto& [name, value] : *object) {
                if (value.is_string() && std::string_view(value.get_string()) == id) {
                    out.insert(text_of(*object, "trace"));
                }
            }
        }
    }
    out.erase(std::string());
    return out;
}

int run_trace(const trace_options& options) {
    const auto file = options.folder + "/moving.jsonl";
    if (!std::ifstream(file)) {
        std::cerr << "moving trace: there is no log " << file << ": give the folder of `moving up` with --dir\n";
        return exit_usage;
    }
    const auto traces = traces_of(file, options.id);
    std::vector<json::object> lines;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        auto object = parsed(line);
        if (object && traces.contains(text_of(*object, "trace"))) {
            lines.push_back(std::move(*object));
        }
    }
    if (lines.empty()) {
        std::cerr << "moving trace: nothing in " << file << " belongs to " << options.id << '\n';
        return exit_failed;
    }
    std::stable_sort(lines.begin(), lines.end(), [](const json::object& a, const json::object& b) {
        return text_of(a, "time") < text_of(b, "time");
    });
    for (const auto& line : lines) {
        std::cout << (options.as_json ? json::serialize(line) : line_for_eyes(line)) << '\n';
    }
    return exit_done;
}

} // namespace

void add_trace_command(CLI::App& program, std::function<int()>& run) {
    auto options = std::make_shared<trace_options>();
    auto* command =
        program.add_subcommand("trace", "Follow one journey through the logs of all services")->group("All of it");
    command->add_option("ID", options->id, "a trace id, or the id of a good, a course or an event")->required();
    command->add_option("--dir", options->folder, "the folder of `moving up`")->capture_default_str();
    command->add_flag("--json", options->as_json, "the lines as they are");
    command->callback([options, &run] { run = [options] { return run_trace(*options); }; });
}

} // namespace moving::operate
