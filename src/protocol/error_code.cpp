// SPDX-License-Identifier: Apache-2.0
#include "protocol/error_code.hpp"

#include <algorithm>
#include <array>

namespace cb::protocol {
namespace {

struct row {
    error_code code;
    std::string_view name;
    bool retriable;
};

constexpr std::array rows{
    row{error_code::unknown_server_error, "UNKNOWN_SERVER_ERROR", false},
    row{error_code::none, "NONE", false},
    row{error_code::offset_out_of_range, "OFFSET_OUT_OF_RANGE", false},
    row{error_code::corrupt_message, "CORRUPT_MESSAGE", true},
    row{error_code::unknown_topic_or_partition, "UNKNOWN_TOPIC_OR_PARTITION", true},
    row{error_code::invalid_fetch_size, "INVALID_FETCH_SIZE", false},
    row{error_code::leader_not_available, "LEADER_NOT_AVAILABLE", true},
    row{error_code::not_leader_or_follower, "NOT_LEADER_OR_FOLLOWER", true},
    row{error_code::request_timed_out, "REQUEST_TIMED_OUT", true},
    row{error_code::broker_not_available, "BROKER_NOT_AVAILABLE", false},
    row{error_code::replica_not_available, "REPLICA_NOT_AVAILABLE", true},
    row{error_code::message_too_large, "MESSAGE_TOO_LARGE", false},
    row{error_code::stale_controller_epoch, "STALE_CONTROLLER_EPOCH", false},
    row{error_code::offset_metadata_too_large, "OFFSET_METADATA_TOO_LARGE", false},
    row{error_code::network_exception, "NETWORK_EXCEPTION", true},
    row{error_code::coordinator_load_in_progress, "COORDINATOR_LOAD_IN_PROGRESS", true},
    row{error_code::coordinator_not_available, "COORDINATOR_NOT_AVAILABLE", true},
    row{error_code::not_coordinator, "NOT_COORDINATOR", true},
    row{error_code::invalid_topic_exception, "INVALID_TOPIC_EXCEPTION", false},
    row{error_code::record_list_too_large, "RECORD_LIST_TOO_LARGE", false},
    row{error_code::not_enough_replicas, "NOT_ENOUGH_REPLICAS", true},
    row{error_code::not_enough_replicas_after_append, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", true},
    row{error_code::invalid_required_acks, "INVALID_REQUIRED_ACKS", false},
    row{error_code::illegal_generation, "ILLEGAL_GENERATION", false},
    row{error_code::inconsistent_group_protocol, "INCONSISTENT_GROUP_PROTOCOL", false},
    row{error_code::invalid_group_id, "INVALID_GROUP_ID", false},
    row{error_code::unknown_member_id, "UNKNOWN_MEMBER_ID", false},
    row{error_code::invalid_session_timeout, "INVALID_SESSION_TIMEOUT", false},
    row{error_code::rebalance_in_progress, "REBALANCE_IN_PROGRESS", false},
    row{error_code::invalid_commit_offset_size, "INVALID_COMMIT_OFFSET_SIZE", false},
    row{error_code::topic_authorization_failed, "TOPIC_AUTHORIZATION_FAILED", false},
    row{error_code::group_authorization_failed, "GROUP_AUTHORIZATION_FAILED", false},
    row{error_code::cluster_authorization_failed, "CLUSTER_AUTHORIZATION_FAILED", false},
    row{error_code::invalid_timestamp, "INVALID_TIMESTAMP", false},
    row{error_code::unsupported_sasl_mechanism, "UNSUPPORTED_SASL_MECHANISM", false},
    row{error_code::illegal_sasl_state, "ILLEGAL_SASL_STATE", false},
    row{error_code::unsupported_version, "UNSUPPORTED_VERSION", false},
    row{error_code::topic_already_exists, "TOPIC_ALREADY_EXISTS", false},
    row{error_code::invalid_partitions, "INVALID_PARTITIONS", false},
    row{error_code::invalid_replication_factor, "INVALID_REPLICATION_FACTOR", false},
    row{error_code::invalid_replica_assignment, "INVALID_REPLICA_ASSIGNMENT", false},
    row{error_code::invalid_config, "INVALID_CONFIG", false},
    row{error_code::not_controller, "NOT_CONTROLLER", true},
    row{error_code::invalid_request, "INVALID_REQUEST", false},
    row{error_code::unsupported_for_message_format, "UNSUPPORTED_FOR_MESSAGE_FORMAT", false},
    row{error_code::policy_violation, "POLICY_VIOLATION", false},
    row{error_code::out_of_order_sequence_number, "OUT_OF_ORDER_SEQUENCE_NUMBER", false},
    row{error_code::duplicate_sequence_number, "DUPLICATE_SEQUENCE_NUMBER", false},
    row{error_code::invalid_producer_epoch, "INVALID_PRODUCER_EPOCH", false},
    row{error_code::invalid_txn_state, "INVALID_TXN_STATE", false},
    row{error_code::invalid_producer_id_mapping, "INVALID_PRODUCER_ID_MAPPING", false},
    row{error_code::invalid_transaction_timeout, "INVALID_TRANSACTION_TIMEOUT", false},
    row{error_code::concurrent_transactions, "CONCURRENT_TRANSACTIONS", true},
    row{error_code::transaction_coordinator_fenced, "TRANSACTION_COORDINATOR_FENCED", false},
    row{error_code::transactional_id_authorization_failed, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", false},
    row{error_code::security_disabled, "SECURITY_DISABLED", false},
    row{error_code::operation_not_attempted, "OPERATION_NOT_ATTEMPTED", false},
    row{error_code::kafka_storage_error, "KAFKA_STORAGE_ERROR", true},
    row{error_code::log_dir_not_found, "LOG_DIR_NOT_FOUND", false},
    row{error_code::sasl_authentication_failed, "SASL_AUTHENTICATION_FAILED", false},
    row{error_code::unknown_producer_id, "UNKNOWN_PRODUCER_ID", false},
    row{error_code::reassignment_in_progress, "REASSIGNMENT_IN_PROGRESS", false},
    row{error_code::delegation_token_auth_disabled, "DELEGATION_TOKEN_AUTH_DISABLED", false},
    row{error_code::delegation_token_not_found, "DELEGATION_TOKEN_NOT_FOUND", false},
    row{error_code::delegation_token_owner_mismatch, "DELEGATION_TOKEN_OWNER_MISMATCH", false},
    row{error_code::delegation_token_request_not_allowed, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", false},
    row{error_code::delegation_token_authorization_failed, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", false},
    row{error_code::delegation_token_expired, "DELEGATION_TOKEN_EXPIRED", false},
    row{error_code::invalid_principal_type, "INVALID_PRINCIPAL_TYPE", false},
    row{error_code::non_empty_group, "NON_EMPTY_GROUP", false},
    row{error_code::group_id_not_found, "GROUP_ID_NOT_FOUND", false},
    row{error_code::fetch_session_id_not_found, "FETCH_SESSION_ID_NOT_FOUND", true},
    row{error_code::invalid_fetch_session_epoch, "INVALID_FETCH_SESSION_EPOCH", true},
    row{error_code::listener_not_found, "LISTENER_NOT_FOUND", true},
    row{error_code::topic_deletion_disabled, "TOPIC_DELETION_DISABLED", false},
    row{error_code::fenced_leader_epoch, "FENCED_LEADER_EPOCH", true},
    row{error_code::unknown_leader_epoch, "UNKNOWN_LEADER_EPOCH", true},
    row{error_code::unsupported_compression_type, "UNSUPPORTED_COMPRESSION_TYPE", false},
    row{error_code::stale_broker_epoch, "STALE_BROKER_EPOCH", false},
    row{error_code::offset_not_available, "OFFSET_NOT_AVAILABLE", true},
    row{error_code::member_id_required, "MEMBER_ID_REQUIRED", false},
    row{error_code::preferred_leader_not_available, "PREFERRED_LEADER_NOT_AVAILABLE", true},
    row{error_code::group_max_size_reached, "GROUP_MAX_SIZE_REACHED", false},
    row{error_code::fenced_instance_id, "FENCED_INSTANCE_ID", false},
    row{error_code::eligible_leaders_not_available, "ELIGIBLE_LEADERS_NOT_AVAILABLE", true},
    row{error_code::election_not_needed, "ELECTION_NOT_NEEDED", true},
    row{error_code::no_reassignment_in_progress, "NO_REASSIGNMENT_IN_PROGRESS", false},
    row{error_code::group_subscribed_to_topic, "GROUP_SUBSCRIBED_TO_TOPIC", false},
    row{error_code::invalid_record, "INVALID_RECORD", false},
    row{error_code::unstable_offset_commit, "UNSTABLE_OFFSET_COMMIT", true},
    row{error_code::throttling_quota_exceeded, "THROTTLING_QUOTA_EXCEEDED", true},
    row{error_code::producer_fenced, "PRODUCER_FENCED", false},
    row{error_code::resource_not_found, "RESOURCE_NOT_FOUND", false},
    row{error_code::duplicate_resource, "DUPLICATE_RESOURCE", false},
    row{error_code::unacceptable_credential, "UNACCEPTABLE_CREDENTIAL", false},
    row{error_code::inconsistent_voter_set, "INCONSISTENT_VOTER_SET", false},
    row{error_code::invalid_update_version, "INVALID_UPDATE_VERSION", false},
    row{error_code::feature_update_failed, "FEATURE_UPDATE_FAILED", false},
    row{error_code::principal_deserialization_failure, "PRINCIPAL_DESERIALIZATION_FAILURE", false},
    row{error_code::snapshot_not_found, "SNAPSHOT_NOT_FOUND", false},
    row{error_code::position_out_of_range, "POSITION_OUT_OF_RANGE", false},
    row{error_code::unknown_topic_id, "UNKNOWN_TOPIC_ID", true},
    row{error_code::duplicate_broker_registration, "DUPLICATE_BROKER_REGISTRATION", false},
    row{error_code::broker_id_not_registered, "BROKER_ID_NOT_REGISTERED", false},
    row{error_code::inconsistent_topic_id, "INCONSISTENT_TOPIC_ID", true},
    row{error_code::inconsistent_cluster_id, "INCONSISTENT_CLUSTER_ID", false},
    row{error_code::transactional_id_not_found, "TRANSACTIONAL_ID_NOT_FOUND", false},
    row{error_code::fetch_session_topic_id_error, "FETCH_SESSION_TOPIC_ID_ERROR", true},
    row{error_code::ineligible_replica, "INELIGIBLE_REPLICA", false},
    row{error_code::new_leader_elected, "NEW_LEADER_ELECTED", false},
    row{error_code::offset_moved_to_tiered_storage, "OFFSET_MOVED_TO_TIERED_STORAGE", false},
    row{error_code::fenced_member_epoch, "FENCED_MEMBER_EPOCH", false},
    row{error_code::unreleased_instance_id, "UNRELEASED_INSTANCE_ID", false},
    row{error_code::unsupported_assignor, "UNSUPPORTED_ASSIGNOR", false},
    row{error_code::stale_member_epoch, "STALE_MEMBER_EPOCH", false},
    row{error_code::mismatched_endpoint_type, "MISMATCHED_ENDPOINT_TYPE", false},
    row{error_code::unsupported_endpoint_type, "UNSUPPORTED_ENDPOINT_TYPE", false},
    row{error_code::unknown_controller_id, "UNKNOWN_CONTROLLER_ID", false},
    row{error_code::unknown_subscription_id, "UNKNOWN_SUBSCRIPTION_ID", false},
    row{error_code::telemetry_too_large, "TELEMETRY_TOO_LARGE", false},
    row{error_code::invalid_registration, "INVALID_REGISTRATION", false},
    row{error_code::transaction_abortable, "TRANSACTION_ABORTABLE", false},
    row{error_code::invalid_record_state, "INVALID_RECORD_STATE", false},
    row{error_code::share_session_not_found, "SHARE_SESSION_NOT_FOUND", true},
    row{error_code::invalid_share_session_epoch, "INVALID_SHARE_SESSION_EPOCH", true},
    row{error_code::fenced_state_epoch, "FENCED_STATE_EPOCH", false},
    row{error_code::invalid_voter_key, "INVALID_VOTER_KEY", false},
    row{error_code::duplicate_voter, "DUPLICATE_VOTER", false},
    row{error_code::voter_not_found, "VOTER_NOT_FOUND", false},
    row{error_code::invalid_regular_expression, "INVALID_REGULAR_EXPRESSION", false},
    row{error_code::rebootstrap_required, "REBOOTSTRAP_REQUIRED", false},
    row{error_code::streams_invalid_topology, "STREAMS_INVALID_TOPOLOGY", false},
    row{error_code::streams_invalid_topology_epoch, "STREAMS_INVALID_TOPOLOGY_EPOCH", false},
    row{error_code::streams_topology_fenced, "STREAMS_TOPOLOGY_FENCED", false},
    row{error_code::share_session_limit_reached, "SHARE_SESSION_LIMIT_REACHED", true},
};

const row* find(error_code code) {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const row& each) { return each.code == code; });
    return found == rows.end() ? nullptr : &*found;
}

} // namespace

std::string_view to_string(error_code code) noexcept {
    const auto* found = find(code);
    return found == nullptr ? "UNKNOWN" : found->name;
}

std::optional<error_code> error_code_from(std::string_view name) noexcept {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const row& each) { return each.name == name; });
    return found == rows.end() ? std::nullopt : std::optional(found->code);
}

bool retriable(error_code code) noexcept {
    const auto* found = find(code);
    return found != nullptr && found->retriable;
}

} // namespace cb::protocol
