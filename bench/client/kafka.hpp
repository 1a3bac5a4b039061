// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <librdkafka/rdkafka.h>

namespace cb::bench {

using steady = std::chrono::steady_clock;
using properties = std::map<std::string, std::string>;

/// A librdkafka producer for one partition, 0, of one topic. Throws std::runtime_error for what it cannot do.
class producer {
public:
    producer(const std::string& bootstrap, const std::string& topic, properties more);
    /// Waits while librdkafka's queue is full.
    void send(std::span<const char> value);
    /// Serves delivery reports without waiting.
    void serve() { rd_kafka_poll(handle_.get(), 0); }
    /// Waits for all answers; throws when any message was not acknowledged.
    void finish();

private:
    static void reported(rd_kafka_t* handle, const rd_kafka_message_t* message, void* self);

    std::string topic_;
    std::string failure_;
    std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)> handle_{nullptr, rd_kafka_destroy};
};

/// A librdkafka consumer of partition 0 of one topic, from its start.
class consumer {
public:
    consumer(const std::string& bootstrap, const std::string& topic, properties more = {});
    /// Hands over values, in order, until `each` says false. Throws when none comes for 30 s.
    void read(const std::function<bool(std::span<const char> value)>& each);

private:
    std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)> handle_{nullptr, rd_kafka_destroy};
};

/// Times in microseconds, and what share of them is below.
class latencies {
public:
    void add(std::chrono::nanoseconds took) { us_.push_back(std::chrono::duration<double, std::micro>(took).count()); }
    void add(const latencies& more) { us_.insert(us_.end(), more.us_.begin(), more.us_.end()); }
    [[nodiscard]] std::size_t count() const { return us_.size(); }
    /// In milliseconds; `share` 1 is the greatest.
    double quantile_ms(double share);

private:
    std::vector<double> us_;
    bool sorted_ = false;
};

} // namespace cb::bench
