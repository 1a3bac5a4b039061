// SPDX-License-Identifier: Apache-2.0
#include "experiment_folder.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "support/running_broker.hpp"

namespace cb::tests {

namespace fs = std::filesystem;

namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    out.sin_port = htons(port);
    return out;
}

std::uint16_t free_port() {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    auto address = loopback(0);
    socklen_t size = sizeof(address);
    const bool bound = ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(descriptor);
    if (!bound) {
        throw std::runtime_error("no free port");
    }
    return ntohs(address.sin_port);
}

} // namespace

bool is_open(std::uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    auto address = loopback(port);
    const bool open = ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    ::close(descriptor);
    return open;
}

bool is_alive(pid_t pid) { return ::kill(pid, 0) == 0; }

experiment_folder::experiment_folder() : broker_port_(free_port()), admin_port_(free_port()) {
    auto name = (fs::temp_directory_path() / ("cb-run-" + std::string(6, 'X'))).string();
    if (::mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error("no temporary folder: " + name);
    }
    root_ = name;
    const auto admin = "127.0.0.1:" + std::to_string(admin_port_);
    write_file("scenario.yaml",
               "format: 1\nname: events\nservices: {control: \"http://" + admin +
                   "\"}\nbrokers: \"127.0.0.1:" + std::to_string(broker_port_) +
                   "\"\ninject: {open: [{constant_users_per_sec: {rate: 50, during: 60s}}]}\nsteps:\n"
                   "  - produce: {name: tell, topic: events, key: \"${user}\", json: {n: \"${user}\"}}\n"
                   "  - http: {name: is it well, get: /healthz}\n");
}

experiment_folder::~experiment_folder() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
}

void experiment_folder::write(const std::string& more) const {
    write_file("experiment.yaml", "format: 1\ntitle: A test\nseed: 3\nbroker: {embedded: true, listen: \"127.0.0.1:" +
                                      std::to_string(broker_port_) +
                                      "\", admin_listen: \"127.0.0.1:" + std::to_string(admin_port_) +
                                      "\"}\nload: {scenarios: [{file: scenario.yaml}]}\n" + more);
}

void experiment_folder::write_file(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::trunc) << text;
}

std::vector<std::string> experiment_folder::command() const {
    return {chaosbroker_program(), "run", path("experiment.yaml").string(), "--out", run_path().string()};
}

experiment_folder::outcome experiment_folder::carry_out() const {
    child_process program(command());
    outcome out;
    out.exit_code = program.wait(std::chrono::seconds(120));
    out.output = program.output();
    return out;
}

std::string experiment_folder::text_of(const std::string& name) const {
    std::ifstream in(path(name));
    return {std::istreambuf_iterator<char>(in), {}};
}

report::run_summary experiment_folder::summary() const {
    auto folder = runstore::run_folder::open(run_path());
    auto reader =
        folder ? runstore::run_reader::open(*folder) : result<runstore::run_reader>(tl::unexpected(folder.error()));
    if (!reader) {
        throw std::runtime_error(reader.error().message);
    }
    auto out = report::summarize(*reader);
    if (!out) {
        throw std::runtime_error(out.error().message);
    }
    return std::move(*out);
}

} // namespace cb::tests
