// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/strong_id.hpp"
#include "protocol/api_key.hpp"
#include "wire/slice.hpp"

namespace cb::storage {
class disk;
}

namespace cb::broker {

/// When what was acknowledged outlives a power cut; `kill -9` it outlives always.
struct flush_setting {
    enum class moment : std::uint8_t {
        by_system,   ///< when the operating system comes to it
        every_batch, ///< before it is acknowledged
        at_intervals ///< within `interval` after it was acknowledged
    };
    moment when = moment::by_system;
    nanoseconds interval{0};
};

class topics;
class group_coordinator;
class transaction_coordinator;
struct node_state;
struct producer_identity;
struct decoded_produce;

/// Who asks. Owner: the session; outlives its requests' handling, not their answers.
struct client_context {
    connection_id connection;
    std::string client_id;
    std::string client_host; ///< as Kafka shows it: "/127.0.0.1"
    std::string principal;   ///< "User:anna"
    std::string listener;
    /// Where this client reaches the broker: what Metadata tells it.
    std::string advertised_host;
    std::int32_t advertised_port = 0;
};

struct request {
    protocol::api_key api{};
    std::int16_t version = 0;
    const client_context* client = nullptr;
    wire::slice body; ///< after the request header
    /// Of Produce requests, when somebody has decoded it before: `body` is not read then. Lives until submit returns.
    const decoded_produce* produce = nullptr;
};

/// Gets the answer's body without its header; an empty chain: there is none (acks=0).
using reply_function = std::function<void(wire::chain body)>;

struct node_options {
    std::int32_t node_id = 1;
    std::string cluster_id; ///< empty: made from the random source
    std::int32_t partitions_default = 1;
    bool auto_create_topics = true;
    std::size_t memory_bytes_max = limits::memory_log_bytes;
    /// Clients give their names: done in front of the node, yet ApiVersions must list it, or clients do not try.
    bool sasl = false;
};

struct api_range {
    protocol::api_key api;
    std::int16_t min_version;
    std::int16_t max_version;
};

/// The embedded broker: a complete single node as a state machine. It has no sockets, no threads and no clock of its
/// own; whoever owns it hands in requests and calls `advance` when `next_deadline` has come.
/// Owner: the application (or a test, or the simulator). Thread: one.
class node {
public:
    node(node_options options, const clock& time, random_source random, log_sink& log);
    /// Keeps its data on a disk, and begins with what it finds there. Throws std::runtime_error, one sentence, when
    /// that cannot be read.
    node(node_options options, const clock& time, random_source random, log_sink& log, storage::disk& data,
         flush_setting flush);
    ~node();
    node(const node&) = delete;
    node& operator=(const node&) = delete;

    /// `reply` is called once: at once, or later (long poll, rebalance).
    /// Error: the bytes are no such request, or the API or version is not served: close the connection, for the
    /// client's idea of what follows is lost. ApiVersions in an unknown version is answered, as KIP-511 asks.
    result<void> submit(request what, reply_function reply);
    /// Forgets what waits for this connection.
    void connection_closed(connection_id connection);

    /// When `advance` has something to do next.
    [[nodiscard]] std::optional<mono_time> next_deadline() const;
    /// Does what is due: long polls that end, members that expire, transactions out of time, retention.
    void advance();

    /// What was done so far is kept as the flush setting says. Called before an answer leaves; cheap when there is
    /// nothing to keep. Error: io; from then on nothing may be answered any more, for nobody knows what was kept.
    result<void> commit();
    /// All of it outlives a power cut, whatever the setting: at the end.
    result<void> flush();

    /// The APIs that are served, in the order of their numbers.
    static std::vector<api_range> served();

    /// A producer id that no client has: for messages that are written on nobody's behalf.
    producer_identity own_producer();

    // Read views for the control API.
    [[nodiscard]] topics& topic_table();
    [[nodiscard]] const group_coordinator& groups() const;
    [[nodiscard]] const transaction_coordinator& transactions() const;
    [[nodiscard]] const std::string& cluster_id() const;
    [[nodiscard]] std::int32_t id() const;
    /// How long whoever produces now is not to be heard: what its answer says, and what acks=0 is not told.
    [[nodiscard]] std::int32_t produce_pause_ms();
    /// Names of the topics in a fetch session; empty when there is no such session.
    [[nodiscard]] std::set<std::string> fetch_session_topics(std::int32_t session_id) const;

private:
    std::unique_ptr<node_state> state_;
};

} // namespace cb::broker
