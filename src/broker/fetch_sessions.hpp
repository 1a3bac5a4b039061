// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <unordered_map>
#include <vector>

#include "base/random.hpp"
#include "base/strong_id.hpp"
#include "protocol/error_code.hpp"
#include "protocol/uuid.hpp"

namespace cb::broker {

/// One partition of a fetch: what the client wants, and what it was told last.
struct fetch_partition {
    std::string topic;
    protocol::uuid topic_id;
    std::int32_t partition = 0;
    std::int64_t fetch_offset = 0;
    std::int32_t bytes_max = 0;
    std::int32_t current_leader_epoch = -1;
    // Told last; a change of any makes the partition stand in the next incremental answer.
    std::int64_t high_watermark = -1;
    std::int64_t last_stable_offset = -1;
    std::int64_t log_start_offset = -1;
    bool told_error = false;
};

/// An incremental fetch session (KIP-227): the client tells changes only, and is told changes only.
struct fetch_session {
    std::int32_t id = 0;
    std::int32_t epoch = 0;
    connection_id connection;

    /// In the order of answers: as they came, those that had data last at the end.
    [[nodiscard]] const std::list<fetch_partition>& partitions() const { return partitions_; }
    /// Topics go by their id, or by their name where there is none. Null when it is not in the session.
    fetch_partition* find(const std::string& topic, const protocol::uuid& topic_id, std::int32_t partition);
    /// Of a partition that is not in the session yet.
    void add(fetch_partition fresh);
    void remove(const std::string& topic, const protocol::uuid& topic_id, std::int32_t partition);
    /// Who got data goes to the end, so that a busy partition does not starve those behind it.
    void move_to_end(const std::string& topic, const protocol::uuid& topic_id, std::int32_t partition);

private:
    struct key {
        std::string topic; ///< empty when there is an id
        protocol::uuid topic_id;
        std::int32_t partition = 0;
        bool operator==(const key&) const = default;
    };
    struct key_hash {
        std::size_t operator()(const key& of) const;
    };
    static key key_of(const std::string& topic, const protocol::uuid& topic_id, std::int32_t partition);

    std::list<fetch_partition> partitions_;
    std::unordered_map<key, std::list<fetch_partition>::iterator, key_hash> places_;
};

/// Owner: the node; one thread.
class fetch_sessions {
public:
    explicit fetch_sessions(random_source random) : random_(random) {}

    /// Null at the limit: the client goes on with full fetches.
    fetch_session* create(connection_id connection);
    fetch_session* find(std::int32_t id);
    void remove(std::int32_t id) { sessions_.erase(id); }
    void connection_closed(connection_id connection);
    [[nodiscard]] std::size_t size() const { return sessions_.size(); }

private:
    random_source random_;
    std::unordered_map<std::int32_t, fetch_session> sessions_;
};

} // namespace cb::broker
