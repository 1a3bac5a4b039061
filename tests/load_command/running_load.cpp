// SPDX-License-Identifier: Apache-2.0
#include "running_load.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

#include <boost/json/parse.hpp>
#include <unistd.h>

#include "support/running_broker.hpp"

namespace cb::tests {

namespace fs = std::filesystem;

load_folder::load_folder() {
    static int made = 0;
    root_ = fs::temp_directory_path() / ("cb-load-" + std::to_string(::getpid()) + "-" + std::to_string(++made));
    fs::create_directories(root_);
}

load_folder::~load_folder() { fs::remove_all(root_); }

void load_folder::write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::trunc) << text;
}

void load_folder::write_scenario(const std::string& service, const std::string& more) const {
    write("scenario.yaml", "format: 1\nname: a load\nservices: {web: \"" + service + "\"}\n" + more);
}

std::vector<std::string> load_folder::command(const std::vector<std::string>& more) const {
    std::vector<std::string> out{
        chaosbroker_program(), "load", path("scenario.yaml").string(), "--out", path("run").string(), "--admin",
        "127.0.0.1:0"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
}

report::run_summary load_folder::summary() const {
    const auto folder = runstore::run_folder::open(path("run"));
    if (!folder) {
        throw std::runtime_error(folder.error().message);
    }
    auto reader = runstore::run_reader::open(*folder);
    if (!reader) {
        throw std::runtime_error(reader.error().message);
    }
    auto summary = report::summarize(*reader);
    if (!summary) {
        throw std::runtime_error(summary.error().message);
    }
    return std::move(*summary);
}

std::string load_folder::text_of(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

running_load::running_load(const std::vector<std::string>& command) : process_(command) {
    const auto line = process_.wait_for_line(
        [](const std::string& each) { return each.find("control http://") != std::string::npos; });
    if (!line) {
        throw std::runtime_error("the run did not begin:\n" + process_.output());
    }
    const auto begin = line->find("http://");
    control_ = line->substr(begin, line->find(": ", begin + 7) - begin);
}

boost::json::value running_load::ask(std::vector<std::string> words) const {
    words.insert(words.begin(), {chaosbroker_program(), "load"});
    words.insert(words.end(), {"--admin", control_, "--json"});
    child_process asking(words);
    if (asking.wait(std::chrono::seconds(30)) != 0) {
        throw std::runtime_error(asking.output());
    }
    return boost::json::parse(asking.output());
}

std::vector<pid_t> running_load::workers() const {
    const auto name = std::to_string(process_.pid());
    std::ifstream in("/proc/" + name + "/task/" + name + "/children");
    return {std::istream_iterator<pid_t>(in), {}};
}

} // namespace cb::tests
