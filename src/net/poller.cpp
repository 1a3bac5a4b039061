// SPDX-License-Identifier: Apache-2.0
#include "net/poller.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace cb::net {

poller::poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) {
        throw std::system_error(errno, std::generic_category(), "epoll_create1");
    }
}

poller::~poller() { ::close(epoll_); }

bool poller::add(int descriptor, std::uint64_t token) {
    epoll_event wanted{};
    wanted.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    wanted.data.u64 = token;
    return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &wanted) == 0;
}

bool poller::add_readable(int descriptor, std::uint64_t token) {
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.u64 = token;
    return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &wanted) == 0;
}

void poller::remove(int descriptor) { ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr); }

std::span<const epoll_event> poller::wait(std::optional<nanoseconds> timeout) {
    int count = -1;
    const auto room = static_cast<int>(events_.size());
    if (nanoseconds_) {
        const auto ns = timeout ? std::max<std::int64_t>(timeout->count(), 0) : 0;
        const timespec length{ns / 1'000'000'000, ns % 1'000'000'000};
        count = ::epoll_pwait2(epoll_, events_.data(), room, timeout ? &length : nullptr, nullptr);
        nanoseconds_ = count >= 0 || errno != ENOSYS;
    }
    if (!nanoseconds_) {
        // Rounded up: waking early would only mean to wait again.
        const auto ms = timeout ? (std::max<std::int64_t>(timeout->count(), 0) + 999'999) / 1'000'000 : -1;
        count = ::epoll_wait(epoll_, events_.data(), room, static_cast<int>(std::min<std::int64_t>(ms, 1'000'000)));
    }
    return {events_.data(), static_cast<std::size_t>(std::max(count, 0))};
}

} // namespace cb::net
