// SPDX-License-Identifier: Apache-2.0
// CreateTopics, DeleteTopics, CreatePartitions, and the questions about replicas that one node answers shortly.
#include "broker/handlers/handler.hpp"
#include "protocol/alter_partition_reassignments.hpp"
#include "protocol/create_partitions.hpp"
#include "protocol/create_topics.hpp"
#include "protocol/delete_topics.hpp"
#include "protocol/elect_leaders.hpp"
#include "protocol/list_partition_reassignments.hpp"

namespace cb::broker::handlers {
namespace {

using protocol::error_code;
using protocol::number;

constexpr std::int8_t source_topic = 1;
constexpr std::int8_t source_default = 5;

struct refusal {
    error_code code = error_code::none;
    std::string message;
};

/// One replica is all there is: the default (-1) or 1.
refusal check_replicas(const protocol::create_topics_request::creatable_topic& wanted, std::int32_t node_id) {
    if (wanted.assignments.empty()) {
        const bool fits = wanted.replication_factor == -1 || wanted.replication_factor == 1;
        return fits ? refusal{}
                    : refusal{error_code::invalid_replication_factor,
                              "replication factor " + std::to_string(wanted.replication_factor) + " with one broker"};
    }
    if (wanted.num_partitions != -1 || wanted.replication_factor != -1) {
        return {error_code::invalid_request, "either assignments, or counts"};
    }
    for (const auto& each : wanted.assignments) {
        const bool here = each.broker_ids.size() == 1 && each.broker_ids.front() == node_id;
        const bool in_row =
            each.partition_index >= 0 && static_cast<std::size_t>(each.partition_index) < wanted.assignments.size();
        if (!here || !in_row) {
            return {error_code::invalid_replica_assignment, "broker " + std::to_string(node_id) + " is the only one"};
        }
    }
    return {};
}

void create_one(node_state& state, const protocol::create_topics_request::creatable_topic& wanted, bool validate_only,
                protocol::create_topics_response::creatable_topic_result& out) {
    const auto counted =
        wanted.assignments.empty() ? wanted.num_partitions : static_cast<std::int32_t>(wanted.assignments.size());
    const auto partition_count = counted == -1 ? state.options.partitions_default : counted;
    auto wrong = check_replicas(wanted, state.options.node_id);
    if (wrong.code == error_code::none) {
        wrong.code = state.topic_table.check_new(wanted.name, partition_count);
        const auto* other = state.topic_table.collision(wanted.name);
        wrong.message = wrong.code == error_code::topic_already_exists ? "Topic '" + wanted.name + "' already exists."
                        : wrong.code == error_code::invalid_topic_exception && other != nullptr
                            ? "Topic '" + wanted.name + "' collides with existing topic: " + other->name
                            : "'" + wanted.name + "' with " + std::to_string(partition_count) + " partitions";
    }
    topic_config config;
    for (const auto& each : wanted.configs) {
        if (wrong.code != error_code::none || !each.value) {
            break;
        }
        if (const auto fits = topic_config::check(each.name, *each.value); !fits) {
            wrong = {error_code::invalid_config, fits.error().message};
        } else {
            config.set(each.name, *each.value);
        }
    }
    if (wrong.code != error_code::none) {
        out.error_code = number(wrong.code);
        out.error_message = wrong.message;
        return;
    }
    out.error_message = std::nullopt;
    out.num_partitions = partition_count;
    out.replication_factor = 1;
    for (const auto& definition : topic_config_definitions()) {
        const bool own = config.overrides().contains(std::string(definition.name));
        out.configs->push_back({std::string(definition.name), config.value_of(definition), false,
                                own ? source_topic : source_default, false});
    }
    if (!validate_only) {
        const auto& made = state.create_topic(wanted.name, partition_count, std::move(config));
        out.topic_id = made.id;
        state.log.info("topic created", {{"topic", made.name}, {"partitions", partition_count}});
    }
}

} // namespace

result<void> create_topics(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::create_topics_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::create_topics_response response;
    for (const auto& each : wanted->topics) {
        auto& out = response.topics.emplace_back();
        out.name = each.name;
        const auto twice = std::count_if(wanted->topics.begin(), wanted->topics.end(),
                                         [&](const auto& other) { return other.name == each.name; });
        if (twice > 1) {
            out.error_code = number(error_code::invalid_request);
            out.error_message = "the topic stands in the request twice";
        } else {
            create_one(state, each, wanted->validate_only, out);
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> delete_topics(node_state& state, const request& what, reply_function reply) {
    auto wanted = decode<protocol::delete_topics_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    for (auto& name : wanted->topic_names) {
        wanted->topics.push_back({std::move(name), {}});
    }
    protocol::delete_topics_response response;
    for (const auto& each : wanted->topics) {
        auto& out = response.responses.emplace_back();
        auto* found = each.name ? state.topic_table.find(*each.name) : state.topic_table.find(each.topic_id);
        out.name = each.name;
        out.topic_id = each.topic_id;
        if (found == nullptr) {
            out.error_code = number(each.name ? error_code::unknown_topic_or_partition : error_code::unknown_topic_id);
            continue;
        }
        out.name = found->name;
        out.topic_id = found->id;
        state.log.info("topic deleted", {{"topic", found->name}});
        state.remove_topic(*found);
    }
    answer(reply, response, what.version);
    return {};
}

result<void> create_partitions(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::create_partitions_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::create_partitions_response response;
    for (const auto& each : wanted->topics) {
        auto& out = response.results.emplace_back();
        out.name = each.name;
        const auto refuse = [&](error_code code, const std::string& message) {
            out.error_code = number(code);
            out.error_message = message;
        };
        auto* found = state.topic_table.find(each.name);
        const auto now = found == nullptr ? 0 : static_cast<std::int32_t>(found->partitions.size());
        if (found == nullptr) {
            refuse(error_code::unknown_topic_or_partition, "no topic '" + each.name + "'");
        } else if (each.count <= now || static_cast<std::size_t>(each.count) > limits::partitions_per_topic) {
            refuse(error_code::invalid_partitions, "Topic currently has " + std::to_string(now) + " partitions, and " +
                                                       std::to_string(each.count) + " were asked for");
        } else if (!wanted->validate_only && !state.grow_topic(*found, each.count)) {
            refuse(error_code::policy_violation, "the broker's limit of partitions is met");
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> elect_leaders(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::elect_leaders_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::elect_leaders_response response;
    for (const auto& in :
         wanted->topic_partitions.value_or(std::vector<protocol::elect_leaders_request::topic_partitions_struct>{})) {
        auto& topic_out = response.replica_election_results.emplace_back();
        topic_out.topic = in.topic;
        auto* found = state.topic_table.find(in.topic);
        for (const auto index : in.partitions) {
            const bool there = found != nullptr && found->find(index) != nullptr;
            const auto code = there ? error_code::election_not_needed : error_code::unknown_topic_or_partition;
            topic_out.partition_result.push_back({index, number(code), std::nullopt});
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> alter_partition_reassignments(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::alter_partition_reassignments_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::alter_partition_reassignments_response response;
    response.error_message = std::nullopt;
    response.allow_replication_factor_change = wanted->allow_replication_factor_change;
    for (const auto& in : wanted->topics) {
        auto& topic_out = response.responses.emplace_back();
        topic_out.name = in.name;
        auto* found = state.topic_table.find(in.name);
        for (const auto& each : in.partitions) {
            const bool there = found != nullptr && found->find(each.partition_index) != nullptr;
            const bool stays = each.replicas && *each.replicas == std::vector<std::int32_t>{state.options.node_id};
            auto code = error_code::none;
            if (!there) {
                code = error_code::unknown_topic_or_partition;
            } else if (!each.replicas) {
                code = error_code::no_reassignment_in_progress;
            } else if (!stays) {
                code = error_code::invalid_replica_assignment;
            }
            topic_out.partitions.push_back({each.partition_index, number(code), std::nullopt});
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> list_partition_reassignments(node_state& /*state*/, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::list_partition_reassignments_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::list_partition_reassignments_response response; // nothing ever moves
    response.error_message = std::nullopt;
    answer(reply, response, what.version);
    return {};
}

} // namespace cb::broker::handlers
