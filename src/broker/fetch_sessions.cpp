// SPDX-License-Identifier: Apache-2.0
#include "broker/fetch_sessions.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace cb::broker {

std::list<fetch_partition>::iterator fetch_session::place_of(const std::string& topic, const protocol::uuid& topic_id,
                                                             std::int32_t partition) {
    return std::find_if(partitions.begin(), partitions.end(), [&](const fetch_partition& each) {
        return each.partition == partition && (topic_id.is_zero() ? each.topic == topic : each.topic_id == topic_id);
    });
}

fetch_partition* fetch_session::find(const std::string& topic, const protocol::uuid& topic_id, std::int32_t partition) {
    const auto found = place_of(topic, topic_id, partition);
    return found == partitions.end() ? nullptr : &*found;
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
