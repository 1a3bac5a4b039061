// SPDX-License-Identifier: Apache-2.0
#include "load/wake_descriptor.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace cb::load {
namespace {

constexpr std::uint64_t one = 1;

} // namespace

wake_descriptor::wake_descriptor() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (descriptor_ < 0) {
        throw std::system_error(errno, std::generic_category(), "eventfd");
    }
}

wake_descriptor::~wake_descriptor() { ::close(descriptor_); }

void wake_descriptor::watch(rd_kafka_queue_t& queue) {
    rd_kafka_queue_io_event_enable(&queue, descriptor_, &one, sizeof(one));
}

void wake_descriptor::wake() { [[maybe_unused]] const auto written = ::write(descriptor_, &one, sizeof(one)); }

void wake_descriptor::drain() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(descriptor_, &count, sizeof(count));
}

} // namespace cb::load
