// SPDX-License-Identifier: Apache-2.0
#include "watch/exit_status.hpp"

#include <cstdint>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cb::watch {
namespace {

/// struct pidfd_info of linux/pidfd.h, first version (Linux 6.13); Debian 12's headers are older than it.
struct process_info {
    std::uint64_t mask;
    std::uint64_t cgroup_id;
    std::uint32_t ids[11];
    std::int32_t exit_code;
};
static_assert(sizeof(process_info) == 64);

constexpr std::uint64_t wants_exit_code = 1U << 3U; // PIDFD_INFO_EXIT
constexpr unsigned long get_info = _IOWR(0xFF, 11, process_info);

} // namespace

descriptor open_process_handle(int pid) { return descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

bool has_ended(const descriptor& handle) {
    pollfd question{handle.get(), POLLIN, 0};
    return handle.open() && ::poll(&question, 1, 0) > 0;
}

std::optional<int> exit_status_of(const descriptor& handle) {
    process_info info{};
    info.mask = wants_exit_code;
    if (!handle.open() || ::ioctl(handle.get(), get_info, &info) != 0 || (info.mask & wants_exit_code) == 0) {
        return std::nullopt;
    }
    return info.exit_code;
}

} // namespace cb::watch
