// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/audit_topics.hpp"

#include <algorithm>
#include <functional>

#include <boost/json/parse.hpp>

#include "moving/bus/event.hpp"
#include "moving/service/topics.hpp"
#include "moving/text/ids.hpp"
#include "moving/text/limits.hpp"

namespace moving::operate {

namespace {

namespace json = boost::json;

/// A million messages are read and checked within it, and by a margin.
constexpr int read_wait_ms = 120'000;
/// Places that are told of one witness: a copy more explains nothing more.
constexpr std::size_t places_of_witness = 5;

/// The 128 bits of a UUID; of an id that is none (it was changed on the way) two hashes.
std::pair<std::uint64_t, std::uint64_t> bits_of(std::string_view id) {
    if (!text::is_uuid(id)) {
        const auto hash = std::hash<std::string_view>();
        return {hash(id), hash(id.substr(id.size() / 2))};
    }
    std::pair<std::uint64_t, std::uint64_t> out{0, 0};
    for (const char c : id) {
        if (c != '-') {
            const auto digit = static_cast<std::uint64_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
            out.first = out.first << 4 | out.second >> 60;
            out.second = out.second << 4 | digit;
        }
    }
    return out;
}

std::string place_key(std::string_view topic, std::string_view key) {
    return std::string(topic) + '\n' + std::string(key);
}

} // namespace

std::string reason_without_ids(std::string_view reason) {
    std::string out;
    while (!reason.empty()) {
        const auto end = std::min(reason.find(' '), reason.size());
        const auto word = reason.substr(0, end);
        const bool has_digit = word.find_first_of("0123456789") != std::string_view::npos;
        out += out.empty() ? "" : " ";
        out += has_digit ? "…" : word;
        reason.remove_prefix(std::min(end + 1, reason.size()));
    }
    return out;
}

topic_census::topic_census(audit_findings& findings) {
    for (const auto& topic : service::topics::all) {
        topics_[topic];
    }
    for (auto* each : findings.all()) {
        for (auto& witness : each->witnesses) {
            if (!witness.key.empty()) {
                witnesses_.emplace(place_key(witness.topic, witness.key), &witness);
            }
        }
    }
}

void topic_census::see(const bus::message& record) {
    auto& topic = topics_[record.topic];
    ++topic.facts.messages;
    if (record.topic == service::topics::dead_letters) {
        see_dead_letter(record);
        return;
    }
    const auto sound = bus::decode(record.value, bus::check_digest::yes);
    if (sound) {
        topic.ids.push_back(bits_of(sound->id));
        show_to_witnesses(record, sound->type, sound->id);
        return;
    }
    ++topic.facts.changed;
    if (const auto changed = bus::decode(record.value, bus::check_digest::no)) {
        show_to_witnesses(record, changed->type, changed->id);
    }
}

void topic_census::see_dead_letter(const bus::message& record) {
    boost::system::error_code error;
    const auto letter = json::parse(record.value, error);
    const auto* members = error ? nullptr : letter.if_object();
    const auto* reason = members != nullptr ? members->if_contains("reason") : nullptr;
    auto text = reason != nullptr && reason->is_string() ? reason_without_ids(std::string_view(reason->get_string()))
                                                         : std::string("(no letter of ours)");
    if (reasons_.size() >= limits::audited_reasons && !reasons_.contains(text)) {
        text = "(other reasons)";
    }
    ++reasons_[text];
}

void topic_census::show_to_witnesses(const bus::message& record, const std::string& type, const std::string& event_id) {
    const auto [begin, end] = witnesses_.equal_range(place_key(record.topic, record.key));
    for (auto found = begin; found != end; ++found) {
        auto& witness = *found->second;
        if (witness.type != type) {
            continue;
        }
        // Nothing else tells which event it was (naive delivery keeps no log): the first of its key.
        if (witness.event_id.empty()) {
            witness.event_id = event_id;
        }
        if (witness.event_id == event_id && witness.places.size() < places_of_witness) {
            witness.places.push_back({record.partition, record.offset});
        }
    }
}

topics_report topic_census::finish() {
    topics_report out;
    for (auto& [name, topic] : topics_) {
        std::sort(topic.ids.begin(), topic.ids.end());
        for (auto first = topic.ids.begin(); first != topic.ids.end();) {
            const auto after = std::find_if(first, topic.ids.end(), [&](const auto& id) { return id != *first; });
            ++topic.facts.events;
            topic.facts.more_than_once += after - first > 1 ? 1 : 0;
            first = after;
        }
        topic.ids = {};
        out.topics[name] = topic.facts;
    }
    out.dead_letters = std::move(reasons_);
    return out;
}

tl::expected<topics_report, std::string> read_topics(const std::string& brokers, audit_findings& findings) {
    bus::kafka_settings settings;
    settings.brokers = brokers;
    settings.client_id = "moving-audit";
    topic_census census(findings);
    const auto read = bus::read_all(
        settings, service::topics::all, [&](const bus::message& record) { census.see(record); }, read_wait_ms);
    if (!read) {
        return tl::make_unexpected("the topics at " + brokers + " cannot be read: " + read.error());
    }
    return census.finish();
}

} // namespace moving::operate
