// SPDX-License-Identifier: Apache-2.0
#include "moving/store/parked.hpp"

namespace moving::store {

bool parked::put(const parked_event& event) {
    return on_.execute(
               "INSERT INTO parked (event_id, topic, topic_partition, topic_offset, event_key, payload, traceparent,"
               " attempts, due_us, reason) VALUES (:id, :topic, :partition, :offset, :key, :payload, :trace, :attempts,"
               " :due, :reason) ON CONFLICT (event_id) DO NOTHING",
               {event.id, event.topic, event.partition, event.offset, event.key, event.payload, event.traceparent,
                event.attempts, event.due_us, event.reason}) == 1;
}

std::vector<parked_event> parked::due(std::int64_t now_us, std::int64_t limit) {
    std::vector<parked_event> out;
    for (auto& each :
         on_.query("SELECT event_id, topic, topic_partition, topic_offset, event_key, payload, traceparent, attempts,"
                   " due_us, reason FROM parked WHERE due_us <= :now ORDER BY due_us LIMIT :limit",
                   {now_us, limit})) {
        out.push_back({.id = each.take_text(0),
                       .topic = each.take_text(1),
                       .partition = each.integer(2),
                       .offset = each.integer(3),
                       .key = each.take_text(4),
                       .payload = each.take_text(5),
                       .traceparent = each.take_text(6),
                       .attempts = each.integer(7),
                       .due_us = each.integer(8),
                       .reason = each.take_text(9)});
    }
    return out;
}

void parked::postpone(std::string_view id, std::int64_t due_us, std::string_view reason) {
    on_.execute("UPDATE parked SET attempts = attempts + 1, due_us = :due, reason = :reason WHERE event_id = :id",
                {due_us, reason, id});
}

bool parked::remove(std::string_view id) { return on_.execute("DELETE FROM parked WHERE event_id = :id", {id}) == 1; }

std::int64_t parked::count() { return on_.one("SELECT COUNT(*) FROM parked")->integer(0); }

} // namespace moving::store
