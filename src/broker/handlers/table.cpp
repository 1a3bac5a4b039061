// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "broker/handlers/handler.hpp"

namespace cb::broker::handlers {
namespace {

using protocol::api_key;

// Versions end before those that only other brokers send (AddPartitionsToTxn 4), or that need a feature this broker
// does not finalize (transaction.version 2: EndTxn 5, TxnOffsetCommit 5; two-phase commit: InitProducerId 6).
constexpr std::array rows{
    row{api_key::produce, 0, 13, produce},
    row{api_key::fetch, 4, 18, fetch},
    row{api_key::list_offsets, 1, 11, list_offsets},
    row{api_key::metadata, 0, 13, metadata},
    row{api_key::offset_commit, 2, 10, offset_commit},
    row{api_key::offset_fetch, 1, 10, offset_fetch},
    row{api_key::find_coordinator, 0, 6, find_coordinator},
    row{api_key::join_group, 0, 9, join_group},
    row{api_key::heartbeat, 0, 4, heartbeat},
    row{api_key::leave_group, 0, 5, leave_group},
    row{api_key::sync_group, 0, 5, sync_group},
    row{api_key::describe_groups, 0, 6, describe_groups},
    row{api_key::list_groups, 0, 5, list_groups},
    row{api_key::api_versions, 0, 4, api_versions},
    row{api_key::create_topics, 2, 7, create_topics},
    row{api_key::delete_topics, 1, 6, delete_topics},
    row{api_key::delete_records, 0, 2, delete_records},
    row{api_key::init_producer_id, 0, 5, init_producer_id},
    row{api_key::offset_for_leader_epoch, 2, 4, offset_for_leader_epoch},
    row{api_key::add_partitions_to_txn, 0, 3, add_partitions_to_txn},
    row{api_key::add_offsets_to_txn, 0, 4, add_offsets_to_txn},
    row{api_key::end_txn, 0, 4, end_txn},
    row{api_key::txn_offset_commit, 0, 4, txn_offset_commit},
    row{api_key::describe_acls, 1, 3, describe_acls},
    row{api_key::create_acls, 1, 3, create_acls},
    row{api_key::delete_acls, 1, 3, delete_acls},
    row{api_key::describe_configs, 1, 4, describe_configs},
    row{api_key::alter_configs, 0, 2, alter_configs},
    row{api_key::describe_log_dirs, 1, 4, describe_log_dirs},
    row{api_key::create_partitions, 0, 3, create_partitions},
    row{api_key::delete_groups, 0, 2, delete_groups},
    row{api_key::elect_leaders, 0, 2, elect_leaders},
    row{api_key::incremental_alter_configs, 0, 1, incremental_alter_configs},
    row{api_key::alter_partition_reassignments, 0, 1, alter_partition_reassignments},
    row{api_key::list_partition_reassignments, 0, 0, list_partition_reassignments},
    row{api_key::offset_delete, 0, 0, offset_delete},
    row{api_key::describe_client_quotas, 0, 1, describe_client_quotas},
    row{api_key::describe_user_scram_credentials, 0, 0, describe_user_scram_credentials},
    row{api_key::describe_cluster, 0, 2, describe_cluster},
    row{api_key::describe_producers, 0, 0, describe_producers},
    row{api_key::describe_transactions, 0, 0, describe_transactions},
    row{api_key::list_transactions, 0, 2, list_transactions},
    row{api_key::consumer_group_describe, 0, 1, consumer_group_describe},
    row{api_key::list_config_resources, 0, 1, list_config_resources},
    row{api_key::describe_topic_partitions, 0, 0, describe_topic_partitions},
};

} // namespace

std::span<const row> table() { return rows; }

const row* find(protocol::api_key api) {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const row& each) { return each.api == api; });
    return found == rows.end() ? nullptr : &*found;
}

} // namespace cb::broker::handlers
