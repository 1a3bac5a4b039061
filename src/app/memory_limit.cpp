// SPDX-License-Identifier: Apache-2.0
#include "app/memory_limit.hpp"

#include <algorithm>
#include <fstream>
#include <string>

#include <malloc.h>
#include <unistd.h>

#include "base/limits.hpp"

namespace cb::app {
namespace {

/// A cgroup file that holds one number, or "max".
std::size_t read_limit(const std::string& file) {
    std::ifstream in(file);
    std::size_t value = 0;
    return in >> value && value > 0 ? value : SIZE_MAX;
}

/// Limits count from every cgroup on the way up (version 2), or from the memory controller's own (version 1).
std::size_t cgroup_limit() {
    std::ifstream in("/proc/self/cgroup");
    auto least = SIZE_MAX;
    for (std::string line; std::getline(in, line);) {
        const auto second = line.find(':', line.find(':') + 1);
        if (second == std::string::npos) {
            continue;
        }
        auto path = line.substr(second + 1);
        if (line.starts_with("0::")) {
            for (; !path.empty(); path.resize(path.find_last_of('/'))) {
                least = std::min(least, read_limit("/sys/fs/cgroup" + path + "/memory.max"));
            }
        } else if (line.find(":memory:") != std::string::npos) {
            least = std::min(least, read_limit("/sys/fs/cgroup/memory" + path + "/memory.limit_in_bytes"));
        }
    }
    return least;
}

} // namespace

std::size_t memory_granted_bytes() {
    const auto pages = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES));
    const auto machine = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return std::min(machine, cgroup_limit());
}

void keep_freed_memory() {
    // Out of glibc's own bounds they would be ignored; ours are within them.
    mallopt(M_MMAP_THRESHOLD, static_cast<int>(limits::heap_map_from_bytes));
    mallopt(M_TRIM_THRESHOLD, static_cast<int>(limits::heap_kept_bytes));
    mallopt(M_TOP_PAD, static_cast<int>(limits::heap_step_bytes));
}

} // namespace cb::app
