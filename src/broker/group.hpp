// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "protocol/error_code.hpp"
#include "wire/slice.hpp"

namespace cb::broker {

using protocol::error_code;

/// The states of a classic consumer group (KIP-62, KIP-345, KIP-394):
///
///             join                       all joined, or time out            leader's sync
///   empty ----------> preparing_rebalance ------------------> completing_rebalance ------> stable
///     ^                  ^   |  nobody left                        |  member joins,          |
///     |                  |   v                                     |  leaves, expires        |
///     +------------------|-- empty <-------------------------------+                         |
///                        +-------------------------------------------------------------------+
enum class group_state { empty, preparing_rebalance, completing_rebalance, stable, dead };

/// As Kafka's tools print it: "PreparingRebalance".
std::string_view to_string(group_state state) noexcept;

struct group_protocol {
    std::string name;
    wire::slice metadata;

    bool operator==(const group_protocol&) const = default;
};

struct join_request {
    std::string member_id; ///< empty: a new member
    std::optional<std::string> instance_id;
    std::string client_id;
    std::string client_host;
    std::string protocol_type;
    std::vector<group_protocol> protocols;
    nanoseconds session_timeout{0};
    nanoseconds rebalance_timeout{0};
    /// KIP-394: a new member is first told its id and must come again with it.
    bool member_id_required = false;
    /// KIP-800 (JoinGroup 9): a static leader that comes back may be told to leave the assignment as it is.
    bool can_skip_assignment = false;
};

struct join_answer {
    struct member {
        std::string id;
        std::optional<std::string> instance_id;
        wire::slice metadata;
    };
    error_code error = error_code::none;
    std::int32_t generation = -1;
    std::optional<std::string> protocol_type;
    std::optional<std::string> protocol_name;
    std::string leader;
    bool skip_assignment = false;
    std::string member_id;
    std::vector<member> members; ///< for the leader only
};

struct sync_request {
    std::string member_id;
    std::optional<std::string> instance_id;
    std::int32_t generation = -1;
    std::optional<std::string> protocol_type;
    std::optional<std::string> protocol_name;
    std::map<std::string, wire::slice> assignments; ///< the leader's, by member id
};

struct sync_answer {
    error_code error = error_code::none;
    std::optional<std::string> protocol_type;
    std::optional<std::string> protocol_name;
    wire::slice assignment;
};

using join_reply = std::function<void(join_answer)>;
using sync_reply = std::function<void(sync_answer)>;

/// One member, from its first join to its leave or expiry. Owner: its group.
struct group_member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id;
    std::string client_host;
    nanoseconds session_timeout{0};
    nanoseconds rebalance_timeout{0};
    std::vector<group_protocol> protocols;
    wire::slice assignment;
    mono_time expires_at;
    join_reply awaiting_join; ///< set while a JoinGroup waits for its answer
    sync_reply awaiting_sync; ///< set while a SyncGroup waits for its answer

    [[nodiscard]] const wire::slice* metadata_for(const std::string& protocol_name) const;
};

/// A committed position.
struct committed_offset {
    std::int64_t offset = -1;
    std::int32_t leader_epoch = -1;
    std::string metadata;
    std::int64_t committed_at_ms = 0;

    bool operator==(const committed_offset&) const = default;
};

struct topic_partition {
    std::string topic;
    std::int32_t partition = 0;

    auto operator<=>(const topic_partition&) const = default;
};

/// What of a group outlives the broker: who was in it when it was last at rest. Whoever was being waited for comes
/// again.
struct lasting_group {
    struct member {
        std::string id;
        std::optional<std::string> instance_id;
        std::string client_id;
        std::string client_host;
        nanoseconds session_timeout{0};
        nanoseconds rebalance_timeout{0};
        std::vector<group_protocol> protocols;
        wire::slice assignment;

        bool operator==(const member&) const = default;
    };
    std::int32_t generation = 0;
    std::optional<std::string> protocol_type;
    std::optional<std::string> protocol_name;
    std::string leader;
    std::vector<member> members;

    bool operator==(const lasting_group&) const = default;
};

/// One classic group as a state machine: no clock, no sockets, no disk. Time comes in with each call; answers that must
/// wait are kept as functions and called later, from inside another call or from `advance`.
/// Owner: the group coordinator; the broker's thread.
class group {
public:
    /// `came_to_rest` is told when the group is stable, or empty, or a static member has come back: before anybody is
    /// answered.
    group(std::string id, std::function<std::string(const std::string& prefix)> new_member_id,
          std::function<void(const group&)> came_to_rest)
        : id_(std::move(id)), new_member_id_(std::move(new_member_id)), came_to_rest_(std::move(came_to_rest)) {}

    void join(const join_request& request, mono_time now, join_reply reply);
    void sync(const sync_request& request, mono_time now, sync_reply reply);
    error_code heartbeat(const std::string& member_id, const std::optional<std::string>& instance_id,
                         std::int32_t generation, mono_time now);
    /// A static member may leave by its instance id alone (KIP-345).
    error_code leave(const std::string& member_id, const std::optional<std::string>& instance_id, mono_time now);
    /// Whether this member may commit now (OffsetCommit, TxnOffsetCommit). A negative generation is a commit from
    /// outside of group management, which an empty group allows.
    error_code check_commit(const std::string& member_id, const std::optional<std::string>& instance_id,
                            std::int32_t generation, mono_time now, bool transactional);

    [[nodiscard]] lasting_group lasting() const;
    /// The group as it was before the broker's restart; its members have a session's time to be heard of.
    void restore(const lasting_group& what, mono_time now);

    /// Expires what is due.
    void advance(mono_time now);
    [[nodiscard]] std::optional<mono_time> next_deadline() const;

    void commit(const topic_partition& where, committed_offset what) { offsets_[where] = std::move(what); }
    void commit_pending(std::int64_t producer_id, const topic_partition& where, committed_offset what) {
        pending_[producer_id][where] = std::move(what);
    }
    /// The end of a transaction: its offsets become the group's, or are forgotten. Returns those that took effect.
    std::map<topic_partition, committed_offset> end_transaction(std::int64_t producer_id, bool commit);
    [[nodiscard]] const std::map<std::int64_t, std::map<topic_partition, committed_offset>>& pending() const {
        return pending_;
    }
    [[nodiscard]] bool has_pending(const topic_partition& where) const;
    void forget_offset(const topic_partition& where) { offsets_.erase(where); }
    void forget_topic(const std::string& topic);

    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] group_state state() const { return state_; }
    [[nodiscard]] std::int32_t generation() const { return generation_; }
    [[nodiscard]] const std::optional<std::string>& protocol_type() const { return protocol_type_; }
    [[nodiscard]] const std::optional<std::string>& protocol_name() const { return protocol_name_; }
    [[nodiscard]] const std::map<std::string, group_member>& members() const { return members_; }
    [[nodiscard]] const std::map<topic_partition, committed_offset>& offsets() const { return offsets_; }
    [[nodiscard]] bool has_pending_transactions() const { return !pending_.empty(); }
    /// A member of a consumer group that reads this topic (its offset may not be deleted under it).
    [[nodiscard]] bool subscribed_to(const std::string& topic) const;

private:
    void join_new(const join_request& request, mono_time now, join_reply reply);
    void join_static_again(const join_request& request, const std::string& old_id, mono_time now, join_reply reply);
    void join_known(const join_request& request, mono_time now, join_reply reply);
    void add_member(const join_request& request, const std::string& member_id, mono_time now, join_reply reply);
    void update_member(group_member& member, const join_request& request, mono_time now, join_reply reply);
    void prepare_rebalance(mono_time now);
    void complete_join_if_ready(mono_time now);
    void complete_join(mono_time now);
    void remove_member(const std::string& member_id);
    void member_left(mono_time now);
    void fail_sync(error_code error);
    [[nodiscard]] error_code check_member(const std::string& member_id,
                                          const std::optional<std::string>& instance_id) const;
    [[nodiscard]] bool supports(const join_request& request) const;
    [[nodiscard]] std::optional<std::string> elect_protocol() const;
    [[nodiscard]] join_answer current_answer(const group_member& member) const;
    [[nodiscard]] std::vector<join_answer::member> member_list() const;
    void touch(group_member& member, mono_time now) const { member.expires_at = now + member.session_timeout; }

    std::string id_;
    std::function<std::string(const std::string& prefix)> new_member_id_;
    std::function<void(const group&)> came_to_rest_;
    group_state state_ = group_state::empty;
    std::int32_t generation_ = 0;
    std::optional<std::string> protocol_type_;
    std::optional<std::string> protocol_name_;
    std::string leader_;
    std::map<std::string, group_member> members_;
    std::map<std::string, std::string> static_ids_; ///< instance id -> member id
    std::map<std::string, mono_time> promised_ids_; ///< told to a new member that has not come back yet (KIP-394)
    std::set<std::string> awaited_sync_;            ///< joined this generation, not yet synced
    std::optional<mono_time> rebalance_deadline_;   ///< end of waiting for joins, or for syncs
    std::map<topic_partition, committed_offset> offsets_;
    std::map<std::int64_t, std::map<topic_partition, committed_offset>> pending_;
};

} // namespace cb::broker
