// SPDX-License-Identifier: Apache-2.0
#include "base/limits.hpp"
#include "broker/handlers/handler.hpp"
#include "broker/waiting_fetch.hpp"
#include "protocol/fetch.hpp"

namespace cb::broker::handlers {
namespace {

using protocol::error_code;
using protocol::number;

constexpr std::int32_t epoch_of_last_fetch = -1; ///< ends the session, or never had one
constexpr std::int32_t epoch_of_first_fetch = 0; ///< begins one

fetch_partition partition_of(const protocol::fetch_request::fetch_topic& in,
                             const protocol::fetch_request::fetch_partition& wanted) {
    fetch_partition out;
    out.topic = in.topic;
    out.topic_id = in.topic_id;
    out.partition = wanted.partition;
    out.fetch_offset = wanted.fetch_offset;
    out.bytes_max = wanted.partition_max_bytes;
    out.current_leader_epoch = wanted.current_leader_epoch;
    return out;
}

/// Takes over what the client changed: new partitions, new positions, partitions it no longer wants. False when the
/// session would grow beyond the partitions that a broker can have.
bool update(fetch_session& session, const protocol::fetch_request& wanted) {
    for (const auto& in : wanted.topics) {
        for (const auto& each : in.partitions) {
            auto fresh = partition_of(in, each);
            if (auto* kept = session.find(in.topic, in.topic_id, each.partition); kept != nullptr) {
                kept->fetch_offset = fresh.fetch_offset;
                kept->bytes_max = fresh.bytes_max;
                kept->current_leader_epoch = fresh.current_leader_epoch;
            } else {
                if (session.partitions().size() >= limits::partitions) {
                    return false;
                }
                session.add(std::move(fresh));
            }
        }
    }
    for (const auto& in : wanted.forgotten_topics_data) {
        for (const auto index : in.partitions) {
            session.remove(in.topic, in.topic_id, index);
        }
    }
    return true;
}

void refuse(const reply_function& reply, std::int16_t version, error_code error) {
    protocol::fetch_response response;
    response.error_code = number(error);
    answer(reply, response, version);
}

/// What the session part of the request means. Error: what the client is told.
error_code open_session(node_state& state, const request& what, const protocol::fetch_request& wanted,
                        waiting_fetch& fetch) {
    if (wanted.session_epoch == epoch_of_last_fetch || wanted.session_epoch == epoch_of_first_fetch) {
        if (wanted.session_id != 0) {
            state.sessions.remove(wanted.session_id);
        }
        auto* session = wanted.session_epoch == epoch_of_first_fetch && what.version >= 7
                            ? state.sessions.create(what.client->connection)
                            : nullptr;
        fetch_session without;
        auto& target = session != nullptr ? *session : without;
        if (!update(target, wanted)) {
            if (session != nullptr) {
                state.sessions.remove(session->id);
            }
            return error_code::invalid_request;
        }
        target.epoch = 1;
        fetch.session_id = target.id;
        fetch.partitions.assign(target.partitions().begin(), target.partitions().end());
        return error_code::none;
    }
    auto* session = state.sessions.find(wanted.session_id);
    if (session == nullptr) {
        return error_code::fetch_session_id_not_found;
    }
    if (session->epoch != wanted.session_epoch) {
        return error_code::invalid_fetch_session_epoch;
    }
    if (!update(*session, wanted)) {
        state.sessions.remove(session->id);
        return error_code::fetch_session_id_not_found; // the client begins anew, with a full list
    }
    session->epoch = session->epoch == 0x7fffffff ? 1 : session->epoch + 1;
    fetch.session_id = session->id;
    fetch.incremental = true;
    fetch.partitions.assign(session->partitions().begin(), session->partitions().end());
    return error_code::none;
}

} // namespace

result<void> fetch(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::fetch_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    auto under_way = std::make_shared<waiting_fetch>(state, what.version, what.client->connection, *wanted, reply);
    if (const auto error = open_session(state, what, *wanted, *under_way); error != error_code::none) {
        refuse(reply, what.version, error);
        return {};
    }
    under_way->begin();
    return {};
}

} // namespace cb::broker::handlers
