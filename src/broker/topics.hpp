// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "broker/partition_log.hpp"
#include "broker/topic_config.hpp"
#include "protocol/error_code.hpp"
#include "protocol/uuid.hpp"

namespace cb::broker {

class node_store;
class waiting_fetch;

/// Fetches that wait for a partition to grow. Most end by their own deadline and leave a dead reference behind, also in
/// partitions that never grow: those are swept out as new ones come. Owner: a partition.
class fetch_waiters {
public:
    void add(std::weak_ptr<waiting_fetch> who);
    std::vector<std::weak_ptr<waiting_fetch>> take() { return std::exchange(rows_, {}); }
    [[nodiscard]] bool empty() const { return rows_.empty(); }
    [[nodiscard]] std::size_t size() const { return rows_.size(); }

private:
    static constexpr std::size_t sweep_from = 16;
    std::vector<std::weak_ptr<waiting_fetch>> rows_;
    std::size_t sweep_at_ = sweep_from;
};

/// A partition and who waits for it to grow. Owner: its topic.
struct partition {
    explicit partition(memory_budget& budget) : log(budget) {}
    partition(memory_budget& budget, std::unique_ptr<stored_log> on_disk, partition_log::start_listener start_moves)
        : log(budget, std::move(on_disk), std::move(start_moves)) {}
    partition_log log;
    fetch_waiters waiting;
};

/// Owner: the table of topics.
struct topic {
    std::string name;
    protocol::uuid id;
    topic_config config;
    std::vector<std::unique_ptr<partition>> partitions;

    /// Null outside of the partitions that exist.
    [[nodiscard]] partition* find(std::int32_t index) const {
        return index >= 0 && static_cast<std::size_t>(index) < partitions.size()
                   ? partitions[static_cast<std::size_t>(index)].get()
                   : nullptr;
    }
};

/// All topics of the broker. Owner: the node; the broker's thread.
class topics {
public:
    /// `store` gives each partition its log on disk; null: they are in memory only.
    topics(std::size_t memory_bytes_max, random_source random, node_store* store)
        : budget_(memory_bytes_max), random_(random), store_(store) {}

    [[nodiscard]] topic* find(std::string_view name);
    [[nodiscard]] topic* find(const protocol::uuid& id);
    [[nodiscard]] const std::map<std::string, std::unique_ptr<topic>, std::less<>>& all() const { return by_name_; }
    [[nodiscard]] memory_budget& budget() { return budget_; }

    /// Whether a topic like this may be made: none, or invalid_topic_exception (also when its name collides),
    /// topic_already_exists, invalid_partitions, policy_violation at a limit.
    [[nodiscard]] protocol::error_code check_new(const std::string& name, std::int32_t partition_count) const;
    /// Metrics write dots as underscores, so Kafka keeps names apart that differ in those only: the topic that stands
    /// in the way of this name, or null.
    [[nodiscard]] const topic* collision(const std::string& name) const;
    /// After check_new() said none.
    topic& create(const std::string& name, std::int32_t partition_count, topic_config config);
    /// A topic that a journal names, without partitions yet.
    topic& restore(const std::string& name, const protocol::uuid& id);
    /// False at the limit of partitions.
    bool grow(topic& which, std::int32_t partition_count);
    void remove(topic& which);

    /// Letters, digits, dot, dash and underscore; at most 249; neither "." nor "..".
    static bool valid_name(std::string_view name);

private:
    memory_budget budget_;
    random_source random_;
    node_store* store_;
    std::map<std::string, std::unique_ptr<topic>, std::less<>> by_name_;
    std::unordered_map<protocol::uuid, topic*> by_id_;
    std::unordered_map<std::string, topic*> by_metric_name_; ///< those that have a dot or an underscore
    std::size_t partition_count_ = 0;
};

} // namespace cb::broker
