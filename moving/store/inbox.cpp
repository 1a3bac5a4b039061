// SPDX-License-Identifier: Apache-2.0
#include "moving/store/inbox.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "moving/store/id_lists.hpp"

namespace moving::store {

bool inbox::add_if_new(std::string_view event_id, std::string_view topic, std::int64_t partition, std::int64_t offset,
                       std::int64_t now_us) {
    return on_.execute("INSERT INTO inbox (event_id, topic, topic_partition, topic_offset, received_us)"
                       " VALUES (:id, :topic, :partition, :offset, :now) ON CONFLICT (event_id) DO NOTHING",
                       {event_id, topic, partition, offset, now_us}) == 1;
}

bool inbox::contains(std::string_view event_id) {
    return on_.one("SELECT 1 FROM inbox WHERE event_id = :id", {event_id}).has_value();
}

std::vector<std::string> inbox::missing_of(std::span<const std::string> ids) {
    static const list_statement statement("SELECT event_id FROM inbox WHERE event_id IN (:ids)");
    std::unordered_set<std::string> there;
    statement.for_each_part(ids, {}, [this, &there](sql text, auto arguments) {
        for (auto& each : on_.query(text, arguments)) {
            there.insert(each.take_text(0));
        }
    });
    std::vector<std::string> missing;
    std::copy_if(ids.begin(), ids.end(), std::back_inserter(missing),
                 [&there](const auto& id) { return !there.contains(id); });
    return missing;
}

std::int64_t inbox::drop_older_than(std::int64_t older_than_us, std::int64_t limit) {
    return on_.execute("DELETE FROM inbox WHERE event_id IN (SELECT event_id FROM inbox WHERE received_us < :older"
                       " ORDER BY received_us LIMIT :limit)",
                       {older_than_us, limit});
}

} // namespace moving::store
