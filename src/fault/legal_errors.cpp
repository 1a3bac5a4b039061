// SPDX-License-Identifier: Apache-2.0
#include "fault/legal_errors.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace cb::fault {
namespace {

using protocol::error_code;

constexpr std::array produce_errors{
    error_code::unknown_server_error,
    error_code::corrupt_message,
    error_code::unknown_topic_or_partition,
    error_code::leader_not_available,
    error_code::not_leader_or_follower,
    error_code::request_timed_out,
    error_code::message_too_large,
    error_code::network_exception,
    error_code::invalid_topic_exception,
    error_code::record_list_too_large,
    error_code::not_enough_replicas,
    error_code::not_enough_replicas_after_append,
    error_code::invalid_required_acks,
    error_code::topic_authorization_failed,
    error_code::cluster_authorization_failed,
    error_code::invalid_timestamp,
    error_code::unsupported_for_message_format,
    error_code::policy_violation,
    error_code::out_of_order_sequence_number,
    error_code::duplicate_sequence_number,
    error_code::invalid_producer_epoch,
    error_code::invalid_txn_state,
    error_code::invalid_producer_id_mapping,
    error_code::transactional_id_authorization_failed,
    error_code::kafka_storage_error,
    error_code::unknown_producer_id,
    error_code::unsupported_compression_type,
    error_code::invalid_record,
    error_code::producer_fenced,
    error_code::throttling_quota_exceeded,
};

constexpr std::array fetch_errors{
    error_code::unknown_server_error,
    error_code::offset_out_of_range,
    error_code::corrupt_message,
    error_code::unknown_topic_or_partition,
    error_code::leader_not_available,
    error_code::not_leader_or_follower,
    error_code::replica_not_available,
    error_code::topic_authorization_failed,
    error_code::kafka_storage_error,
    error_code::fetch_session_id_not_found,
    error_code::invalid_fetch_session_epoch,
    error_code::fenced_leader_epoch,
    error_code::unknown_leader_epoch,
    error_code::unsupported_compression_type,
    error_code::offset_not_available,
    error_code::unknown_topic_id,
    error_code::inconsistent_topic_id,
    error_code::fetch_session_topic_id_error,
};

std::span<const error_code> errors_of(protocol::api_key api) {
    if (api == protocol::api_key::produce) {
        return produce_errors;
    }
    if (api == protocol::api_key::fetch) {
        return fetch_errors;
    }
    return {};
}

} // namespace

bool of_whole_answer(error_code code) noexcept {
    return code == error_code::fetch_session_id_not_found || code == error_code::invalid_fetch_session_epoch ||
           code == error_code::fetch_session_topic_id_error;
}

bool legal_error(protocol::api_key api, error_code code) noexcept {
    const auto list = errors_of(api);
    return std::find(list.begin(), list.end(), code) != list.end();
}

std::string legal_error_names(protocol::api_key api) {
    std::string out;
    for (const auto code : errors_of(api)) {
        out += (out.empty() ? "" : ", ") + std::string(to_string(code));
    }
    return out;
}

} // namespace cb::fault
