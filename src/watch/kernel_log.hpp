// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "watch/kernel_text.hpp"

namespace cb::watch {

/// One process that the kernel says it killed for lack of memory.
struct kernel_kill {
    int pid = 0;
    std::string name;
    std::string group; ///< memory cgroup of the victim; empty: not told
    std::string line;  ///< the proof

    bool operator==(const kernel_kill&) const = default;
};

/// Understands the two lines that the kernel writes of a kill: which task in which group, and that it was killed.
class kill_parser {
public:
    std::optional<kernel_kill> line(std::string_view message);

private:
    int named_pid_ = 0;
    std::string named_group_;
};

/// The kernel's log, from when it was opened on. Owner: the watcher; one thread; reading never waits.
class kernel_log {
public:
    explicit kernel_log(const root_folder& root);
    /// Why it cannot be read; 0: it can.
    [[nodiscard]] int problem() const { return problem_; }
    std::vector<kernel_kill> new_kills();

private:
    descriptor log_;
    int problem_ = 0;
    kill_parser parser_;
};

} // namespace cb::watch
