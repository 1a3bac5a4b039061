// SPDX-License-Identifier: Apache-2.0
// OffsetCommit, OffsetFetch, OffsetDelete, TxnOffsetCommit.
#include "broker/handlers/handler.hpp"
#include "protocol/offset_commit.hpp"
#include "protocol/offset_delete.hpp"
#include "protocol/offset_fetch.hpp"
#include "protocol/txn_offset_commit.hpp"

namespace cb::broker::handlers {
namespace {

using protocol::error_code;
using protocol::number;

/// From these versions on topics go by id.
constexpr std::int16_t topic_id_version = 10;

/// One partition's commit, after the member was found fit.
error_code commit_one(node_state& state, const std::string& group_id, const group_coordinator::committer& who,
                      const topic* in, std::int32_t index, committed_offset what) {
    if (in == nullptr || in->find(index) == nullptr) {
        return error_code::unknown_topic_or_partition;
    }
    what.committed_at_ms = state.time.wall_ms();
    return state.groups.commit(group_id, who, {in->name, index}, std::move(what));
}

template <class Partition>
void fill(Partition& out, const group* in, const topic_partition& where, bool require_stable) {
    out.partition_index = where.partition;
    out.committed_offset = -1;
    out.metadata = std::string();
    if (in == nullptr) {
        return;
    }
    if (require_stable && in->has_pending(where)) {
        out.error_code = number(error_code::unstable_offset_commit);
        return;
    }
    if (const auto found = in->offsets().find(where); found != in->offsets().end()) {
        out.committed_offset = found->second.offset;
        out.committed_leader_epoch = found->second.leader_epoch;
        out.metadata = found->second.metadata;
    }
}

/// All positions of a group, topic by topic.
template <class Topic>
void fill_all(std::vector<Topic>& topics_out, const group* in, bool require_stable) {
    if (in == nullptr) {
        return;
    }
    for (const auto& [where, committed] : in->offsets()) {
        if (topics_out.empty() || topics_out.back().name != where.topic) {
            topics_out.emplace_back().name = where.topic;
        }
        fill(topics_out.back().partitions.emplace_back(), in, where, require_stable);
    }
}

void fetch_group(node_state& state, const protocol::offset_fetch_request::offset_fetch_request_group& wanted,
                 std::int16_t version, bool require_stable,
                 protocol::offset_fetch_response::offset_fetch_response_group& out) {
    out.group_id = wanted.group_id;
    const auto* found = state.groups.find(wanted.group_id);
    if (!wanted.topics) {
        fill_all(out.topics, found, require_stable);
    } else {
        for (const auto& in : *wanted.topics) {
            auto& topic_out = out.topics.emplace_back();
            topic_out.name = in.name;
            topic_out.topic_id = in.topic_id;
            const auto* by_id = version >= topic_id_version ? state.topic_table.find(in.topic_id) : nullptr;
            for (const auto index : in.partition_indexes) {
                auto& part = topic_out.partitions.emplace_back();
                if (version >= topic_id_version && by_id == nullptr) {
                    part.partition_index = index;
                    part.committed_offset = -1;
                    part.error_code = number(error_code::unknown_topic_id);
                } else {
                    fill(part, found, {by_id != nullptr ? by_id->name : in.name, index}, require_stable);
                }
            }
        }
    }
    if (version >= topic_id_version) {
        for (auto& topic_out : out.topics) {
            if (const auto* known = state.topic_table.find(topic_out.name); known != nullptr) {
                topic_out.topic_id = known->id;
            }
            topic_out.name.clear();
        }
    }
}

} // namespace

result<void> offset_commit(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::offset_commit_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    const group_coordinator::committer who{wanted->member_id, wanted->group_instance_id,
                                           wanted->generation_id_or_member_epoch, std::nullopt};
    const auto allowed = state.groups.check_commit(wanted->group_id, who, state.time.now());
    protocol::offset_commit_response response;
    for (const auto& in : wanted->topics) {
        auto& topic_out = response.topics.emplace_back();
        topic_out.name = in.name;
        topic_out.topic_id = in.topic_id;
        const bool by_id = what.version >= topic_id_version;
        const auto* found = by_id ? state.topic_table.find(in.topic_id) : state.topic_table.find(in.name);
        for (const auto& each : in.partitions) {
            auto error = allowed;
            if (error == error_code::none && found == nullptr && by_id) {
                error = error_code::unknown_topic_id;
            }
            if (error == error_code::none) {
                error = commit_one(state, wanted->group_id, who, found, each.partition_index,
                                   {each.committed_offset, each.committed_leader_epoch,
                                    each.committed_metadata.value_or(std::string()), 0});
            }
            topic_out.partitions.push_back({each.partition_index, number(error)});
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> txn_offset_commit(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::txn_offset_commit_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    const group_coordinator::committer who{wanted->member_id, wanted->group_instance_id, wanted->generation_id,
                                           wanted->producer_id};
    auto allowed = error_code::none;
    const auto* transaction = state.transactions.find(wanted->transactional_id);
    if (transaction == nullptr || transaction->producer.id != wanted->producer_id) {
        allowed = error_code::invalid_producer_id_mapping;
    } else if (transaction->producer.epoch != wanted->producer_epoch) {
        allowed = error_code::invalid_producer_epoch;
    } else if (!transaction->groups.contains(wanted->group_id)) {
        allowed = error_code::invalid_txn_state;
    } else {
        allowed = state.groups.check_commit(wanted->group_id, who, state.time.now());
    }
    protocol::txn_offset_commit_response response;
    for (const auto& in : wanted->topics) {
        auto& topic_out = response.topics.emplace_back();
        topic_out.name = in.name;
        const auto* found = state.topic_table.find(in.name);
        for (const auto& each : in.partitions) {
            const auto error = allowed != error_code::none
                                   ? allowed
                                   : commit_one(state, wanted->group_id, who, found, each.partition_index,
                                                {each.committed_offset, each.committed_leader_epoch,
                                                 each.committed_metadata.value_or(std::string()), 0});
            topic_out.partitions.push_back({each.partition_index, number(error)});
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> offset_fetch(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::offset_fetch_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::offset_fetch_response response;
    if (what.version >= 8) {
        for (const auto& each : wanted->groups) {
            fetch_group(state, each, what.version, wanted->require_stable, response.groups.emplace_back());
        }
    } else {
        const auto* found = state.groups.find(wanted->group_id);
        if (!wanted->topics) {
            fill_all(response.topics, found, wanted->require_stable);
        } else {
            for (const auto& in : *wanted->topics) {
                auto& topic_out = response.topics.emplace_back();
                topic_out.name = in.name;
                for (const auto index : in.partition_indexes) {
                    fill(topic_out.partitions.emplace_back(), found, {in.name, index}, wanted->require_stable);
                }
            }
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> offset_delete(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::offset_delete_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::offset_delete_response response;
    if (state.groups.find(wanted->group_id) == nullptr) {
        response.error_code = number(error_code::group_id_not_found);
    } else {
        for (const auto& in : wanted->topics) {
            auto& topic_out = response.topics.emplace_back();
            topic_out.name = in.name;
            for (const auto& each : in.partitions) {
                const auto error = state.groups.remove_offset(wanted->group_id, {in.name, each.partition_index});
                topic_out.partitions.push_back({each.partition_index, number(error)});
            }
        }
    }
    answer(reply, response, what.version);
    return {};
}

} // namespace cb::broker::handlers
