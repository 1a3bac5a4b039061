// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cb::watch {

enum class death_cause : std::uint8_t {
    exited,        ///< by itself, with a code
    signalled,     ///< by a signal; who sent it is not told
    out_of_memory, ///< killed by the kernel, and there is proof
    unknown,       ///< it is gone, and nobody tells how
};
std::string_view to_string(death_cause cause);

/// All that is known of an end. Exit 137 alone proves nothing: a probe, a grace period or an operator kill like that.
struct death_evidence {
    std::optional<int> status;           ///< as waitpid gives it
    std::optional<int> engine_exit_code; ///< the container engine's word
    bool engine_says_oom = false;
    double group_kills = 0;            ///< processes of its memory cgroup killed since it was last seen alive
    std::string group;                 ///< the cgroup that counted them
    std::string kernel_line;           ///< the kernel's log names this very process; empty: it does not
    double kernel_kills_of_others = 0; ///< kills in the same cgroup that the log gives to other processes
};

struct death {
    death_cause cause = death_cause::unknown;
    std::optional<int> exit_code; ///< 128 + signal when a signal ended it
    std::optional<int> signal;
    std::string evidence; ///< of out_of_memory: what proves it; else what else is known

    bool operator==(const death&) const = default;
};

/// The truth table of docs/watch.md. Pure.
death judge(const death_evidence& evidence);

/// "exited 0", "ended by SIGSEGV (139)", "killed (137), cause unknown", "killed (137), out of memory: …"
std::string sentence(const death& how);

} // namespace cb::watch
