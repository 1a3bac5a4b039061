// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cb::protocol {

/// The requests that clients send, by the number that stands in their header. Others pass as numbers.
enum class api_key : std::int16_t {
    produce = 0,
    fetch = 1,
    list_offsets = 2,
    metadata = 3,
    offset_commit = 8,
    offset_fetch = 9,
    find_coordinator = 10,
    join_group = 11,
    heartbeat = 12,
    leave_group = 13,
    sync_group = 14,
    describe_groups = 15,
    list_groups = 16,
    sasl_handshake = 17,
    api_versions = 18,
    create_topics = 19,
    delete_topics = 20,
    delete_records = 21,
    init_producer_id = 22,
    offset_for_leader_epoch = 23,
    add_partitions_to_txn = 24,
    add_offsets_to_txn = 25,
    end_txn = 26,
    txn_offset_commit = 28,
    describe_acls = 29,
    create_acls = 30,
    delete_acls = 31,
    describe_configs = 32,
    alter_configs = 33,
    alter_replica_log_dirs = 34,
    describe_log_dirs = 35,
    sasl_authenticate = 36,
    create_partitions = 37,
    create_delegation_token = 38,
    renew_delegation_token = 39,
    expire_delegation_token = 40,
    describe_delegation_token = 41,
    delete_groups = 42,
    elect_leaders = 43,
    incremental_alter_configs = 44,
    alter_partition_reassignments = 45,
    list_partition_reassignments = 46,
    offset_delete = 47,
    describe_client_quotas = 48,
    alter_client_quotas = 49,
    describe_user_scram_credentials = 50,
    alter_user_scram_credentials = 51,
    describe_quorum = 55,
    update_features = 57,
    describe_cluster = 60,
    describe_producers = 61,
    unregister_broker = 64,
    describe_transactions = 65,
    list_transactions = 66,
    consumer_group_heartbeat = 68,
    consumer_group_describe = 69,
    get_telemetry_subscriptions = 71,
    push_telemetry = 72,
    list_config_resources = 74,
    describe_topic_partitions = 75,
    share_group_heartbeat = 76,
    share_group_describe = 77,
    share_fetch = 78,
    share_acknowledge = 79,
    add_raft_voter = 80,
    remove_raft_voter = 81,
    streams_group_heartbeat = 88,
    streams_group_describe = 89,
    describe_share_group_offsets = 90,
    alter_share_group_offsets = 91,
    delete_share_group_offsets = 92,
};

/// "Fetch"; "unknown" for a number that no API of ours has.
std::string_view to_string(api_key api) noexcept;
/// By Kafka's name; upper and lower case are the same.
std::optional<api_key> api_key_from(std::string_view name) noexcept;

} // namespace cb::protocol
