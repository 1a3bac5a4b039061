// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace cb::tests {

/// A program that a test runs: its output is read as it comes, and it never outlives the test.
/// Owner: the test. The reader thread ends with the program's output.
class child_process {
public:
    explicit child_process(const std::vector<std::string>& arguments,
                           const std::map<std::string, std::string>& more_environment = {});
    ~child_process();
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;

    /// The first line of the output that `wanted` accepts, seen or still to come; nothing when the program ends or the
    /// time is over before.
    std::optional<std::string> wait_for_line(const std::function<bool(const std::string&)>& wanted,
                                             std::chrono::seconds limit = std::chrono::seconds(30));
    /// Exit code, 128 + signal when a signal ended it. Past the limit it is killed and the answer is -1.
    int wait(std::chrono::seconds limit);
    void signal(int number) const;
    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Output and errors so far.
    [[nodiscard]] std::string output() const;

private:
    void read(int pipe_end);

    pid_t pid_ = -1;
    std::optional<int> status_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::string output_;
    bool ended_ = false;
    std::thread reader_;
};

} // namespace cb::tests
