// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <librdkafka/rdkafka.h>

namespace cb::load {

/// A descriptor (eventfd) that becomes readable when another thread has something: librdkafka for its queues, or us.
/// Owner: the loop that waits for it; `wake` is safe from any thread.
class wake_descriptor {
public:
    /// Throws std::system_error when the system gives no descriptor.
    wake_descriptor();
    ~wake_descriptor();
    wake_descriptor(const wake_descriptor&) = delete;
    wake_descriptor& operator=(const wake_descriptor&) = delete;

    [[nodiscard]] int descriptor() const { return descriptor_; }
    /// The queue wakes us whenever it was empty and no longer is.
    void watch(rd_kafka_queue_t& queue);
    void wake();
    void drain();

private:
    int descriptor_;
};

} // namespace cb::load
