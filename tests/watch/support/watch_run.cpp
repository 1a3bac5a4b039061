// SPDX-License-Identifier: Apache-2.0
#include "watch/support/watch_run.hpp"

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/parse.hpp>

#include "support/running_broker.hpp"

namespace cb::tests {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::vector<std::string> watch_command(std::vector<std::string> words, const std::vector<std::string>& before) {
    std::vector<std::string> command = before;
    command.insert(command.end(), {chaosbroker_program(), "watch", "--json"});
    command.insert(command.end(), words.begin(), words.end());
    return command;
}

std::optional<json::object> parse_line(const std::string& line) {
    boost::system::error_code code;
    auto value = json::parse(line, code);
    return !code && value.is_object() ? std::optional(value.get_object()) : std::nullopt;
}

std::vector<json::object> lines_of(const std::string& text) {
    std::vector<json::object> out;
    std::istringstream in(text.substr(0, text.rfind('\n') + 1));
    for (std::string line; std::getline(in, line);) {
        if (auto parsed = parse_line(line)) {
            out.push_back(std::move(*parsed));
        }
    }
    return out;
}

void write(const std::string& file, const std::string& text) {
    std::ofstream out(file);
    out << text;
    out.flush();
    if (!out) {
        throw std::runtime_error(file + ": cannot be written");
    }
}

} // namespace

watch_run::watch_run(std::vector<std::string> words, const std::map<std::string, std::string>& environment,
                     const std::vector<std::string>& before)
    : process_(watch_command(std::move(words), before), environment) {}

std::optional<json::object> watch_run::wait_for(const wanted& fits, std::chrono::seconds limit) {
    std::optional<json::object> found;
    process_.wait_for_line(
        [&](const std::string& line) {
            auto parsed = parse_line(line);
            if (parsed && fits(*parsed)) {
                found = std::move(parsed);
            }
            return found.has_value();
        },
        limit);
    return found;
}

std::optional<json::object> watch_run::event(const std::string& type, const std::string& service) {
    return wait_for([&](const json::object& line) {
        return text_of(line, "type") == type && (service.empty() || text_of(line, "service") == service);
    });
}

std::vector<json::object> watch_run::all(const wanted& fits) const {
    std::vector<json::object> out;
    for (auto& each : lines_of(process_.output())) {
        if (fits(each)) {
            out.push_back(std::move(each));
        }
    }
    return out;
}

std::vector<json::object> watch_run::samples(const std::string& service) const {
    return all([&](const json::object& line) {
        return text_of(line, "type") == "sample" && text_of(line, "service") == service;
    });
}

std::string watch_run::story() const {
    std::string out;
    std::istringstream in(process_.output());
    for (std::string line; std::getline(in, line);) {
        const auto parsed = parse_line(line);
        const auto type = parsed ? text_of(*parsed, "type") : std::string();
        if (type != "host" && type != "sample" && type != "service") {
            out += line + "\n";
        }
    }
    return out;
}

std::string text_of(const json::object& line, const char* key) {
    const auto* found = line.if_contains(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

double number_of(const json::object& line, const char* key) {
    const auto* found = line.if_contains(key);
    return found != nullptr && found->is_number() ? found->to_number<double>()
                                                  : std::numeric_limits<double>::quiet_NaN();
}

double number_in(const json::object& line, const char* part, const char* key) {
    const auto* found = line.if_contains(part);
    return found != nullptr && found->is_object() ? number_of(found->get_object(), key)
                                                  : std::numeric_limits<double>::quiet_NaN();
}

std::string known_use_program() { return fs::read_symlink("/proc/self/exe").parent_path() / "known_use"; }

std::vector<json::object> truth_of(const child_process& program) { return lines_of(program.output()); }

std::unique_ptr<test_group> test_group::make(const std::string& name) {
    const fs::path top = "/sys/fs/cgroup";
    std::unique_ptr<test_group> group(new test_group("cb-test-" + std::to_string(::getpid()) + "-" + name));
    std::error_code wrong;
    if (fs::exists(top / "memory" / "memory.limit_in_bytes")) {
        for (const auto* controller : {"memory", "cpu", "cpuacct", "pids"}) {
            const auto parent = top / controller;
            if (fs::is_symlink(parent, wrong) || !fs::exists(parent)) {
                continue; // cpu and cpuacct are often one hierarchy with two names
            }
            if (!fs::create_directory(parent / group->name_, wrong)) {
                return nullptr;
            }
            group->folders_.push_back(parent / group->name_);
        }
        return group;
    }
    group->unified_ = true;
    if (!fs::exists(top / "cgroup.controllers")) {
        return nullptr;
    }
    try {
        write(top / "cgroup.subtree_control", "+memory +cpu +pids");
    } catch (const std::exception&) {
        return nullptr;
    }
    if (!fs::create_directory(top / group->name_, wrong)) {
        return nullptr;
    }
    group->folders_.push_back(top / group->name_);
    return group;
}

test_group::~test_group() {
    for (const auto& folder : folders_) {
        std::ifstream in(folder + "/cgroup.procs");
        for (pid_t pid = 0; in >> pid;) {
            ::kill(pid, SIGKILL);
        }
    }
    remove();
}

void test_group::remove() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    for (const auto& folder : folders_) {
        std::error_code wrong;
        // Busy until the last process has been waited for.
        while (::rmdir(folder.c_str()) != 0 && fs::exists(folder, wrong) && std::chrono::steady_clock::now() < until) {
        }
    }
    folders_.clear();
}

void test_group::limit_memory(std::size_t bytes) const {
    const auto& folder = folders_.front();
    write(folder + (unified_ ? "/memory.max" : "/memory.limit_in_bytes"), std::to_string(bytes));
    const auto swap = folder + (unified_ ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes");
    if (fs::exists(swap)) {
        write(swap, unified_ ? "0" : std::to_string(bytes));
    }
}

void test_group::limit_cpu(int quota_us, int period_us) const {
    if (unified_) {
        write(folders_.front() + "/cpu.max", std::to_string(quota_us) + " " + std::to_string(period_us));
        return;
    }
    for (const auto& folder : folders_) {
        if (fs::exists(folder + "/cpu.cfs_quota_us")) {
            write(folder + "/cpu.cfs_period_us", std::to_string(period_us));
            write(folder + "/cpu.cfs_quota_us", std::to_string(quota_us));
            return;
        }
    }
    throw std::runtime_error("no CPU quota here");
}

std::vector<std::string> test_group::inside(const std::vector<std::string>& command) const {
    std::string script;
    for (const auto& folder : folders_) {
        script += "echo $$ > " + folder + "/cgroup.procs; ";
    }
    std::vector<std::string> words{"sh", "-c", script + "exec \"$@\"", "sh"};
    words.insert(words.end(), command.begin(), command.end());
    return words;
}

} // namespace cb::tests
