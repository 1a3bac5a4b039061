// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "load/kafka_settings.hpp"
#include "load/wake_descriptor.hpp"

namespace cb::load {

/// What machines of a run say to each other. The bytes of a kind are in bus_messages.hpp.
enum class bus_kind : std::uint8_t {
    // Of the coordinator.
    heartbeat,
    accepted,
    turned_away,
    file,
    scenario,
    clock_answer,
    order,
    end,
    // Of a machine that has joined.
    hello,
    prepared,
    refused,
    clock_question,
    report,
    worker_ended,
    machine_state,
    finished,
    left,
};

struct bus_message {
    bus_kind kind = bus_kind::heartbeat;
    std::uint64_t run = 0;  ///< drawn by its coordinator
    std::uint64_t from = 0; ///< of a machine; 0: the coordinator
    std::uint64_t to = 0;   ///< 0: all, or the coordinator
    std::string body;
};

/// The topics of a bus, one partition each: everyone sees the messages in the same order.
constexpr const char* orders_topic = "chaosbroker-load-orders";
constexpr const char* reports_topic = "chaosbroker-load-reports";

/// Which Kafka the machines of a run meet on, with librdkafka's settings for it.
struct bus_address {
    std::string brokers;
    std::vector<std::pair<std::string, std::string>> settings;
};

/// A member of the bus: sends to one topic, and reads others from where they end when it is made. Large messages travel
/// in pieces. Owner: the coordinator, or a machine that has joined; one thread. Starts threads: never before a fork.
class bus {
public:
    /// Throws std::runtime_error with a sentence when no broker answers within the time or the topics cannot be had.
    bus(const bus_address& where, std::string speaks_to, const std::vector<std::string>& hears,
        std::chrono::milliseconds within);
    ~bus();
    bus(const bus&) = delete;
    bus& operator=(const bus&) = delete;

    /// Becomes readable when there is something to receive.
    [[nodiscard]] int descriptor() const { return there_.descriptor(); }
    void send(const bus_message& what);
    /// Takes what has come.
    void receive(const std::function<void(bus_message&&)>& take);
    /// Does not read this topic any more.
    void leave(const std::string& topic);
    /// Has Kafka forget what was read so far of the topics that are heard.
    void forget_read();
    /// The same of what stands before this offset.
    void forget(const std::string& topic, std::int64_t before);
    void wait_until_forgotten(std::chrono::milliseconds within);
    /// Where a topic ends; 0 when that cannot be told within the time.
    [[nodiscard]] std::int64_t written(const std::string& topic, std::chrono::milliseconds within);
    /// Waits until what was sent is written, and no longer than this.
    void flush(std::chrono::milliseconds within);
    /// Messages of members that another protocol has, since the last call.
    [[nodiscard]] std::uint64_t take_foreign() { return std::exchange(foreign_, 0); }

private:
    struct heard_topic {
        std::string name;
        kafka_topic handle;
        std::int64_t next = 0; ///< offset
        bool left = false;
    };
    struct pieces {
        std::uint32_t next = 0;
        std::string body;
    };

    void make_topics();
    [[nodiscard]] std::int64_t end_of(const std::string& topic, std::chrono::milliseconds within);
    void take_piece(std::string_view bytes, const std::function<void(bus_message&&)>& take);
    void send_piece(const std::string& bytes);
    void take_forgotten(std::chrono::milliseconds within);

    kafka_handle producer_;
    kafka_handle consumer_;
    wake_descriptor there_;
    kafka_queue queue_;
    kafka_queue admin_results_; ///< of what is forgotten; nobody needs them
    std::string speaks_to_;
    std::vector<heard_topic> hears_;
    std::map<std::pair<std::uint64_t, std::uint64_t>, pieces> unfinished_; ///< by run and sender
    std::uint64_t foreign_ = 0;
    std::size_t being_forgotten_ = 0; ///< requests without an answer
};

} // namespace cb::load
