// SPDX-License-Identifier: Apache-2.0
#include "app/bus_broker.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <chrono>
#include <sstream>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/json/parse.hpp>

#include "app/commands.hpp"
#include "app/load_targets.hpp"
#include "base/limits.hpp"
#include "net/listener.hpp"

namespace cb::app {
namespace {

constexpr std::chrono::milliseconds look_again_after{20};
constexpr std::chrono::seconds it_starts_within{20};

/// Without what would make another broker of it: rules, a data folder.
std::vector<char*> environment_for_bus() {
    std::vector<char*> out;
    for (char** each = environ; *each != nullptr; ++each) {
        if (!std::string_view(*each).starts_with("CHAOSBROKER_")) {
            out.push_back(*each);
        }
    }
    out.push_back(nullptr);
    return out;
}

bool is_any_address(const std::string& host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

} // namespace

bus_broker::bus_broker(const std::string& listen) {
    output_ = ::memfd_create("bus", MFD_CLOEXEC);
    std::vector<std::string> words{"chaosbroker", "serve",        "--listen", listen,        "--admin",
                                   "off",         "--log-format", "json",     "--log-level", "info"};
    std::vector<char*> arguments;
    for (auto& each : words) {
        arguments.push_back(each.data());
    }
    arguments.push_back(nullptr);
    const auto environment = environment_for_bus();
    const auto parent = ::getpid();
    id_ = ::fork();
    if (id_ < 0 || output_ < 0) {
        throw command_error(exit_code::environment, "the bus cannot be started: no process or no memory for it");
    }
    if (id_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::setpgid(0, 0); // Ctrl-C is for the run, which needs its bus to end well
        ::dup2(output_, STDOUT_FILENO);
        ::dup2(output_, STDERR_FILENO);
        if (::getppid() == parent) {
            ::execve("/proc/self/exe", arguments.data(), environment.data());
        }
        ::_exit(127);
    }
    wait_until_it_listens(listen);
}

bus_broker::~bus_broker() {
    if (id_ > 0) {
        ::kill(id_, SIGKILL); // its log is in memory and nobody's any more
        ::waitpid(id_, nullptr, 0);
    }
    ::close(output_);
}

std::string bus_broker::said() const {
    std::string out(64 * limits::kib, '\0');
    const auto count = ::pread(output_, out.data(), out.size(), 0);
    out.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return out;
}

void bus_broker::wait_until_it_listens(const std::string& listen) {
    const auto asked = net::parse_host_and_port(listen);
    const auto until = std::chrono::steady_clock::now() + it_starts_within;
    while (std::chrono::steady_clock::now() < until) {
        const bool ended = ::waitpid(id_, nullptr, WNOHANG) == id_;
        std::istringstream lines(said());
        std::string last;
        for (std::string line; std::getline(lines, line); last = line) {
            boost::system::error_code code;
            const auto event = boost::json::parse(line, code);
            if (!ended && !code && event.is_object() && event.as_object().contains("port")) {
                const auto port = static_cast<std::uint16_t>(event.at("port").as_int64());
                address_ = with_port(asked && !is_any_address(asked->host) ? asked->host : "127.0.0.1", port);
                return;
            }
        }
        if (ended) {
            id_ = -1;
            throw command_error(exit_code::environment, "the bus does not listen on " + listen + ": " + last);
        }
        std::this_thread::sleep_for(look_again_after);
    }
    throw command_error(exit_code::environment, "the bus does not listen on " + listen + " within " +
                                                    std::to_string(it_starts_within.count()) + " s");
}

} // namespace cb::app
