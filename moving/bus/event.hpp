// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <tl/expected.hpp>

namespace moving::bus {

/// What a service tells the others. On the wire it is one JSON object with these members and `digest`:
///   {"id":"…","type":"announcement_created","version":1,"time":"…","source":"announcement","traceparent":"…","key":"…",
///    "data":{…},"digest":"sha256:…"}
struct event {
    std::string id;   ///< UUID; the same for every copy of the event
    std::string type; ///< what `data` is: announcement_created, announcement_cancelled …
    std::int64_t version = 1;
    std::string time;        ///< RFC 3339
    std::string source;      ///< the service that tells it
    std::string traceparent; ///< W3C Trace Context of the journey
    std::string key;         ///< Kafka's key: what must stay in order has the same
    boost::json::object data;

    /// Events are told apart from what was changed on the way by a digest over all members but itself.
    [[nodiscard]] std::string encode() const;
};

/// Why bytes are not an event of ours.
struct flaw {
    enum class kind { not_json, shape, digest } what;
    std::string sentence;
};

enum class check_digest { yes, no };

/// Reads an event. `no` is what a hurried team does: whatever has the members is believed.
tl::expected<event, flaw> decode(std::string_view bytes, check_digest check);

} // namespace moving::bus
