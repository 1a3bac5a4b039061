// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "broker/group.hpp"

namespace cb::broker {

struct group_settings {
    nanoseconds session_timeout_min = milliseconds(100);
    nanoseconds session_timeout_max = std::chrono::minutes(30);
    std::size_t offset_metadata_bytes_max = 4096; ///< Kafka's offset.metadata.max.bytes
};

/// Whoever keeps groups over a restart: told of each change before anybody is answered. Owner: outlives the
/// coordinator.
class group_keeper {
public:
    virtual ~group_keeper() = default;
    /// A position that became the group's; null: forgotten.
    virtual void offset_changed(const std::string& group, const topic_partition& where,
                                const committed_offset* what) = 0;
    /// A position that counts when this producer's transaction commits.
    virtual void offset_pending(const std::string& group, std::int64_t producer_id, const topic_partition& where,
                                const committed_offset& what) = 0;
    /// What was pending counts now, or is forgotten.
    virtual void pending_ended(const std::string& group, std::int64_t producer_id) = 0;
    virtual void group_at_rest(const group& which) = 0;
    virtual void group_removed(const std::string& group) = 0;
};

/// All groups of the broker. Owner: the node; the broker's thread.
class group_coordinator {
public:
    /// Null: nobody keeps them.
    group_coordinator(group_settings settings, random_source random, group_keeper* keeper);

    void join(const std::string& group_id, const join_request& request, mono_time now, join_reply reply);
    void sync(const std::string& group_id, const sync_request& request, mono_time now, sync_reply reply);
    error_code heartbeat(const std::string& group_id, const std::string& member_id,
                         const std::optional<std::string>& instance_id, std::int32_t generation, mono_time now);
    error_code leave(const std::string& group_id, const std::string& member_id,
                     const std::optional<std::string>& instance_id, mono_time now);

    struct committer {
        std::string member_id;
        std::optional<std::string> instance_id;
        std::int32_t generation = -1;
        /// Set for TxnOffsetCommit: the position counts when this producer's transaction commits.
        std::optional<std::int64_t> producer_id;
    };
    /// May this member commit? Makes the group when a commit comes from outside of group management.
    error_code check_commit(const std::string& group_id, const committer& who, mono_time now);
    /// After check_commit said none. Error: offset_metadata_too_large.
    error_code commit(const std::string& group_id, const committer& who, const topic_partition& where,
                      committed_offset what);
    /// A transaction ended: its positions count, or are forgotten.
    void end_transaction(const std::string& group_id, std::int64_t producer_id, bool commit);

    /// Error: group_id_not_found, non_empty_group.
    error_code remove(const std::string& group_id);
    /// Error: group_id_not_found, group_subscribed_to_topic.
    error_code remove_offset(const std::string& group_id, const topic_partition& where);
    void topic_removed(const std::string& topic);

    // What a journal says, at start: told to no keeper.
    void restore_offset(const std::string& group_id, const topic_partition& where,
                        const std::optional<committed_offset>& what);
    void restore_pending(const std::string& group_id, std::int64_t producer_id, const topic_partition& where,
                         committed_offset what);
    void restore_pending_ended(const std::string& group_id, std::int64_t producer_id);
    void restore_group(const std::string& group_id, const lasting_group& what, mono_time now);
    void restore_removed(const std::string& group_id) { groups_.erase(group_id); }

    [[nodiscard]] const group* find(const std::string& group_id) const;
    [[nodiscard]] std::vector<const group*> all() const;

    [[nodiscard]] std::optional<mono_time> next_deadline() const;
    void advance(mono_time now);

private:
    /// Null at the limit of groups.
    group* find_or_make(const std::string& group_id);
    std::string new_member_id(const std::string& prefix);

    group_settings settings_;
    random_source random_;
    group_keeper* keeper_;
    std::map<std::string, std::unique_ptr<group>> groups_;
};

} // namespace cb::broker
