// SPDX-License-Identifier: Apache-2.0
#include "running_moving.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include <boost/json/parse.hpp>

#include "eventually.hpp"

namespace moving::tests {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> up_command(const std::string& folder, const running_moving::flags& how) {
    std::vector<std::string> words{moving_program(), "up",        "--dir",      folder,
                                   "--brokers",      how.brokers, "--database", how.database};
    for (const auto* service : {"accounting", "announcement", "matching", "tracking", "billing"}) {
        words.insert(words.end(), {"--port", std::string(service) + "=0"});
    }
    words.insert(words.end(), how.more.begin(), how.more.end());
    return words;
}

std::optional<json::object> parsed(const std::string& line) {
    boost::system::error_code error;
    auto value = json::parse(line, error);
    return !error && value.is_object() ? std::optional(std::move(value.get_object())) : std::nullopt;
}

std::string read_text(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

std::string moving_program() {
    if (const char* given = std::getenv("CB_MOVING"); given != nullptr) {
        return given;
    }
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "moving";
}

command_result run_moving(const std::vector<std::string>& arguments, std::chrono::seconds limit) {
    std::vector<std::string> words{moving_program()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    cb::tests::child_process process(words);
    const int code = process.wait(limit);
    return {code, process.output()};
}

std::int64_t count_in(const json::object& audit, const std::string& name) {
    const auto* found = audit.if_contains(name);
    return found != nullptr && found->is_number() ? found->to_number<std::int64_t>() : -1;
}

running_moving::running_moving(flags how) : how_(std::move(how)) { start(); }

void running_moving::start_again() { start(); }

void running_moving::start() {
    process_.emplace(up_command(folder(), how_));
    // Written before the first instance is started.
    const auto begun = process_->wait_for_line(
        [](const std::string& line) { return line.find("\"event\":\"service\"") != std::string::npos; }, 30s);
    if (!begun) {
        throw std::runtime_error("moving did not start:\n" + process_->output());
    }
    const auto system = json::parse(read_text(folder() + "/services.json"));
    for (const auto& [name, service] : system.at("services").as_object()) {
        urls_[std::string(name)] = std::string(service.at("url").as_string());
    }
    if (how_.wait_until_ready && !wait_until_ready(60s)) {
        throw std::runtime_error("moving did not become ready:\n" + process_->output());
    }
}

running_moving::~running_moving() { stop(); }

bool running_moving::wait_until_ready(std::chrono::seconds limit) {
    return process_
        ->wait_for_line(
            [](const std::string& line) { return line.find("\"event\":\"all ready\"") != std::string::npos; }, limit)
        .has_value();
}

void running_moving::read_new_log_lines() {
    std::ifstream in(folder() + "/moving.jsonl");
    in.seekg(log_read_to_);
    std::string line;
    while (std::getline(in, line) && !in.eof()) {
        log_read_to_ = in.tellg();
        if (line.find("\"event\":\"instance ") == std::string::npos) {
            continue;
        }
        if (const auto told = parsed(line)) {
            const std::string name(told->at("name").as_string());
            pids_[name] = told->at("event").as_string() == "instance started"
                              ? static_cast<pid_t>(told->at("pid").as_int64())
                              : -1;
        }
    }
}

std::map<std::string, pid_t> running_moving::instances() {
    read_new_log_lines();
    return pids_;
}

std::optional<std::string> running_moving::kill_one(std::mt19937_64& draw) {
    std::vector<std::string> alive;
    for (const auto& [name, pid] : instances()) {
        if (pid > 0) {
            alive.push_back(name);
        }
    }
    if (alive.empty()) {
        return std::nullopt;
    }
    auto victim = alive[draw() % alive.size()];
    kill(victim);
    return victim;
}

void running_moving::kill(const std::string& instance) {
    read_new_log_lines();
    // Its parent has it until its death is in the log, so the number is nobody else's.
    ::kill(pids_.at(instance), SIGKILL);
    pids_.at(instance) = -1;
}

int running_moving::stop(std::chrono::seconds limit) {
    process_->signal(SIGTERM);
    return process_->wait(limit);
}

json::object running_moving::audit(std::chrono::seconds settle, int witnesses) {
    const auto said = run_moving({"audit", "--dir", folder(), "--json", "--settle",
                                  std::to_string(settle.count()) + "s", "--witnesses", std::to_string(witnesses)},
                                 settle + 120s);
    // Warnings may stand before it.
    const auto begin = said.output.find('{');
    boost::system::error_code error;
    auto value = json::parse(begin == std::string::npos ? std::string() : said.output.substr(begin), error);
    if (error || !value.is_object()) {
        throw std::runtime_error("the audit said (exit code " + std::to_string(said.exit_code) + "):\n" + said.output);
    }
    return std::move(value.get_object());
}

std::vector<json::object> running_moving::trace(const std::string& id) {
    const auto said = run_moving({"trace", id, "--dir", folder(), "--json"});
    std::vector<json::object> out;
    std::istringstream lines(said.output);
    for (std::string line; std::getline(lines, line);) {
        if (auto object = parsed(line)) {
            out.push_back(std::move(*object));
        }
    }
    return out;
}

std::vector<json::object> running_moving::log_lines(std::vector<std::string>* other) const {
    std::ifstream in(folder() + "/moving.jsonl");
    std::vector<json::object> out;
    for (std::string line; std::getline(in, line);) {
        if (auto object = parsed(line)) {
            out.push_back(std::move(*object));
        } else if (other != nullptr) {
            other->push_back(line);
        }
    }
    return out;
}

} // namespace moving::tests
