// SPDX-License-Identifier: Apache-2.0
#include "load/own_use.hpp"

#include <ctime>

#include <fstream>

#include <fmt/format.h>

#include "base/limits.hpp"

namespace cb::load {
namespace {

std::int64_t cpu_ns(clockid_t of) {
    timespec used{};
    ::clock_gettime(of, &used);
    return used.tv_sec * 1'000'000'000 + used.tv_nsec;
}

} // namespace

std::int64_t process_cpu_ns() { return cpu_ns(CLOCK_PROCESS_CPUTIME_ID); }
std::int64_t thread_cpu_ns() { return cpu_ns(CLOCK_THREAD_CPUTIME_ID); }

std::optional<std::int64_t> proportional_bytes(pid_t process) {
    std::ifstream in(fmt::format("/proc/{}/smaps_rollup", process));
    for (std::string name; in >> name;) {
        std::int64_t kib = 0;
        if (name == "Pss:" && in >> kib) {
            return kib * static_cast<std::int64_t>(limits::kib);
        }
    }
    return std::nullopt;
}

} // namespace cb::load
