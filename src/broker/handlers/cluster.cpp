// SPDX-License-Identifier: Apache-2.0
// ApiVersions, Metadata, DescribeCluster, DescribeTopicPartitions, FindCoordinator: where everything is. On one node
// the answer is always: here.
#include "broker/handlers/handler.hpp"
#include "protocol/api_versions.hpp"
#include "protocol/describe_cluster.hpp"
#include "protocol/describe_topic_partitions.hpp"
#include "protocol/find_coordinator.hpp"
#include "protocol/metadata.hpp"

namespace cb::broker::handlers {
namespace {

using protocol::error_code;
using protocol::number;

protocol::api_versions_response versions_response(const node_state& state) {
    protocol::api_versions_response response;
    for (const auto& each : table()) {
        response.api_keys.push_back({static_cast<std::int16_t>(each.api), each.min_version, each.max_version});
    }
    if (state.options.sasl) {
        using protocol::api_key;
        response.api_keys.push_back({static_cast<std::int16_t>(api_key::sasl_handshake), 0, 1});
        response.api_keys.push_back({static_cast<std::int16_t>(api_key::sasl_authenticate), 0, 2});
    }
    return response;
}

template <class Partition>
Partition described(std::int32_t index, std::int32_t node_id) {
    Partition out;
    out.partition_index = index;
    out.leader_id = node_id;
    out.leader_epoch = 0;
    out.replica_nodes = {node_id};
    out.isr_nodes = {node_id};
    return out;
}

void describe(const topic& from, std::int32_t node_id, protocol::metadata_response::metadata_response_topic& out) {
    out.name = from.name;
    out.topic_id = from.id;
    for (std::size_t i = 0; i < from.partitions.size(); ++i) {
        out.partitions.push_back(
            described<protocol::metadata_response::metadata_response_partition>(static_cast<std::int32_t>(i), node_id));
    }
}

} // namespace

void answer_unknown_api_versions(const node_state& state, const reply_function& reply) {
    auto response = versions_response(state);
    response.error_code = number(error_code::unsupported_version);
    answer(reply, response, 0);
}

result<void> api_versions(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::api_versions_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    answer(reply, versions_response(state), what.version);
    return {};
}

result<void> metadata(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::metadata_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::metadata_response response;
    response.brokers.push_back(
        {state.options.node_id, what.client->advertised_host, what.client->advertised_port, std::nullopt});
    response.cluster_id = state.options.cluster_id;
    response.controller_id = state.options.node_id;
    // No list, and in version 0 an empty one, means all topics.
    const bool all = !wanted->topics || (what.version == 0 && wanted->topics->empty());
    if (all) {
        for (const auto& [name, each] : state.topic_table.all()) {
            describe(*each, state.options.node_id, response.topics.emplace_back());
        }
    } else {
        for (const auto& each : *wanted->topics) {
            auto& out = response.topics.emplace_back();
            auto error = error_code::none;
            const bool by_id = !each.topic_id.is_zero();
            topic* found = nullptr;
            if (by_id) {
                found = state.topic_table.find(each.topic_id);
                error = found == nullptr ? error_code::unknown_topic_id : error_code::none;
            } else {
                const bool may_create = what.version < 4 || wanted->allow_auto_topic_creation;
                found = state.find_or_create(each.name.value_or(std::string()), may_create, error);
            }
            if (found != nullptr) {
                describe(*found, state.options.node_id, out);
            } else {
                out.name = each.name;
                out.topic_id = each.topic_id;
                out.error_code = number(error);
                if (what.version < 12) {
                    out.name = each.name.value_or(std::string()); // requests may leave it out before answers may
                } else if (by_id) {
                    out.name = std::nullopt;
                }
            }
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> describe_cluster(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::describe_cluster_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    constexpr std::int8_t brokers = 1;
    protocol::describe_cluster_response response;
    if (what.version >= 1 && wanted->endpoint_type != brokers) {
        response.error_code = number(error_code::mismatched_endpoint_type);
        response.error_message = "this listener is a broker's";
    } else {
        response.cluster_id = state.options.cluster_id;
        response.controller_id = state.options.node_id;
        response.brokers.push_back(
            {state.options.node_id, what.client->advertised_host, what.client->advertised_port, std::nullopt, false});
    }
    answer(reply, response, what.version);
    return {};
}

result<void> describe_topic_partitions(node_state& state, const request& what, reply_function reply) {
    using message = protocol::describe_topic_partitions_response;
    const auto wanted = decode<protocol::describe_topic_partitions_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    std::vector<std::string> names;
    for (const auto& each : wanted->topics) {
        names.push_back(each.name);
    }
    if (names.empty()) {
        for (const auto& [name, each] : state.topic_table.all()) {
            names.push_back(name);
        }
    }
    std::sort(names.begin(), names.end());
    message response;
    auto left = std::clamp(wanted->response_partition_limit, 1, 2000);
    for (const auto& name : names) {
        if (wanted->cursor && name < wanted->cursor->topic_name) {
            continue;
        }
        if (left == 0) {
            response.next_cursor = message::cursor{name, 0};
            break;
        }
        auto& out = response.topics.emplace_back();
        out.name = name;
        const auto* found = state.topic_table.find(name);
        if (found == nullptr) {
            const bool valid = topics::valid_name(name);
            out.error_code =
                number(valid ? error_code::unknown_topic_or_partition : error_code::invalid_topic_exception);
            continue;
        }
        out.topic_id = found->id;
        const bool resumed = wanted->cursor && wanted->cursor->topic_name == name;
        auto index = resumed ? std::max(wanted->cursor->partition_index, 0) : 0;
        const auto count = static_cast<std::int32_t>(found->partitions.size());
        for (; index < count && left > 0; ++index, --left) {
            auto row = described<message::describe_topic_partitions_response_partition>(index, state.options.node_id);
            // Nullable by the schema, and yet the Java client reads them unseen.
            row.eligible_leader_replicas.emplace();
            row.last_known_elr.emplace();
            out.partitions.push_back(std::move(row));
        }
        if (index < count) {
            response.next_cursor = message::cursor{name, index};
            break;
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> find_coordinator(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::find_coordinator_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    constexpr std::int8_t group = 0;
    constexpr std::int8_t transaction = 1;
    const bool known = wanted->key_type == group || wanted->key_type == transaction;
    const auto error = known ? error_code::none : error_code::invalid_request;
    protocol::find_coordinator_response response;
    if (what.version < 4) {
        response.error_code = number(error);
        response.error_message = known ? std::nullopt : std::optional<std::string>("unknown kind of coordinator");
        response.node_id = known ? state.options.node_id : -1;
        response.host = known ? what.client->advertised_host : std::string();
        response.port = known ? what.client->advertised_port : -1;
    } else {
        for (const auto& key : wanted->coordinator_keys) {
            auto& out = response.coordinators.emplace_back();
            out.key = key;
            out.error_code = number(error);
            out.node_id = known ? state.options.node_id : -1;
            out.host = known ? what.client->advertised_host : std::string();
            out.port = known ? what.client->advertised_port : -1;
        }
    }
    answer(reply, response, what.version);
    return {};
}

} // namespace cb::broker::handlers
