// SPDX-License-Identifier: Apache-2.0
#include "load/event_indexer.hpp"

#include <algorithm>
#include <array>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>

namespace cb::load {

std::string_view event_view::value() const {
    return message_.payload == nullptr ? std::string_view()
                                       : std::string_view(static_cast<const char*>(message_.payload), message_.len);
}

std::optional<std::string_view> event_view::key() const {
    if (message_.key == nullptr) {
        return std::nullopt;
    }
    return std::string_view(static_cast<const char*>(message_.key), message_.key_len);
}

std::optional<std::string_view> event_view::header(const std::string& name) const {
    rd_kafka_headers_t* headers = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    if (rd_kafka_message_headers(&message_, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name.c_str(), &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        value == nullptr) {
        return std::nullopt;
    }
    return std::string_view(static_cast<const char*>(value), size);
}

event_indexer::event_indexer(const std::vector<awaited_index>& awaited) {
    for (std::size_t id = 0; id < awaited.size(); ++id) {
        auto topic = std::find(topics_.begin(), topics_.end(), awaited[id].topic) - topics_.begin();
        if (static_cast<std::size_t>(topic) == topics_.size()) {
            topics_.push_back(awaited[id].topic);
            of_topic_.emplace_back();
        }
        index made{static_cast<std::uint16_t>(id), {}, false};
        for (const auto& each : awaited[id].fields) {
            field wanted{each.where, each.path, std::nullopt};
            if (each.where == awaited_field::place::json) {
                std::string wrong; // paths were looked at when the scenario was read
                wanted.path = json_path::parse(each.path, wrong);
                made.wants_json = true;
            }
            made.fields.push_back(std::move(wanted));
        }
        of_topic_[static_cast<std::size_t>(topic)].push_back(std::move(made));
    }
}

event_indexer::reading event_indexer::keys(std::size_t topic, const event_view& event, std::vector<await_key>& out) {
    out.clear();
    const auto& indexes = of_topic_[topic];
    std::array<unsigned char, 8192> memory;
    boost::json::monotonic_resource resource(memory.data(), memory.size());
    boost::json::value body(&resource);
    auto outcome = reading::done;
    if (std::any_of(indexes.begin(), indexes.end(), [](const index& each) { return each.wants_json; })) {
        boost::json::error_code error;
        body = boost::json::parse(event.value(), error, &resource);
        outcome = error ? reading::no_json : reading::done;
    }
    const auto text_of = [&](const field& wanted) -> std::optional<std::string_view> {
        switch (wanted.where) {
        case awaited_field::place::key: return event.key();
        case awaited_field::place::header: return event.header(wanted.header);
        case awaited_field::place::json: break;
        }
        const auto* found = wanted.path->find(body);
        return found != nullptr ? std::optional(json_text(*found, room_)) : std::nullopt;
    };
    for (const auto& each : indexes) {
        if (each.wants_json && outcome == reading::no_json) {
            continue;
        }
        auto key = await_key::of_index(each.id);
        const bool complete = std::all_of(each.fields.begin(), each.fields.end(), [&](const field& wanted) {
            const auto text = text_of(wanted);
            if (text) {
                key.add(*text);
            }
            return text.has_value();
        });
        if (complete) {
            out.push_back(key);
        }
    }
    return outcome;
}

} // namespace cb::load
