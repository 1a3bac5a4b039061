// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "moving/bus/kafka.hpp"

namespace moving::bus {

enum class producing : std::uint8_t {
    safe,    ///< idempotent, acknowledged by all replicas, tried again until it is known
    hurried, ///< acknowledged by the leader, a few tries
};

/// Sends events. Owner: the instance. `send` is safe from any thread; `told` is called by the thread that calls `poll`.
class producer {
public:
    /// `ticket` is what `send` was given; an empty `error`: the brokers have it.
    using outcome = std::function<void(std::uint64_t ticket, std::string_view error)>;

    /// Throws std::runtime_error for settings that librdkafka does not take.
    producer(const kafka_settings& settings, producing how, outcome told);
    ~producer();
    producer(const producer&) = delete;
    producer& operator=(const producer&) = delete;

    /// False: the queue is full (limits.hpp), try again after `poll`. What was taken gets exactly one outcome.
    bool send(const std::string& topic, std::string_view key, std::string_view value, std::string_view traceparent,
              std::uint64_t ticket);
    /// Calls `told` for what has an outcome by now; waits up to `wait_ms` for the first.
    void poll(int wait_ms);
    /// Waits until all has an outcome, at most `wait_ms`.
    void flush(int wait_ms);
    /// Whether a broker answers now; waits up to `wait_ms`. Safe from any thread.
    [[nodiscard]] bool reachable(int wait_ms) const;
    /// The client says of itself that it can send no more (an idempotent producer whose sequence broke): make a new
    /// one.
    [[nodiscard]] bool broken() const;

private:
    struct client;
    std::unique_ptr<client> client_;
};

} // namespace moving::bus
