// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "report/run_summary.hpp"
#include "support/child_process.hpp"

namespace cb::tests {

/// A folder of the test's own, gone after it, with a scenario in it and the run that is made of it.
class load_folder {
public:
    load_folder();
    ~load_folder();
    load_folder(const load_folder&) = delete;
    load_folder& operator=(const load_folder&) = delete;

    /// Writes a scenario: `more` stands below its format, name and service.
    void write_scenario(const std::string& service, const std::string& more) const;
    void write(const std::string& name, const std::string& text) const;
    [[nodiscard]] std::filesystem::path path(const std::string& name) const { return root_ / name; }
    /// `chaosbroker load` of the scenario into the folder "run", on a control port of the kernel's choice.
    [[nodiscard]] std::vector<std::string> command(const std::vector<std::string>& more = {}) const;
    /// What was kept of the run.
    [[nodiscard]] report::run_summary summary() const;
    [[nodiscard]] std::string text_of(const std::string& name) const;

private:
    std::filesystem::path root_;
};

/// A run that goes on.
class running_load {
public:
    explicit running_load(const std::vector<std::string>& command);

    /// Its control address, as it printed it.
    [[nodiscard]] const std::string& control() const { return control_; }
    child_process& process() { return process_; }
    /// `chaosbroker load WORDS… --admin … --json`: the document that it prints.
    [[nodiscard]] boost::json::value ask(std::vector<std::string> words) const;
    /// Asks for the state until it is as wanted; false when it never is.
    template <class Wanted>
    bool wait_for(Wanted&& wanted) const {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (std::chrono::steady_clock::now() < until) {
            if (wanted(ask({"status"}))) {
                return true;
            }
        }
        return false;
    }
    /// Process ids of its workers.
    [[nodiscard]] std::vector<pid_t> workers() const;

private:
    child_process process_;
    std::string control_;
};

} // namespace cb::tests
