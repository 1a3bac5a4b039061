// SPDX-License-Identifier: Apache-2.0
#include "moving/service/unit_of_work.hpp"

#include "moving/bus/event.hpp"
#include "moving/store/event_log.hpp"
#include "moving/text/ids.hpp"
#include "moving/text/time.hpp"

namespace moving::service {

std::string unit_of_work::tell(const std::string& topic, const std::string& type, const std::string& key,
                               boost::json::object data) {
    bus::event event;
    event.id = text::new_id();
    event.type = type;
    event.time = text::rfc3339(now_us_);
    event.source = settings_.service;
    event.traceparent = trace_.child().traceparent();
    event.key = key;
    event.data = std::move(data);
    auto payload = event.encode();
    keep({0, event.id, topic, key, event.traceparent, std::move(payload)});
    return event.id;
}

void unit_of_work::tell_raw(const std::string& topic, const std::string& key, std::string payload) {
    keep({0, text::new_id(), topic, key, trace_.child().traceparent(), std::move(payload)});
}

void unit_of_work::keep(outgoing event) {
    if (safe()) {
        event.sequence = store::event_log(session_).append(
            {event.id, event.topic, event.key, event.payload, event.traceparent, now_us_, settings_.instance});
    }
    told_.push_back(std::move(event));
}

} // namespace moving::service
