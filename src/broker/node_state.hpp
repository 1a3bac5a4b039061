// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>

#include "broker/fetch_sessions.hpp"
#include "broker/group_coordinator.hpp"
#include "broker/node.hpp"
#include "broker/node_store.hpp"
#include "broker/topics.hpp"
#include "broker/transaction_coordinator.hpp"
#include "protocol/error_code.hpp"

namespace cb::broker {

class waiting_fetch;
using waiting_fetch_table = std::multimap<mono_time, std::shared_ptr<waiting_fetch>>;

/// What the handlers share. Owner: the node; one thread. Only src/broker sees it.
struct node_state {
    /// `on` is null when everything is in memory.
    node_state(node_options given, const clock& time_source, random_source random, log_sink& sink, storage::disk* on,
               flush_setting flush);

    node_options options;
    const clock& time;
    log_sink& log;
    std::unique_ptr<node_store> store; ///< null: in memory only
    topics topic_table;
    group_coordinator groups;
    transaction_coordinator transactions;
    fetch_sessions sessions;
    /// Fetches that wait for data, by their deadline.
    waiting_fetch_table waiting_fetches;
    mono_time next_retention;
    /// A full log may press for retention out of turn, but not with every batch that it refuses.
    mono_time next_pressed_retention{};
    bool said_log_is_full = false;

    /// Topic by name, made now if that is allowed. Null, and `error` says why.
    topic* find_or_create(const std::string& name, bool allow_create, protocol::error_code& error);
    topic& create_topic(const std::string& name, std::int32_t partition_count, topic_config config);
    /// False at the limit of partitions.
    bool grow_topic(topic& which, std::int32_t partition_count);
    void configure_topic(topic& which, std::map<std::string, std::string> overrides);
    void remove_topic(topic& which);
    void write_marker(const topic_partition& where, producer_identity producer, bool commit);
    /// Something was appended or decided: whoever waits may have enough now.
    void wake(partition& which);
    void run_retention();
    /// Retention out of turn, at most ten times a second.
    void press_retention();
    /// How long producers are to pause: memory is nearly used up and retention gives nothing back. 0: not at all.
    std::int32_t produce_pause_ms();
};

} // namespace cb::broker
