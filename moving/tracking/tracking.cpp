// SPDX-License-Identifier: Apache-2.0
#include "moving/tracking/tracking.hpp"

#include <boost/json/serialize.hpp>

#include "moving/service/event_shapes.hpp"
#include "moving/service/page.hpp"
#include "moving/service/topics.hpp"
#include "moving/text/time.hpp"
#include "moving/tracking/move.hpp"

namespace moving::tracking {

namespace {

namespace json = boost::json;
using service::outcome;
using service::unit_of_work;
using store::session;

const text::shape& state_body() {
    static const text::shape shape({text::one_of_field("state", service::event_shapes::states())});
    return shape;
}

const text::shape& waypoint_body() {
    static const text::shape shape({service::event_shapes::place_field("place"), text::text_field("note").optional()});
    return shape;
}

const text::shape& incident_body() {
    static const text::shape shape({text::text_field("note"), service::event_shapes::place_field("place").optional()});
    return shape;
}

const text::shape& move_answer() {
    static const text::shape shape(
        {text::text_field("good"), text::text_field("owner"),
         text::one_of_field("state", service::event_shapes::states()),
         text::integer_field("version", 1, 1'000'000).described("counts what happened to the move"),
         text::list_field("legs", text::shape({text::text_field("course"), text::text_field("driver"),
                                               service::event_shapes::place_field("from"),
                                               service::event_shapes::place_field("to")})),
         text::text_field("updated")});
    return shape;
}

const text::shape& short_move_answer() {
    static const text::shape shape({text::text_field("good"), text::text_field("owner"),
                                    text::one_of_field("state", service::event_shapes::states()),
                                    text::integer_field("version", 1, 1'000'000)});
    return shape;
}

const text::shape& history_answer() {
    static const text::shape happening({text::one_of_field("kind", {"state", "waypoint", "incident"}),
                                        text::one_of_field("state", service::event_shapes::states()),
                                        text::integer_field("version", 1, 1'000'000), text::text_field("at"),
                                        text::text_field("place").optional(), text::text_field("note").optional()});
    static const text::shape shape({text::text_field("good"), text::list_field("history", happening)});
    return shape;
}

std::vector<store::migration> tables() {
    return {
        {store::first_service_version,
         "moves",
         {"CREATE TABLE move (good TEXT PRIMARY KEY, owner TEXT NOT NULL, state TEXT NOT NULL, version BIGINT NOT NULL,"
          " litres BIGINT NOT NULL, legs TEXT NOT NULL, traceparent TEXT NOT NULL, opened_us BIGINT NOT NULL,"
          " updated_us BIGINT NOT NULL) KEYED",
          "CREATE INDEX move_by_owner ON move (owner, good)",
          "CREATE TABLE driven (id SEQUENCE_KEY, good TEXT NOT NULL, driver TEXT NOT NULL)",
          "CREATE INDEX driven_by_driver ON driven (driver, good)",
          "CREATE TABLE happening (id SEQUENCE_KEY, good TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,"
          " version BIGINT NOT NULL, place TEXT, note TEXT, at_us BIGINT NOT NULL)",
          "CREATE INDEX happening_by_good ON happening (good, id)"}}};
}

/// Put together by hand: this is what everybody asks for, again and again.
std::string text_of(const move& of) {
    std::string out = R"({"good":)" + json::serialize(json::string(of.good)) + R"(,"owner":)" +
                      json::serialize(json::string(of.owner));
    out += R"(,"state":")" + of.state + R"(","version":)" + std::to_string(of.version) + R"(,"legs":)" + of.legs;
    out += R"(,"updated":")" + text::rfc3339(of.updated_us) + "\"}";
    return out;
}

http::answer none(std::string_view good) {
    return http::problem(404, "No move of the good \"" + std::string(good) + "\" is followed (yet).");
}

http::answer show(session& db, http::request& asked) {
    const auto good = asked.path_parameter("good");
    const auto found = find_move(db, good);
    return found ? http::json_text(200, text_of(*found)) : none(good);
}

http::answer history(session& db, http::request& asked) {
    const auto good = asked.path_parameter("good");
    if (!find_move(db, good)) {
        return none(good);
    }
    json::array out;
    for (const auto& row : db.query(
             "SELECT kind, state, version, place, note, at_us FROM happening WHERE good = :good ORDER BY id", {good})) {
        json::object each{{"kind", row.text(0)},
                          {"state", row.text(1)},
                          {"version", row.integer(2)},
                          {"at", text::rfc3339(row.integer(5))}};
        if (const auto place = row.maybe_text(3)) {
            each["place"] = *place;
        }
        if (const auto note = row.maybe_text(4)) {
            each["note"] = *note;
        }
        out.push_back(std::move(each));
    }
    return http::json(200, {{"good", good}, {"history", std::move(out)}});
}

http::answer list(session& db, http::request& asked) {
    const auto page = service::page_of(asked);
    if (!page) {
        return service::bad_page();
    }
    const auto owner = asked.query("owner");
    const auto driver = asked.query("driver");
    if (owner.has_value() == driver.has_value()) {
        return http::problem(400, "Say whose: owner=NAME or driver=NAME.");
    }
    const auto rows =
        owner ? db.query("SELECT good FROM move WHERE owner = :owner AND good > :after ORDER BY good LIMIT :limit",
                         {*owner, page->after, page->limit})
              : db.query("SELECT good FROM driven WHERE driver = :driver AND good > :after ORDER BY good LIMIT :limit",
                         {*driver, page->after, page->limit});
    json::array moves;
    for (const auto& row : rows) {
        if (const auto found = find_move(db, row.text(0))) {
            moves.push_back(
                {{"good", found->good}, {"owner", found->owner}, {"state", found->state}, {"version", found->version}});
        }
    }
    return http::json(200, {{"moves", std::move(moves)}});
}

/// A step that was taken already is answered like the first time: whoever lost the answer asks again.
http::answer step(unit_of_work& work, http::request& asked) {
    const auto good = asked.path_parameter("good");
    auto found = find_move(work.db(), good);
    if (!found) {
        return none(good);
    }
    const std::string wanted(asked.json().at("state").as_string());
    if (wanted == found->state) {
        return http::json_text(200, text_of(*found));
    }
    if (!is_next_state(found->state, wanted)) {
        return http::problem(409, "From " + found->state + " a move does not go to " + wanted +
                                      ": the order is RECEIVED, STARTED, DELIVERING, DELIVERED, CONFIRMED.");
    }
    happen(work, *found, {"state", wanted, std::nullopt, std::nullopt});
    return http::json_text(200, text_of(*found));
}

std::optional<std::string> text_in(const json::object& body, const char* name) {
    const auto* value = body.if_contains(name);
    return value != nullptr && value->is_string() ? std::optional(std::string(value->get_string())) : std::nullopt;
}

http::answer add_happening(unit_of_work& work, http::request& asked, const char* kind) {
    const auto good = asked.path_parameter("good");
    auto found = find_move(work.db(), good);
    if (!found) {
        return none(good);
    }
    if (is_over(found->state)) {
        return http::problem(409, "The move is confirmed: nothing can happen to it any more.");
    }
    const auto& body = asked.json().as_object();
    happen(work, *found, {kind, found->state, text_in(body, "place"), text_in(body, "note")});
    return http::json_text(201, text_of(*found)).with("Location", "/tracking/" + found->good + "/history");
}

/// The stream begins with where the move is now; its ids are versions.
http::answer follow(session& db, http::request& asked) {
    const std::string good(asked.path_parameter("good"));
    const auto found = find_move(db, good);
    if (!found) {
        return none(good);
    }
    auto out = http::subscribe(good, {{"state", std::to_string(found->version), text_of(*found)}});
    out.stream->ids_rise = true; // an update that Kafka brings late, or twice, does not set a reader back
    return out;
}

void show_to_followers(const bus::event& event, http::event_hub& hub) {
    const auto* good = event.data.if_contains("good");
    const auto* version = event.data.if_contains("version");
    const auto* kind = event.data.if_contains("kind");
    if (good != nullptr && good->is_string() && version != nullptr && version->is_int64() && kind != nullptr &&
        kind->is_string()) {
        hub.publish(
            std::string(good->get_string()),
            {std::string(kind->get_string()), std::to_string(version->get_int64()), json::serialize(event.data)});
    }
}

outcome open_move(unit_of_work& work, const bus::event& event) {
    const auto& good = event.data.at("good").as_object();
    const auto& legs = event.data.at("legs").as_array();
    move opening;
    opening.good = good.at("id").as_string();
    opening.owner = good.at("owner").as_string();
    opening.state = service::event_shapes::states().front();
    opening.version = 1;
    opening.litres = good.at("litres").as_int64();
    opening.legs = json::serialize(legs);
    opening.traceparent = work.trace().traceparent();
    if (work.safe()) {
        const auto rows = work.db().execute(
            "INSERT INTO move (good, owner, state, version, litres, legs, traceparent, opened_us, updated_us)"
            " VALUES (:good, :owner, :state, :version, :litres, :legs, :traceparent, :now, :now) ON CONFLICT (good) DO "
            "NOTHING",
            {opening.good, opening.owner, opening.state, opening.version, opening.litres, opening.legs,
             opening.traceparent, work.now_us()});
        if (rows == 0) {
            return outcome::poison("the good " + opening.good + " is moved already: it was matched twice");
        }
    } else {
        // "Save": whatever was there is replaced.
        work.db().execute(
            "INSERT INTO move (good, owner, state, version, litres, legs, traceparent, opened_us, updated_us)"
            " VALUES (:good, :owner, :state, :version, :litres, :legs, :traceparent, :now, :now) ON CONFLICT (good) DO "
            "UPDATE SET"
            " owner = excluded.owner, state = excluded.state, version = excluded.version, litres = excluded.litres,"
            " legs = excluded.legs, traceparent = excluded.traceparent, updated_us = excluded.updated_us",
            {opening.good, opening.owner, opening.state, opening.version, opening.litres, opening.legs,
             opening.traceparent, work.now_us()});
    }
    for (const auto& leg : legs) {
        work.db().execute("INSERT INTO driven (good, driver) VALUES (:good, :driver)",
                          {opening.good, std::string_view(leg.at("driver").as_string())});
    }
    opened(work, opening);
    return outcome::done();
}

std::vector<http::route> routes() {
    using namespace service;
    const http::possible_answer unknown{404, "no move of this good is followed (yet)", nullptr};
    const http::possible_answer over{409, "the move is confirmed", nullptr};
    const auto move = [](int status, const char* description) { return with_body(status, description, move_answer()); };
    const auto add = [](const char* kind) {
        return [kind](unit_of_work& work, http::request& asked) { return add_happening(work, asked, kind); };
    };
    return {
        answering(listing("/tracking", "Moves of an owner or a driver", list,
                          {{"owner", http::parameter_place::query, false, "Only this owner's."},
                           {"driver", http::parameter_place::query, false, "Only those that he drives."}}),
                  {with_list("moves", short_move_answer())}),
        answering(reading("/tracking/{good}", "Where a move is", show), {move(200, "the move"), unknown}),
        answering(reading("/tracking/{good}/history", "All that happened to a move", history),
                  {with_body(200, "what happened, in order", history_answer()), unknown}),
        answering(streaming("/tracking/{good}/events", "What happens to a move, as it happens", follow),
                  {{200, "server-sent events: first where the move is, then each update", nullptr, "text/event-stream"},
                   unknown}),
        answering(writing(http::verb::patch, "/tracking/{good}", "The next step of a move", &state_body(), step),
                  {move(200, "the move after it"), unknown, {409, "that step is not the next one", nullptr}}),
        answering(writing(http::verb::post, "/tracking/{good}/waypoints", "The move has passed a town",
                          &waypoint_body(), add("waypoint")),
                  {move(201, "the move after it"), unknown, over}),
        answering(writing(http::verb::post, "/tracking/{good}/incidents", "Something went wrong", &incident_body(),
                          add("incident")),
                  {move(201, "the move after it"), unknown, over})};
}

} // namespace

service::definition define(const service::settings&) {
    service::definition out;
    out.name = "tracking";
    out.tables = tables();
    out.routes = routes();
    out.subscriptions = {{service::topics::announcement_matched, "announcement_matched", "matching",
                          &service::event_shapes::announcement_matched(), open_move}};
    out.watched_topics = {service::topics::tracking_updated};
    out.watched = show_to_followers;
    return out;
}

} // namespace moving::tracking
