// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "support/child_process.hpp"
#include "temporary_folder.hpp"

namespace moving::tests {

/// The program under test: next to the test's own program, or CB_MOVING.
std::string moving_program();

/// What a command printed, and its exit code.
struct command_result {
    int exit_code = 0;
    std::string output;
};
command_result run_moving(const std::vector<std::string>& arguments,
                          std::chrono::seconds limit = std::chrono::seconds(120));

/// `moving up` as a user runs it, in a temporary folder, all services on ports that the kernel chooses.
/// Owner: the test; of its thread, but for `url`. Ends with it.
class running_moving {
public:
    struct flags {
        std::string brokers;
        std::string database = "sqlite";
        std::vector<std::string> more;
        /// A service may wait for its database or its broker; then the test does not.
        bool wait_until_ready = true;
    };

    /// Throws std::runtime_error with the output when it does not become ready.
    explicit running_moving(flags how);
    ~running_moving();
    running_moving(const running_moving&) = delete;
    running_moving& operator=(const running_moving&) = delete;

    /// http://host:port of a service.
    [[nodiscard]] const std::string& url(const std::string& service) const { return urls_.at(service); }
    [[nodiscard]] const std::map<std::string, std::string>& urls() const noexcept { return urls_; }
    [[nodiscard]] std::string folder() const { return (folder_.path() / "moving").string(); }
    /// "all ready" in its log.
    bool wait_until_ready(std::chrono::seconds limit);

    /// The processes by name ("tracking-2"), as the log tells their last starts.
    std::map<std::string, pid_t> instances();
    /// kill -9 of one that lives, drawn; its name, or nothing when none lives.
    std::optional<std::string> kill_one(std::mt19937_64& draw);
    void kill(const std::string& instance);

    /// After `stop`: `moving up` in the same folder again, on other ports.
    void start_again();
    /// SIGTERM; the exit code.
    int stop(std::chrono::seconds limit = std::chrono::seconds(30));

    /// `moving audit --json`: what it printed. `settle` is how long it may wait for the system to come to rest.
    boost::json::object audit(std::chrono::seconds settle = std::chrono::seconds(30), int witnesses = 10);
    /// `moving trace ID --json`: its lines.
    std::vector<boost::json::object> trace(const std::string& id);
    /// All lines of the log that are JSON; `other` is given those that are not.
    std::vector<boost::json::object> log_lines(std::vector<std::string>* other = nullptr) const;
    /// All that was printed so far.
    [[nodiscard]] std::string output() const { return process_->output(); }
    cb::tests::child_process& process() { return *process_; }

private:
    void start();
    void read_new_log_lines();

    temporary_folder folder_;
    flags how_;
    std::optional<cb::tests::child_process> process_;
    std::map<std::string, std::string> urls_;
    std::map<std::string, pid_t> pids_;
    std::streamoff log_read_to_ = 0;
};

/// The counts of an audit that must be zero.
inline const std::vector<std::string>& audit_counts() {
    static const std::vector<std::string> all{"lost",    "processed_twice", "paid_twice",
                                              "phantom", "out_of_order",    "points_imbalance"};
    return all;
}

/// A number of an audit; -1 when it has none of this name.
std::int64_t count_in(const boost::json::object& audit, const std::string& name);

} // namespace moving::tests
