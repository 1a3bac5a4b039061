// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "moving/store/session.hpp"

namespace moving::store {

/// An event of ours before it has a place in the log.
struct new_event {
    std::string_view id = {};
    std::string_view topic = {};
    std::string_view key = {};
    std::string_view payload = {}; ///< the whole event as it goes over the wire
    std::string_view traceparent = {};
    std::int64_t created_us = 0;
    std::string_view instance = {};
};

struct logged_event {
    std::int64_t sequence = 0;
    std::string id;
    std::string topic;
    std::string key;
    std::string payload;
    std::string traceparent;
    std::int64_t created_us = 0;
    std::string instance; ///< who sends it: who wrote it, or who took it over
    std::optional<std::int64_t> sent_us;
};

/// Where the feed stands: the events of a page, and after which sequence to go on.
struct feed_entry {
    std::int64_t sequence = 0;
    std::string id;
    std::string topic;
};

/// The events that this service has published: its outbox, and the feed that others compare themselves with.
/// Written in the transaction of the effect. Owner: whoever has the session; holds nothing.
class event_log {
public:
    explicit event_log(session& on) : on_(on) {}

    /// Its place in the log.
    std::int64_t append(const new_event& event);

    /// Not sent and written before `older_than_us`, in order.
    std::vector<logged_event> unsent(std::int64_t older_than_us, std::int64_t limit);
    /// Takes over what is not sent and was neither written nor taken over since `older_than_us`: its instance has died
    /// or is stuck. Of several that ask at once one gets each event. In order.
    std::vector<logged_event> claim(std::string_view instance, std::int64_t now_us, std::int64_t older_than_us,
                                    std::int64_t limit);
    /// How many are not sent.
    std::int64_t unsent_count();
    void mark_sent(std::span<const std::int64_t> sequences, std::int64_t now_us);

    /// The feed: what stands after `after`, in order, up to the first that is not older than `older_than_us`. With an
    /// age above the longest transaction nothing can appear behind what was read.
    std::vector<feed_entry> page(std::int64_t after, std::int64_t limit, std::int64_t older_than_us);
    std::vector<logged_event> by_ids(std::span<const std::string> ids);

    /// Removes up to `limit` that are sent and older; how many it removed.
    std::int64_t drop_older_than(std::int64_t older_than_us, std::int64_t limit);

private:
    session& on_;
};

} // namespace moving::store
