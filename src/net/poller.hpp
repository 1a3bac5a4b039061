// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/clock.hpp"

namespace cb::net {

/// The kernel's list of descriptors that have something to say (epoll), without a byte of our own for each: for tens of
/// thousands of connections that know themselves what they wait for. Owner: one loop; one thread.
class poller {
public:
    /// Throws std::system_error when the system gives no descriptor.
    poller();
    ~poller();
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;

    /// Tells of every change (edge-triggered): readable, writable, closed by the other side. Closing the descriptor
    /// takes it off. False, with errno: the kernel refused.
    [[nodiscard]] bool add(int descriptor, std::uint64_t token);
    /// Tells for as long as something can be read.
    [[nodiscard]] bool add_readable(int descriptor, std::uint64_t token);
    void remove(int descriptor);

    /// What has something to say; empty after `timeout` (nothing: waits for as long as it takes). The events are valid
    /// until the next call.
    [[nodiscard]] std::span<const epoll_event> wait(std::optional<nanoseconds> timeout);

private:
    int epoll_;
    bool nanoseconds_ = true; ///< the kernel has epoll_pwait2 (Linux 5.11)
    std::array<epoll_event, 512> events_;
};

} // namespace cb::net
