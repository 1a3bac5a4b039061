// SPDX-License-Identifier: Apache-2.0
#include "moving/service/reconciler.hpp"

#include <charconv>
#include <limits>

#include <boost/json/parse.hpp>

#include "moving/store/event_log.hpp"
#include "moving/store/inbox.hpp"
#include "moving/store/marks.hpp"
#include "moving/store/transact.hpp"
#include "moving/text/limits.hpp"
#include "moving/text/time.hpp"

namespace moving::service {

namespace {

namespace json = boost::json;

std::optional<std::int64_t> number_in(std::optional<std::string_view> text, std::int64_t otherwise, std::int64_t most) {
    if (!text) {
        return otherwise;
    }
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size() || value < 0 || value > most) {
        return std::nullopt;
    }
    return value;
}

http::answer page_of(store::session& db, http::request& asked) {
    const auto after = number_in(asked.query("after"), 0, std::numeric_limits<std::int64_t>::max());
    const auto limit = number_in(asked.query("limit"), limits::feed_page, limits::feed_page);
    const auto age_ms = number_in(asked.query("older_than_ms"), limits::feed_delay_us / 1000, 86'400'000);
    if (!after || !limit || !age_ms) {
        return http::problem(400, "after, limit (at most 1000) and older_than_ms must be whole numbers.");
    }
    const auto age_us = std::max(*age_ms * 1000, limits::feed_delay_us);
    json::array events;
    for (auto& entry : store::event_log(db).page(*after, *limit, text::now_us() - age_us)) {
        events.push_back(
            {{"sequence", entry.sequence}, {"id", std::move(entry.id)}, {"topic", std::move(entry.topic)}});
    }
    return http::json(200, {{"events", std::move(events)}});
}

http::answer event_of(store::session& db, http::request& asked) {
    const std::vector<std::string> ids{std::string(asked.path_parameter("id"))};
    const auto found = store::event_log(db).by_ids(ids);
    if (found.empty()) {
        return http::problem(404, "There is no event of this id in the log.");
    }
    return http::json_text(200, found.front().payload);
}

} // namespace

std::vector<http::route> feed_routes() {
    std::vector<http::route> out;
    out.push_back(reading("/events",
                          "The ids of events that this service has told, in order: what others compare themselves with",
                          page_of));
    out.back().parameters = {
        {"after", http::parameter_place::query, false, "The sequence after which the page begins."},
        {"limit", http::parameter_place::query, false, "At most so many; 1000 is the most."},
        {"older_than_ms", http::parameter_place::query, false, "Only events of this age; at least 3000."}};
    out.push_back(reading("/events/{id}", "An event of the log, as it was told", event_of));
    const text::shape entry({text::integer_field("sequence", 1, std::numeric_limits<std::int64_t>::max()),
                             text::text_field("id"), text::text_field("topic")});
    out[0].answers = {with_body(200, "a page of the log",
                                text::shape({text::list_field("events", entry).between(0, limits::feed_page)}))};
    out[1].answers = {{200, "the event, as it went to Kafka", nullptr},
                      {404, "it is not in the log (any more)", nullptr}};
    return out;
}

reconciler::reconciler(const settings& of, const definition& service, intake& into, relay& sender, log::logger& lines)
    : settings_(of),
      intake_(into),
      relay_(sender),
      log_(lines),
      client_({std::chrono::milliseconds(1'000), std::chrono::milliseconds(5'000), 4 * 1024 * 1024}) {
    for (const auto& each : service.subscriptions) {
        sources_[each.source].insert(each.topic);
    }
}

std::size_t reconciler::look(store::session& db) {
    std::size_t repaired = 0;
    for (const auto& [source, topics] : sources_) {
        repaired += look_at(db, source, topics);
    }
    return repaired;
}

std::optional<json::value> reconciler::get(const std::string& source, const std::string& url) {
    const auto answer = client_.get(url);
    boost::system::error_code error;
    if (answer && answer->status == 200) {
        auto value = json::parse(answer->body, error);
        if (!error) {
            silent_.erase(source);
            return value;
        }
    }
    if (silent_.insert(source).second) {
        const auto why = !answer ? answer.error().sentence
                         : error ? error.message()
                                 : "status " + std::to_string(answer->status);
        log_.warning("a service cannot be asked for its events", {{"source", source}, {"url", url}, {"why", why}});
    }
    return std::nullopt;
}

std::size_t reconciler::look_at(store::session& db, const std::string& source, const std::set<std::string>& topics) {
    const auto peer = settings_.peers.find(source);
    if (peer == settings_.peers.end()) {
        return 0;
    }
    const auto name = "feed of " + source;
    std::size_t repaired = 0;
    for (std::int64_t events = limits::feed_page; events == limits::feed_page;) {
        const auto mark =
            store::attempt(db, [&](store::session& on) { return store::marks(on).get(name).value_or(0); });
        if (!mark) {
            return repaired;
        }
        const auto page = get(source, peer->second + "/events?after=" + std::to_string(*mark) +
                                          "&older_than_ms=" + std::to_string(settings_.reconcile_after.count()));
        const auto* list = page && page->is_object() ? page->get_object().if_contains("events") : nullptr;
        if (list == nullptr || !list->is_array()) {
            return repaired;
        }
        std::vector<std::string> ids;
        std::int64_t last = *mark;
        for (const auto& event : list->get_array()) {
            last = event.at("sequence").as_int64();
            if (topics.contains(std::string(event.at("topic").as_string()))) {
                ids.emplace_back(event.at("id").as_string());
            }
        }
        events = static_cast<std::int64_t>(list->get_array().size());
        const auto missing = store::attempt(db, [&](store::session& on) { return store::inbox(on).missing_of(ids); });
        if (!missing) {
            return repaired;
        }
        for (const auto& id : *missing) {
            if (!repair(db, peer->second + "/events/" + id, source, id)) {
                return repaired; // looked at again next time: the mark stays before it
            }
            ++repaired;
        }
        const auto moved = store::transact(db, [&](store::session& on) { store::marks(on).set(name, last); });
        if (!moved || last == *mark) {
            return repaired;
        }
    }
    return repaired;
}

bool reconciler::repair(store::session& db, const std::string& url, const std::string& source, const std::string& id) {
    const auto answer = client_.get(url);
    if (!answer || answer->status != 200) {
        get(source, url); // says why
        return false;
    }
    const auto event = bus::decode(answer->body, bus::check_digest::yes);
    if (!event) {
        log_.error("an event in another's log is not sound",
                   {{"source", source}, {"event_id", id}, {"why", event.error().sentence}});
        return true;
    }
    const auto began = text::now_us();
    // The topic is that of the subscription to this type: the feed said that it is one of ours.
    std::vector<outgoing> told;
    const auto became = store::transact(db, [&](store::session& on) {
        told.clear();
        return intake_.take_from_feed(on, *event, answer->body, told);
    });
    if (!became) {
        log_.warning("an event could not be repaired", {{"event_id", id}, {"why", became.error().sentence}});
        return false;
    }
    relay_.hand_over(std::move(told));
    if (std::string_view(became->what) != "twice") {
        log_.warning("event repaired",
                     {{"trace", became->trace}, {"event_id", id}, {"topic", became->topic}, {"source", source}});
    }
    intake_.report(*became, text::now_us() - began);
    return true;
}

} // namespace moving::service
