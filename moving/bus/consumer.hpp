// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "moving/bus/kafka.hpp"

namespace moving::bus {

enum class consuming : std::uint8_t {
    by_hand,  ///< a message is done when `done` says so
    automatic ///< the client commits what it has handed out, every few seconds, whatever became of it
};

struct topic_partition {
    std::string topic;
    std::int32_t partition = 0;
    auto operator<=>(const topic_partition&) const = default;
};

/// A member of a consumer group. Owner: the instance; one thread.
class consumer {
public:
    /// Throws std::runtime_error for settings that librdkafka does not take.
    consumer(const kafka_settings& settings, const std::string& group, const std::vector<std::string>& topics,
             consuming how);
    ~consumer();
    consumer(const consumer&) = delete;
    consumer& operator=(const consumer&) = delete;

    /// What has come, at most `most`; waits up to `wait_ms` for the first. The views are valid until the next call.
    std::span<const message> poll(std::size_t most, int wait_ms);
    /// All that the last `poll` gave has had its effect. Offsets are committed a few times a second and when partitions
    /// are given up; what was done since the last commit comes again after a crash.
    void done();

    /// What this member reads now. Safe from any thread.
    [[nodiscard]] std::vector<topic_partition> assigned() const;
    /// Messages not read yet, over all assigned partitions, as far as the brokers have told. Safe from any thread.
    [[nodiscard]] std::int64_t lag() const;

private:
    struct client;
    std::unique_ptr<client> client_;
};

/// Reads topics from now on without being a member of any group: every instance sees everything. For what is only
/// shown.
class listener {
public:
    listener(const kafka_settings& settings, const std::vector<std::string>& topics);
    ~listener();
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    std::span<const message> poll(std::size_t most, int wait_ms);

private:
    struct client;
    std::unique_ptr<client> client_;
};

} // namespace moving::bus
