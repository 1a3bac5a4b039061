// SPDX-License-Identifier: Apache-2.0
#include "watch/death.hpp"

#include <csignal>
#include <cstring>

#include <sys/wait.h>

namespace cb::watch {
namespace {

constexpr int signalled_from = 128;
constexpr int killed_code = signalled_from + SIGKILL;

std::string signal_name(int number) {
    const char* name = ::sigabbrev_np(number);
    return name == nullptr ? "signal " + std::to_string(number) : std::string("SIG") + name;
}

void take_status(death& out, const death_evidence& evidence) {
    if (evidence.status && WIFSIGNALED(*evidence.status)) {
        out.cause = death_cause::signalled;
        out.signal = WTERMSIG(*evidence.status);
        out.exit_code = signalled_from + *out.signal;
    } else if (evidence.status) {
        out.cause = death_cause::exited;
        out.exit_code = WEXITSTATUS(*evidence.status);
    } else if (evidence.engine_exit_code) {
        out.cause = death_cause::exited;
        out.exit_code = *evidence.engine_exit_code;
        // Engines write a signal as shells do; no other form comes from them.
        if (*out.exit_code > signalled_from && *out.exit_code <= signalled_from + SIGRTMAX) {
            out.cause = death_cause::signalled;
            out.signal = *out.exit_code - signalled_from;
        }
    }
}

/// Empty: nothing proves it.
std::string proof_of_oom(const death_evidence& evidence) {
    if (!evidence.kernel_line.empty()) {
        return "the kernel's log says: " + evidence.kernel_line;
    }
    if (evidence.engine_says_oom) {
        return "the container engine says OOMKilled";
    }
    // A kill that the log gives to another process is not this one's.
    if (evidence.group_kills > evidence.kernel_kills_of_others) {
        return "its cgroup " + evidence.group + " counted an OOM kill (oom_kill)";
    }
    return {};
}

} // namespace

std::string_view to_string(death_cause cause) {
    switch (cause) {
    case death_cause::exited: return "exited";
    case death_cause::signalled: return "signalled";
    case death_cause::out_of_memory: return "out of memory";
    case death_cause::unknown: break;
    }
    return "unknown";
}

death judge(const death_evidence& evidence) {
    death out;
    take_status(out, evidence);
    // A shell that reports its child's kill exits with 137 itself.
    const bool killed = out.exit_code == killed_code;
    const auto proof = proof_of_oom(evidence);
    if (killed && !proof.empty()) {
        out.cause = death_cause::out_of_memory;
        out.evidence = proof;
    } else if (out.cause == death_cause::unknown && !evidence.kernel_line.empty()) {
        // Nobody gave the code, but the kernel's log names the process itself.
        out.cause = death_cause::out_of_memory;
        out.signal = SIGKILL;
        out.exit_code = killed_code;
        out.evidence = proof;
    } else if (!proof.empty()) {
        out.evidence = "a process of it was killed for lack of memory before: " + proof;
    }
    return out;
}

std::string sentence(const death& how) {
    const auto code = how.exit_code ? std::to_string(*how.exit_code) : std::string("?");
    const auto more = how.evidence.empty() ? std::string() : "; " + how.evidence;
    switch (how.cause) {
    case death_cause::out_of_memory: return "killed (" + code + "), out of memory: " + how.evidence;
    case death_cause::exited:
        return how.exit_code == killed_code ? "exited 137 as after a kill, cause unknown" + more
                                            : "exited " + code + more;
    case death_cause::signalled:
        return how.signal == SIGKILL ? "killed (" + code + "), cause unknown" + more
                                     : "ended by " + signal_name(how.signal.value_or(0)) + " (" + code + ")" + more;
    case death_cause::unknown: break;
    }
    return "ended; how, nobody tells" + more;
}

} // namespace cb::watch
