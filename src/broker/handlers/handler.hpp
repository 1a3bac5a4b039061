// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/node_state.hpp"
#include "wire/cursor.hpp"

/// How a request is answered. One function an API; `table.cpp` says which versions are served.
/// A new API: write its function in the file of its kin, declare it here, add its row to the table.
namespace cb::broker::handlers {

/// Error: the request's bytes are malformed.
using handler = result<void> (*)(node_state& state, const request& what, reply_function reply);

struct row {
    protocol::api_key api;
    std::int16_t min_version;
    std::int16_t max_version;
    handler handle;
};

std::span<const row> table();
/// Null when the API is not served.
const row* find(protocol::api_key api);

template <class Message>
result<Message> decode(const request& what) {
    wire::reader in(what.body);
    return Message::decode(in, what.version);
}

/// Encodes an answer of our own making: that it fits its version is our business, not the client's.
template <class Response>
void answer(const reply_function& reply, const Response& response, std::int16_t version) {
    wire::writer out;
    if (const auto done = response.encode(out, version); !done) {
        assertion_failed(done.error().message.c_str(), __FILE__, __LINE__);
    }
    reply(out.take());
}

/// An ApiVersions request of a version that nobody knows is answered in version 0 (KIP-511).
void answer_unknown_api_versions(const node_state& state, const reply_function& reply);

#define CB_HANDLER(name) result<void> name(node_state& state, const request& what, reply_function reply)
CB_HANDLER(api_versions);
CB_HANDLER(metadata);
CB_HANDLER(describe_cluster);
CB_HANDLER(describe_topic_partitions);
CB_HANDLER(produce);
CB_HANDLER(fetch);
CB_HANDLER(list_offsets);
CB_HANDLER(offset_for_leader_epoch);
CB_HANDLER(delete_records);
CB_HANDLER(create_topics);
CB_HANDLER(delete_topics);
CB_HANDLER(create_partitions);
CB_HANDLER(describe_configs);
CB_HANDLER(alter_configs);
CB_HANDLER(incremental_alter_configs);
CB_HANDLER(list_config_resources);
CB_HANDLER(describe_log_dirs);
CB_HANDLER(describe_producers);
CB_HANDLER(elect_leaders);
CB_HANDLER(alter_partition_reassignments);
CB_HANDLER(list_partition_reassignments);
CB_HANDLER(describe_client_quotas);
CB_HANDLER(describe_user_scram_credentials);
CB_HANDLER(describe_acls);
CB_HANDLER(create_acls);
CB_HANDLER(delete_acls);
CB_HANDLER(find_coordinator);
CB_HANDLER(join_group);
CB_HANDLER(sync_group);
CB_HANDLER(heartbeat);
CB_HANDLER(leave_group);
CB_HANDLER(describe_groups);
CB_HANDLER(consumer_group_describe);
CB_HANDLER(list_groups);
CB_HANDLER(delete_groups);
CB_HANDLER(offset_commit);
CB_HANDLER(offset_fetch);
CB_HANDLER(offset_delete);
CB_HANDLER(init_producer_id);
CB_HANDLER(add_partitions_to_txn);
CB_HANDLER(add_offsets_to_txn);
CB_HANDLER(end_txn);
CB_HANDLER(txn_offset_commit);
CB_HANDLER(describe_transactions);
CB_HANDLER(list_transactions);
#undef CB_HANDLER

} // namespace cb::broker::handlers
