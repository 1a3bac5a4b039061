// SPDX-License-Identifier: Apache-2.0
// JoinGroup, SyncGroup, Heartbeat, LeaveGroup, and the questions about groups.
#include "broker/handlers/handler.hpp"
#include "protocol/consumer_group_describe.hpp"
#include "protocol/delete_groups.hpp"
#include "protocol/describe_groups.hpp"
#include "protocol/heartbeat.hpp"
#include "protocol/join_group.hpp"
#include "protocol/leave_group.hpp"
#include "protocol/list_groups.hpp"
#include "protocol/sync_group.hpp"

namespace cb::broker::handlers {
namespace {

using protocol::error_code;
using protocol::number;

protocol::join_group_response join_response(join_answer from, std::int16_t version) {
    protocol::join_group_response out;
    out.error_code = number(from.error);
    out.generation_id = from.generation;
    out.protocol_type = version >= 7 ? std::move(from.protocol_type) : std::nullopt;
    out.protocol_name = std::move(from.protocol_name);
    if (!out.protocol_name && version < 7) {
        out.protocol_name = std::string(); // null came with version 7
    }
    out.leader = std::move(from.leader);
    out.skip_assignment = version >= 9 && from.skip_assignment;
    out.member_id = std::move(from.member_id);
    for (auto& each : from.members) {
        out.members.push_back(
            {std::move(each.id), version >= 5 ? std::move(each.instance_id) : std::nullopt, std::move(each.metadata)});
    }
    return out;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

/// The filter names states as Kafka prints them, in any case.
bool listed(const std::vector<std::string>& filter, std::string_view state) {
    return filter.empty() || std::any_of(filter.begin(), filter.end(), [&](const std::string& each) {
               return lower(each) == lower(std::string(state));
           });
}

} // namespace

result<void> join_group(node_state& state, const request& what, reply_function reply) {
    auto wanted = decode<protocol::join_group_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    join_request join;
    join.member_id = std::move(wanted->member_id);
    join.instance_id = std::move(wanted->group_instance_id);
    join.client_id = what.client->client_id;
    join.client_host = what.client->client_host;
    join.protocol_type = std::move(wanted->protocol_type);
    for (auto& each : wanted->protocols) {
        join.protocols.push_back({std::move(each.name), wire::slice::copy_of(each.metadata.view())});
    }
    join.session_timeout = milliseconds(wanted->session_timeout_ms);
    // Version 0 has no timeout of its own for rebalances.
    join.rebalance_timeout =
        milliseconds(what.version >= 1 ? wanted->rebalance_timeout_ms : wanted->session_timeout_ms);
    join.member_id_required = what.version >= 4;
    join.can_skip_assignment = what.version >= 9;
    const auto version = what.version;
    auto on_joined = [reply, version](join_answer given) {
        answer(reply, join_response(std::move(given), version), version);
    };
    state.groups.join(wanted->group_id, join, state.time.now(), std::move(on_joined));
    return {};
}

result<void> sync_group(node_state& state, const request& what, reply_function reply) {
    auto wanted = decode<protocol::sync_group_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    sync_request sync;
    sync.member_id = std::move(wanted->member_id);
    sync.instance_id = std::move(wanted->group_instance_id);
    sync.generation = wanted->generation_id;
    sync.protocol_type = std::move(wanted->protocol_type);
    sync.protocol_name = std::move(wanted->protocol_name);
    for (auto& each : wanted->assignments) {
        sync.assignments[std::move(each.member_id)] = wire::slice::copy_of(each.assignment.view());
    }
    const auto version = what.version;
    auto on_synced = [reply, version](sync_answer given) {
        protocol::sync_group_response out;
        out.error_code = number(given.error);
        if (version >= 5) {
            out.protocol_type = std::move(given.protocol_type);
            out.protocol_name = std::move(given.protocol_name);
        }
        out.assignment = std::move(given.assignment);
        answer(reply, out, version);
    };
    state.groups.sync(wanted->group_id, sync, state.time.now(), std::move(on_synced));
    return {};
}

result<void> heartbeat(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::heartbeat_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::heartbeat_response response;
    response.error_code = number(state.groups.heartbeat(wanted->group_id, wanted->member_id, wanted->group_instance_id,
                                                        wanted->generation_id, state.time.now()));
    answer(reply, response, what.version);
    return {};
}

result<void> leave_group(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::leave_group_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::leave_group_response response;
    const auto now = state.time.now();
    if (what.version < 3) {
        response.error_code = number(state.groups.leave(wanted->group_id, wanted->member_id, std::nullopt, now));
    } else {
        for (const auto& each : wanted->members) {
            const auto error = state.groups.leave(wanted->group_id, each.member_id, each.group_instance_id, now);
            response.members.push_back({each.member_id, each.group_instance_id, number(error)});
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> describe_groups(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::describe_groups_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::describe_groups_response response;
    for (const auto& id : wanted->groups) {
        auto& out = response.groups.emplace_back();
        out.group_id = id;
        const auto* found = state.groups.find(id);
        if (found == nullptr) {
            out.group_state = to_string(group_state::dead);
            if (what.version >= 6) {
                out.error_code = number(error_code::group_id_not_found);
                out.error_message = "Group " + id + " not found.";
            }
            continue;
        }
        out.group_state = to_string(found->state());
        out.protocol_type = found->protocol_type().value_or("");
        out.protocol_data = found->state() == group_state::stable ? found->protocol_name().value_or("") : "";
        for (const auto& [member_id, member] : found->members()) {
            auto& row = out.members.emplace_back();
            row.member_id = member_id;
            row.group_instance_id = what.version >= 4 ? member.instance_id : std::nullopt;
            row.client_id = member.client_id;
            row.client_host = member.client_host;
            if (found->state() == group_state::stable) {
                const auto* metadata = member.metadata_for(out.protocol_data);
                row.member_metadata = metadata != nullptr ? *metadata : wire::slice();
                row.member_assignment = member.assignment;
            }
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> consumer_group_describe(node_state& /*state*/, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::consumer_group_describe_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    // All groups here are of the classic kind: clients fall back to DescribeGroups.
    protocol::consumer_group_describe_response response;
    for (const auto& id : wanted->group_ids) {
        auto& out = response.groups.emplace_back();
        out.group_id = id;
        out.error_code = number(error_code::group_id_not_found);
        out.error_message = "Group " + id + " is not a consumer group.";
    }
    answer(reply, response, what.version);
    return {};
}

result<void> list_groups(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::list_groups_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::list_groups_response response;
    for (const auto* each : state.groups.all()) {
        if (!listed(wanted->states_filter, to_string(each->state())) || !listed(wanted->types_filter, "classic")) {
            continue;
        }
        auto& out = response.groups.emplace_back();
        out.group_id = each->id();
        out.protocol_type = each->protocol_type().value_or("");
        out.group_state = what.version >= 4 ? std::string(to_string(each->state())) : std::string();
        out.group_type = what.version >= 5 ? "classic" : "";
    }
    answer(reply, response, what.version);
    return {};
}

result<void> delete_groups(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::delete_groups_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::delete_groups_response response;
    for (const auto& id : wanted->groups_names) {
        response.results.push_back({id, number(state.groups.remove(id))});
    }
    answer(reply, response, what.version);
    return {};
}

} // namespace cb::broker::handlers
