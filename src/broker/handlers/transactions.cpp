// SPDX-License-Identifier: Apache-2.0
// InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, DescribeTransactions, ListTransactions.
#include "broker/handlers/handler.hpp"
#include "protocol/add_offsets_to_txn.hpp"
#include "protocol/add_partitions_to_txn.hpp"
#include "protocol/describe_transactions.hpp"
#include "protocol/end_txn.hpp"
#include "protocol/init_producer_id.hpp"
#include "protocol/list_transactions.hpp"

#include <regex>

namespace cb::broker::handlers {
namespace {

using protocol::error_code;
using protocol::number;

/// Clients of before KIP-588 do not know PRODUCER_FENCED and are told INVALID_PRODUCER_EPOCH instead.
error_code for_version(error_code error, std::int16_t version, std::int16_t fenced_since) {
    return error == error_code::producer_fenced && version < fenced_since ? error_code::invalid_producer_epoch : error;
}

} // namespace

result<void> init_producer_id(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::init_producer_id_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    const auto given =
        state.transactions.init_producer(wanted->transactional_id, milliseconds(wanted->transaction_timeout_ms),
                                         {wanted->producer_id, wanted->producer_epoch});
    protocol::init_producer_id_response response;
    response.error_code = number(for_version(given.error, what.version, 4));
    response.producer_id = given.producer.id;
    response.producer_epoch = given.producer.epoch;
    answer(reply, response, what.version);
    return {};
}

result<void> add_partitions_to_txn(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::add_partitions_to_txn_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    const producer_identity producer{wanted->v3_and_below_producer_id, wanted->v3_and_below_producer_epoch};
    const auto exists = [&](const std::string& name, std::int32_t index) {
        const auto* found = state.topic_table.find(name);
        return found != nullptr && found->find(index) != nullptr;
    };
    bool all_exist = true;
    for (const auto& in : wanted->v3_and_below_topics) {
        for (const auto index : in.partitions) {
            all_exist = all_exist && exists(in.name, index);
        }
    }
    protocol::add_partitions_to_txn_response response;
    for (const auto& in : wanted->v3_and_below_topics) {
        auto& topic_out = response.results_by_topic_v3_and_below.emplace_back();
        topic_out.name = in.name;
        for (const auto index : in.partitions) {
            auto error = error_code::none;
            if (!exists(in.name, index)) {
                error = error_code::unknown_topic_or_partition;
            } else if (!all_exist) {
                error = error_code::operation_not_attempted; // all or nothing
            } else {
                error = state.transactions.add_partition(wanted->v3_and_below_transactional_id, producer,
                                                         {in.name, index}, state.time.now(), state.time.wall_ms());
            }
            topic_out.results_by_partition.push_back({index, number(for_version(error, what.version, 2))});
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> add_offsets_to_txn(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::add_offsets_to_txn_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    const auto error =
        state.transactions.add_group(wanted->transactional_id, {wanted->producer_id, wanted->producer_epoch},
                                     wanted->group_id, state.time.now(), state.time.wall_ms());
    protocol::add_offsets_to_txn_response response;
    response.error_code = number(for_version(error, what.version, 2));
    answer(reply, response, what.version);
    return {};
}

result<void> end_txn(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::end_txn_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    const auto given = state.transactions.end(wanted->transactional_id, {wanted->producer_id, wanted->producer_epoch},
                                              wanted->committed, false);
    protocol::end_txn_response response;
    response.error_code = number(for_version(given.error, what.version, 2));
    answer(reply, response, what.version);
    return {};
}

result<void> describe_transactions(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::describe_transactions_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::describe_transactions_response response;
    for (const auto& id : wanted->transactional_ids) {
        auto& out = response.transaction_states.emplace_back();
        out.transactional_id = id;
        const auto* found = state.transactions.find(id);
        if (found == nullptr) {
            out.error_code = number(error_code::transactional_id_not_found);
            continue;
        }
        out.transaction_state = to_string(found->state);
        out.transaction_timeout_ms =
            static_cast<std::int32_t>(std::chrono::duration_cast<milliseconds>(found->timeout).count());
        out.transaction_start_time_ms = found->started_at_ms;
        out.producer_id = found->producer.id;
        out.producer_epoch = found->producer.epoch;
        for (const auto& where : found->partitions) {
            if (out.topics.empty() || out.topics.back().topic != where.topic) {
                out.topics.emplace_back().topic = where.topic;
            }
            out.topics.back().partitions.push_back(where.partition);
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> list_transactions(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::list_transactions_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::list_transactions_response response;
    const auto contains = [](const auto& list, const auto& value) {
        return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
    };
    for (const auto& name : wanted->state_filters) {
        const bool known = name == "Empty" || name == "Ongoing" || name == "CompleteCommit" ||
                           name == "CompleteAbort" || name == "PrepareCommit" || name == "PrepareAbort" ||
                           name == "Dead";
        if (!known) {
            response.unknown_state_filters.push_back(name);
        }
    }
    for (const auto& [id, row] : state.transactions.all()) {
        const auto running_ms = row.started_at_ms < 0 ? 0 : state.time.wall_ms() - row.started_at_ms;
        const bool long_enough = wanted->duration_filter < 0 || running_ms > wanted->duration_filter;
        if (contains(wanted->state_filters, std::string(to_string(row.state))) &&
            contains(wanted->producer_id_filters, row.producer.id) && long_enough) {
            response.transaction_states.push_back({id, row.producer.id, std::string(to_string(row.state))});
        }
    }
    if (wanted->transactional_id_pattern && !wanted->transactional_id_pattern->empty()) {
        try {
            const std::regex pattern(*wanted->transactional_id_pattern);
            std::erase_if(response.transaction_states,
                          [&](const auto& each) { return !std::regex_match(each.transactional_id, pattern); });
        } catch (const std::regex_error&) {
            response.error_code = number(error_code::invalid_regular_expression);
            response.transaction_states.clear();
        }
    }
    answer(reply, response, what.version);
    return {};
}

} // namespace cb::broker::handlers
