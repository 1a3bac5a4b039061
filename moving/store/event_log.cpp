// SPDX-License-Identifier: Apache-2.0
#include "moving/store/event_log.hpp"

#include <algorithm>
#include <iterator>

#include "moving/store/id_lists.hpp"

namespace moving::store {
namespace {

logged_event event_of(row& from) {
    return {.sequence = from.integer(0),
            .id = from.take_text(1),
            .topic = from.take_text(2),
            .key = from.take_text(3),
            .payload = from.take_text(4),
            .traceparent = from.take_text(5),
            .created_us = from.integer(6),
            .instance = from.take_text(7),
            .sent_us = from.maybe_integer(8)};
}

std::vector<logged_event> events_of(rows all) {
    std::vector<logged_event> out;
    out.reserve(all.size());
    std::transform(all.begin(), all.end(), std::back_inserter(out), event_of);
    return out;
}

} // namespace

std::int64_t event_log::append(const new_event& event) {
    const auto place =
        on_.one("INSERT INTO event_log (event_id, topic, event_key, payload, traceparent, created_us, instance,"
                " claimed_us) VALUES (:id, :topic, :key, :payload, :trace, :created, :instance, :created)"
                " RETURNING sequence",
                {event.id, event.topic, event.key, event.payload, event.traceparent, event.created_us, event.instance});
    on_.commit_within(std::chrono::microseconds(limits::log_transaction_us));
    return place->integer(0);
}

std::vector<logged_event> event_log::unsent(std::int64_t older_than_us, std::int64_t limit) {
    return events_of(
        on_.query("SELECT sequence, event_id, topic, event_key, payload, traceparent, created_us, instance, sent_us"
                  " FROM event_log WHERE sent_us IS NULL AND created_us < :older ORDER BY sequence LIMIT :limit",
                  {older_than_us, limit}));
}

std::vector<logged_event> event_log::claim(std::string_view instance, std::int64_t now_us, std::int64_t older_than_us,
                                           std::int64_t limit) {
    // The condition stands twice: who waited for another to take a row looks at the row again, not at the list.
    auto taken = events_of(on_.query(
        "UPDATE event_log SET instance = :instance, claimed_us = :now WHERE sequence IN (SELECT sequence FROM event_log"
        " WHERE sent_us IS NULL AND claimed_us < :older ORDER BY sequence LIMIT :limit) AND sent_us IS NULL AND "
        "claimed_us < :older"
        " RETURNING sequence, event_id, topic, event_key, payload, traceparent, created_us, instance, sent_us",
        {instance, now_us, older_than_us, limit}));
    std::sort(taken.begin(), taken.end(), [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
    return taken;
}

std::int64_t event_log::unsent_count() {
    return on_.one("SELECT COUNT(*) FROM event_log WHERE sent_us IS NULL")->integer(0);
}

void event_log::mark_sent(std::span<const std::int64_t> sequences, std::int64_t now_us) {
    static const list_statement statement("UPDATE event_log SET sent_us = :now WHERE sequence IN (:ids)");
    statement.for_each_part(sequences, {now_us}, [this](sql text, auto arguments) { on_.execute(text, arguments); });
}

std::vector<feed_entry> event_log::page(std::int64_t after, std::int64_t limit, std::int64_t older_than_us) {
    std::vector<feed_entry> out;
    for (auto& each : on_.query("SELECT sequence, event_id, topic, created_us FROM event_log WHERE sequence > :after"
                                " ORDER BY sequence LIMIT :limit",
                                {after, limit})) {
        if (each.integer(3) >= older_than_us) {
            break; // and what stands after it waits, or it would be passed over
        }
        out.push_back({each.integer(0), each.take_text(1), each.take_text(2)});
    }
    return out;
}

std::vector<logged_event> event_log::by_ids(std::span<const std::string> ids) {
    static const list_statement statement(
        "SELECT sequence, event_id, topic, event_key, payload, traceparent, created_us, instance,"
        " sent_us FROM event_log WHERE event_id IN (:ids) ORDER BY sequence");
    std::vector<logged_event> out;
    statement.for_each_part(ids, {}, [this, &out](sql text, auto arguments) {
        auto part = events_of(on_.query(text, arguments));
        std::move(part.begin(), part.end(), std::back_inserter(out));
    });
    return out;
}

std::int64_t event_log::drop_older_than(std::int64_t older_than_us, std::int64_t limit) {
    // By place: the oldest stand first, so no index by age is needed.
    return on_.execute(
        "DELETE FROM event_log WHERE sequence IN (SELECT sequence FROM event_log WHERE sent_us IS NOT NULL"
        " ORDER BY sequence LIMIT :limit) AND created_us < :older",
        {limit, older_than_us});
}

} // namespace moving::store
