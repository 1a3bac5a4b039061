// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>

#include "broker/node.hpp"
#include "broker/topics.hpp"
#include "broker/transaction_coordinator.hpp"

namespace cb::backend {

/// Who answers a client's requests: the embedded broker, or a cluster somewhere else. Sessions, faults, ledger and
/// metrics see this interface only, so that they work alike for both.
/// Thread: the loop of the connection that submits.
class backend {
public:
    virtual ~backend() = default;

    /// Hands one request over; `reply` is called once with the answer's body, at once or later, an empty chain when
    /// there is none (acks=0). Requests of one connection are handed over in the order of their arrival.
    /// Error: the bytes are no such request, or nobody knows it: the connection is of no use any more.
    virtual result<void> submit(broker::request request, broker::reply_function reply) = 0;
    /// The connection is gone: answers that it still waits for have nobody to go to.
    virtual void connection_closed(connection_id connection) = 0;
    /// The name of a topic that a request names by its id; empty when nobody has that id.
    virtual std::string topic_name(const protocol::uuid& id) = 0;
    /// The id of the broker that these requests go to.
    [[nodiscard]] virtual std::int32_t broker_id() const = 0;
    /// How long a client that has just produced is not to be read from.
    [[nodiscard]] virtual nanoseconds produce_pause() = 0;
    /// The topics of an incremental fetch session, which its requests do not name again.
    virtual std::set<std::string> session_topics(std::int32_t session_id) = 0;
    /// The last sequence that a log holds of a producer in its epoch; nothing when it knows none.
    virtual std::optional<std::int32_t> last_sequence(const std::string& topic, std::int32_t partition,
                                                      broker::producer_identity producer) = 0;
    /// A producer of our own, which nobody else has.
    virtual broker::producer_identity own_producer() = 0;
};

/// The embedded broker as a backend. Owner: the application; `node` outlives it.
class embedded_backend final : public backend {
public:
    explicit embedded_backend(broker::node& node) : node_(node) {}

    result<void> submit(broker::request request, broker::reply_function reply) override {
        return node_.submit(std::move(request), std::move(reply));
    }
    void connection_closed(connection_id connection) override { node_.connection_closed(connection); }
    std::string topic_name(const protocol::uuid& id) override {
        const auto* found = node_.topic_table().find(id);
        return found == nullptr ? std::string() : found->name;
    }
    [[nodiscard]] std::int32_t broker_id() const override { return node_.id(); }
    [[nodiscard]] nanoseconds produce_pause() override { return milliseconds(node_.produce_pause_ms()); }
    std::set<std::string> session_topics(std::int32_t session_id) override {
        return node_.fetch_session_topics(session_id);
    }
    std::optional<std::int32_t> last_sequence(const std::string& topic, std::int32_t partition,
                                              broker::producer_identity producer) override {
        const auto* found = node_.topic_table().find(topic);
        const auto* in = found == nullptr ? nullptr : found->find(partition);
        return in == nullptr ? std::nullopt : in->log.producers().last_sequence(producer.id, producer.epoch);
    }
    broker::producer_identity own_producer() override { return node_.own_producer(); }

private:
    broker::node& node_;
};

} // namespace cb::backend
