// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "load/kafka_settings.hpp"
#include "load/wake_descriptor.hpp"

namespace cb::load {

/// Reads topics from where they end when it is made: every partition, without a group, so that nothing rebalances while
/// brokers come and go. Partitions that are added later are found within seconds and read from their beginning.
/// Owner: event_listener; `read` belongs to its thread. A thread of its own looks for new partitions.
class event_reader {
public:
    /// Returns when every partition's end is known: all that is written from then on will be read. Throws
    /// std::runtime_error when no broker answers, or a topic is not there and is not made by asking for it.
    event_reader(const workload& work, const std::vector<std::string>& topics);
    ~event_reader();
    event_reader(const event_reader&) = delete;
    event_reader& operator=(const event_reader&) = delete;

    [[nodiscard]] int descriptor() const { return there_.descriptor(); }
    /// Takes what has come and calls `stamp()` once, then `take(topic, message)` for each event. Fewer than `at_most`:
    /// that was all.
    template <class Stamp, class Take>
    std::size_t read(std::size_t at_most, Stamp&& stamp, Take&& take);

    [[nodiscard]] std::uint64_t errors() const { return errors_; }
    /// What librdkafka said last of a partition that cannot be read; empty: nothing.
    [[nodiscard]] const std::string& last_error() const { return last_error_; }

private:
    struct read_topic {
        std::string name;
        kafka_topic handle;
        std::int32_t partitions = 0; ///< those below are read
    };

    /// Partitions; less than one: an error, which is in `why`.
    [[nodiscard]] int partitions_of(read_topic& topic, int limit_ms, std::string& why, bool& worth_waiting);
    void start_at_end(read_topic& topic);
    [[nodiscard]] bool start(read_topic& topic, std::int32_t partition, std::int64_t offset);
    void watch_for_partitions();

    kafka_handle consumer_;
    std::string brokers_;
    wake_descriptor there_;
    kafka_queue queue_;
    std::vector<read_topic> topics_;
    std::vector<rd_kafka_message_t*> batch_;
    std::uint64_t errors_ = 0;
    std::string last_error_;
    std::mutex mutex_;
    std::condition_variable ends_;
    bool ended_ = false;
    std::thread watching_;
};

template <class Stamp, class Take>
std::size_t event_reader::read(std::size_t at_most, Stamp&& stamp, Take&& take) {
    batch_.resize(at_most);
    there_.drain();
    const auto got = rd_kafka_consume_batch_queue(queue_.get(), 0, batch_.data(), at_most);
    const auto count = got < 0 ? std::size_t{0} : static_cast<std::size_t>(got);
    stamp();
    for (std::size_t i = 0; i < count; ++i) {
        const auto& message = *batch_[i];
        if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            take(reinterpret_cast<std::size_t>(rd_kafka_topic_opaque(message.rkt)), message);
        } else {
            ++errors_;
            last_error_ = rd_kafka_err2str(message.err);
        }
        rd_kafka_message_destroy(batch_[i]);
    }
    return count;
}

} // namespace cb::load
