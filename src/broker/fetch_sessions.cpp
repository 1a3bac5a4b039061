// SPDX-License-Identifier: Apache-2.0
#include "broker/fetch_sessions.hpp"

#include "base/limits.hpp"

namespace cb::broker {

std::size_t fetch_session::key_hash::operator()(const key& of) const {
    const auto topic = std::hash<std::string>()(of.topic) ^ std::hash<protocol::uuid>()(of.topic_id);
    return hash_join(topic, static_cast<std::uint64_t>(of.partition));
}

fetch_session::key fetch_session::key_of(const std::string& topic, const protocol::uuid& topic_id,
                                         std::int32_t partition) {
    return {topic_id.is_zero() ? topic : std::string(), topic_id, partition};
}

fetch_partition* fetch_session::find(const std::string& topic, const protocol::uuid& topic_id, std::int32_t partition) {
    const auto found = places_.find(key_of(topic, topic_id, partition));
    return found == places_.end() ? nullptr : &*found->second;
}

void fetch_session::add(fetch_partition fresh) {
    auto at = key_of(fresh.topic, fresh.topic_id, fresh.partition);
    places_.emplace(std::move(at), partitions_.insert(partitions_.end(), std::move(fresh)));
}

void fetch_session::remove(const std::string& topic, const protocol::uuid& topic_id, std::int32_t partition) {
    if (const auto found = places_.find(key_of(topic, topic_id, partition)); found != places_.end()) {
        partitions_.erase(found->second);
        places_.erase(found);
    }
}

void fetch_session::move_to_end(const std::string& topic, const protocol::uuid& topic_id, std::int32_t partition) {
    if (const auto found = places_.find(key_of(topic, topic_id, partition)); found != places_.end()) {
        partitions_.splice(partitions_.end(), partitions_, found->second);
    }
}

fetch_session* fetch_sessions::create(connection_id connection) {
    if (sessions_.size() >= limits::fetch_sessions) {
        return nullptr;
    }
    std::int32_t id = 0;
    do {
        id = static_cast<std::int32_t>(random_.below(0x7fffffff)) + 1;
    } while (sessions_.contains(id));
    auto& made = sessions_[id];
    made.id = id;
    made.connection = connection;
    return &made;
}

fetch_session* fetch_sessions::find(std::int32_t id) {
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? nullptr : &found->second;
}

void fetch_sessions::connection_closed(connection_id connection) {
    std::erase_if(sessions_, [&](const auto& entry) { return entry.second.connection == connection; });
}

} // namespace cb::broker
