// SPDX-License-Identifier: Apache-2.0
#include "moving/matching/matching.hpp"

#include <boost/json/serialize.hpp>

#include "moving/matching/waiting_list.hpp"
#include "moving/service/event_shapes.hpp"
#include "moving/service/page.hpp"
#include "moving/service/topics.hpp"
#include "moving/text/time.hpp"

namespace moving::matching {

namespace {

namespace json = boost::json;
using service::outcome;
using service::unit_of_work;
using store::session;

const text::shape& waiting_answer() {
    static const text::shape shape(
        {text::text_field("announcement"), text::one_of_field("type", {"GOOD", "COURSE"}), text::text_field("owner"),
         service::event_shapes::place_field("from"), service::event_shapes::place_field("to"),
         text::date_field("earliest"), text::date_field("latest"),
         text::integer_field("litres", 1, 5'000).described("the size of a good, the room left of a course"),
         text::text_field("since")});
    return shape;
}

std::vector<store::migration> tables() {
    return {
        {store::first_service_version,
         "waiting list",
         {"CREATE TABLE waiting (id SEQUENCE_KEY, announcement TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL,"
          " from_place TEXT NOT NULL, to_place TEXT NOT NULL, earliest TEXT NOT NULL, latest TEXT NOT NULL,"
          " litres BIGINT NOT NULL, traceparent TEXT NOT NULL, state TEXT NOT NULL, since_us BIGINT NOT NULL)",
          "CREATE INDEX waiting_by_way ON waiting (kind, state, from_place, to_place)",
          "CREATE INDEX waiting_by_end ON waiting (kind, state, to_place)",
          "CREATE INDEX waiting_by_announcement ON waiting (announcement)",
          "CREATE TABLE matched (id SEQUENCE_KEY, good TEXT NOT NULL, content TEXT NOT NULL, event_id TEXT NOT NULL,"
          " at_us BIGINT NOT NULL)",
          "CREATE INDEX matched_by_good ON matched (good)",
          // One row: whoever changes it is alone with the waiting list.
          "CREATE TABLE meeting (visits BIGINT NOT NULL)", "INSERT INTO meeting (visits) VALUES (0)"}}};
}

waiting waiting_of(const json::object& data, const unit_of_work& work) {
    const auto text = [&data](const char* name) { return std::string(data.at(name).as_string()); };
    return {text("id"),
            text("owner"),
            text("from"),
            text("to"),
            text("earliest"),
            text("latest"),
            data.at("litres").as_int64(),
            work.trace().traceparent()};
}

json::object announcement_of(const waiting& of, const char* kind) {
    return {{"id", of.announcement},   {"type", kind},        {"owner", of.owner},  {"from", of.from}, {"to", of.to},
            {"earliest", of.earliest}, {"latest", of.latest}, {"litres", of.litres}};
}

/// The match belongs to the trace of the good: it is its owner who wants to know.
void tell_match(unit_of_work& work, waiting_list& list, const pairing& made) {
    list.settle(made);
    json::array legs;
    for (const auto& leg : made.legs) {
        legs.push_back({{"course", leg.announcement}, {"driver", leg.owner}, {"from", leg.from}, {"to", leg.to}});
    }
    json::object data{{"good", announcement_of(made.good, "GOOD")}, {"legs", std::move(legs)}};
    const auto content = json::serialize(data);
    const auto before = work.trace();
    if (auto of_good = text::trace_context::parse(made.good.traceparent)) {
        work.belongs_to(*of_good);
    }
    const auto event = work.tell(service::topics::announcement_matched, "announcement_matched", made.good.announcement,
                                 std::move(data));
    work.db().execute("INSERT INTO matched (good, content, event_id, at_us) VALUES (:good, :content, :event, :now)",
                      {made.good.announcement, content, event, work.now_us()});
    work.log().info("matched", {{"trace", work.trace().trace_id},
                                {"good", made.good.announcement},
                                {"legs", made.legs.size()},
                                {"course", made.legs.front().announcement},
                                {"event_id", event}});
    work.belongs_to(before);
}

outcome take_announcement(unit_of_work& work, const bus::event& event) {
    waiting_list list(work.db());
    const auto announced = waiting_of(event.data, work);
    const bool good = event.data.at("type").as_string() == "GOOD";
    if (work.safe()) {
        list.lock();
    }
    if (good) {
        list.add_good(announced, work.now_us());
        if (const auto found = list.for_good(announced)) {
            tell_match(work, list, *found);
        }
        return outcome::done();
    }
    list.add_course(announced, work.now_us());
    // A course has room for several.
    for (auto course = announced; course.litres > 0;) {
        const auto found = list.for_course(course);
        if (!found) {
            break;
        }
        tell_match(work, list, *found);
        course.litres -= found->good.litres;
    }
    return outcome::done();
}

outcome take_cancellation(unit_of_work& work, const bus::event& event) {
    waiting_list list(work.db());
    const std::string id(event.data.at("id").as_string());
    if (work.safe()) {
        list.lock();
        if (!list.knows(id)) {
            return outcome::not_yet("the announcement " + id + " has not come yet");
        }
    }
    if (!list.withdraw(id)) {
        work.log().info("cancelled too late", {{"trace", work.trace().trace_id}, {"announcement", id}});
    }
    return outcome::done();
}

http::answer show_match(session& db, http::request& asked) {
    const auto good = asked.path_parameter("good");
    const auto row = db.one("SELECT content FROM matched WHERE good = :good ORDER BY id LIMIT 1", {good});
    if (!row) {
        return http::problem(404, "The good \"" + std::string(good) + "\" has no match (yet).");
    }
    return http::json_text(200, row->text(0));
}

http::answer list_waiting(session& db, http::request& asked) {
    const auto page = service::page_of(asked);
    if (!page) {
        return service::bad_page();
    }
    json::array out;
    for (const auto& row : db.query(
             "SELECT announcement, kind, owner, from_place, to_place, earliest, latest, litres, since_us FROM waiting"
             " WHERE state = 'WAITING' AND announcement > :after ORDER BY announcement LIMIT :limit",
             {page->after, page->limit})) {
        out.push_back({{"announcement", row.text(0)},
                       {"type", row.text(1)},
                       {"owner", row.text(2)},
                       {"from", row.text(3)},
                       {"to", row.text(4)},
                       {"earliest", row.text(5)},
                       {"latest", row.text(6)},
                       {"litres", row.integer(7)},
                       {"since", text::rfc3339(row.integer(8))}});
    }
    return http::json(200, {{"waiting", std::move(out)}});
}

} // namespace

service::definition define(const service::settings&) {
    service::definition out;
    out.name = "matching";
    out.tables = tables();
    out.routes = {service::answering(
                      service::reading("/match/{good}", "The match of a good", show_match),
                      {service::with_body(200, "the good and its legs", service::event_shapes::announcement_matched()),
                       {404, "it has no match (yet)", nullptr}}),
                  service::answering(service::listing("/waiting", "Who waits", list_waiting),
                                     {service::with_list("waiting", waiting_answer())})};
    out.subscriptions = {{service::topics::announcement_created, "announcement_created", "announcement",
                          &service::event_shapes::announcement_created(), take_announcement},
                         {service::topics::announcement_created, "announcement_cancelled", "announcement",
                          &service::event_shapes::announcement_cancelled(), take_cancellation}};
    return out;
}

} // namespace moving::matching
