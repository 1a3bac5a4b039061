// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "experiment/experiment_file.hpp"

namespace cb::experiment {

/// A process that the experiment started, with all that it starts in its own process group. Its output goes into a file
/// of the run. When the experiment dies, however it does, the process gets SIGTERM from the kernel. Owner: the
/// conductor; made and used by the thread that conducts, which must live as long as the child (the kernel's signal
/// comes at the end of that thread).
class child {
public:
    /// Throws std::system_error when the machine has no process left, std::runtime_error when the program cannot be
    /// started.
    child(std::string name, const command& what, const std::filesystem::path& log_file);
    /// Kills what still lives.
    ~child();
    child(const child&) = delete;
    child& operator=(const child&) = delete;

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] pid_t pid() const { return pid_; }
    /// "exit code 3", "signal 9"; nothing while it runs.
    [[nodiscard]] std::optional<std::string> ended();
    [[nodiscard]] std::optional<int> exit_code();
    /// To the process and its group.
    void signal(int number);
    /// SIGTERM, and after `grace` SIGKILL; returns when it has ended.
    void stop(nanoseconds grace);
    /// Waits for its end; false when it has not come in time.
    bool wait(nanoseconds limit);

private:
    void reap();

    std::string name_;
    pid_t pid_ = -1;
    std::optional<int> status_; ///< as waitpid gives it
};

/// The variable that every process of a run has in its environment, however deep it was started: the run's folder.
inline constexpr const char* run_variable = "CHAOSBROKER_RUN";

/// What `what` matches now. `run`: only processes of this run are looked at, so that nobody else's are hit; empty: all
/// of this machine.
std::vector<pid_t> find_processes(const watch::target& what, const std::string& run);

} // namespace cb::experiment
