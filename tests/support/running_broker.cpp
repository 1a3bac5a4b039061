// SPDX-License-Identifier: Apache-2.0
#include "support/running_broker.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <boost/json/parse.hpp>

namespace cb::tests {
namespace {

std::vector<std::string> serve_command(const std::vector<std::string>& more_flags) {
    std::vector<std::string> words{chaosbroker_program(), "serve", "--admin", "127.0.0.1:0", "--log-format", "json"};
    if (std::find(more_flags.begin(), more_flags.end(), "--listen") == more_flags.end()) {
        words.insert(words.end(), {"--listen", "127.0.0.1:0"});
    }
    words.insert(words.end(), more_flags.begin(), more_flags.end());
    return words;
}

/// The port that an event of this name tells.
std::string port_of(child_process& process, const std::string& event) {
    const auto line = process.wait_for_line(
        [&](const std::string& each) { return each.find("\"event\":\"" + event + "\"") != std::string::npos; });
    if (!line) {
        throw std::runtime_error("the broker did not start:\n" + process.output());
    }
    return std::to_string(boost::json::parse(*line).at("port").as_int64());
}

} // namespace

std::string chaosbroker_program() {
    if (const char* given = std::getenv("CB_CHAOSBROKER"); given != nullptr) {
        return given;
    }
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "chaosbroker";
}

std::string folder_from_environment(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && std::filesystem::is_directory(value) ? value : "";
}

running_broker::running_broker(const std::vector<std::string>& more_flags) : process_(serve_command(more_flags)) {
    bootstrap_ = "127.0.0.1:" + port_of(process_, "listening");
    admin_ = "http://127.0.0.1:" + port_of(process_, "control API");
}

int running_broker::stop() {
    process_.signal(SIGTERM);
    return process_.wait(std::chrono::seconds(30));
}

} // namespace cb::tests
