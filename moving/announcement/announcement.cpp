// SPDX-License-Identifier: Apache-2.0
#include "moving/announcement/announcement.hpp"

#include "moving/announcement/effects.hpp"
#include "moving/service/event_shapes.hpp"
#include "moving/service/page.hpp"
#include "moving/service/topics.hpp"
#include "moving/text/ids.hpp"
#include "moving/text/time.hpp"

namespace moving::announcement {

namespace {

namespace json = boost::json;
using service::unit_of_work;
using store::session;

constexpr std::int64_t most_litres = 5'000;

const text::shape& announcement_body() {
    static const text::shape shape(
        {text::one_of_field("type", {"GOOD", "COURSE"}).described("GOOD: to be moved; COURSE: a trip with room"),
         text::text_field("owner").between(1, 64), service::event_shapes::place_field("from"),
         service::event_shapes::place_field("to"), text::date_field("earliest"), text::date_field("latest"),
         text::integer_field("litres", 1, most_litres).described("its size, or the room in the car")});
    return shape;
}

const text::shape& announcement_answer() {
    static const text::shape shape(
        {text::text_field("id"), text::one_of_field("type", {"GOOD", "COURSE"}), text::text_field("owner"),
         service::event_shapes::place_field("from"), service::event_shapes::place_field("to"),
         text::date_field("earliest"), text::date_field("latest"), text::integer_field("litres", 1, most_litres),
         text::one_of_field("state", {"OPEN", "MATCHED", "CANCELLED"}),
         text::one_of_field("delivery", service::event_shapes::states())
             .optional()
             .described("of a good that is on its way, as far as tracking has told"),
         text::text_field("trace").described("of its journey, for `moving trace`"), text::text_field("created"),
         text::text_list_field("courses").optional(), text::text_list_field("goods").optional()});
    return shape;
}

std::vector<store::migration> tables() {
    return {
        {store::first_service_version,
         "announcements",
         {"CREATE TABLE announcement (id TEXT PRIMARY KEY, kind TEXT NOT NULL, owner TEXT NOT NULL, from_place TEXT "
          "NOT NULL,"
          " to_place TEXT NOT NULL, earliest TEXT NOT NULL, latest TEXT NOT NULL, litres BIGINT NOT NULL, state TEXT "
          "NOT NULL,"
          " delivery TEXT, delivery_version BIGINT NOT NULL, trace TEXT NOT NULL, created_us BIGINT NOT NULL) KEYED",
          "CREATE INDEX announcement_by_owner ON announcement (owner, id)",
          // Which course carries which good: one row for each leg.
          "CREATE TABLE carried (id SEQUENCE_KEY, good TEXT NOT NULL, course TEXT NOT NULL, at_us BIGINT NOT NULL)",
          "CREATE INDEX carried_by_good ON carried (good)", "CREATE INDEX carried_by_course ON carried (course)"}}};
}

constexpr store::sql select_one =
    "SELECT id, kind, owner, from_place, to_place, earliest, latest, litres, state, delivery, trace, created_us"
    " FROM announcement WHERE id = :id";

json::object announcement_of(const store::row& row) {
    json::object out{{"id", row.text(0)},     {"type", row.text(1)},      {"owner", row.text(2)},
                     {"from", row.text(3)},   {"to", row.text(4)},        {"earliest", row.text(5)},
                     {"latest", row.text(6)}, {"litres", row.integer(7)}, {"state", row.text(8)}};
    if (const auto delivery = row.maybe_text(9)) {
        out["delivery"] = *delivery;
    }
    out["trace"] = row.text(10);
    out["created"] = text::rfc3339(row.integer(11));
    return out;
}

json::array column_of(const store::rows& rows) {
    json::array out;
    for (const auto& row : rows) {
        out.push_back(json::string(row.text(0)));
    }
    return out;
}

http::answer none(std::string_view id) {
    return http::problem(404, "There is no announcement \"" + std::string(id) + "\".");
}

http::answer announce(unit_of_work& work, http::request& asked) {
    auto body = asked.json().as_object();
    const auto text = [&body](const char* name) { return std::string_view(body.at(name).as_string()); };
    if (text("from") == text("to")) {
        return http::problem(422, "Unprocessable Content", "from and to must be two different towns.", "/to");
    }
    if (text("latest") < text("earliest")) {
        return http::problem(422, "Unprocessable Content", "latest must not be before earliest.", "/latest");
    }
    const auto id = text::new_id();
    work.db().execute(
        "INSERT INTO announcement (id, kind, owner, from_place, to_place, earliest, latest, litres, state,"
        " delivery_version, trace, created_us) VALUES (:id, :kind, :owner, :from, :to, :earliest, :latest, :litres,"
        " 'OPEN', 0, :trace, :now)",
        {id, text("type"), text("owner"), text("from"), text("to"), text("earliest"), text("latest"),
         body.at("litres").as_int64(), work.trace().trace_id, work.now_us()});
    body["id"] = id;
    const auto event = work.tell(service::topics::announcement_created, "announcement_created", id, body);
    work.log().info("announced", {{"trace", work.trace().trace_id},
                                  {"announcement", id},
                                  {"type", text("type")},
                                  {"owner", text("owner")},
                                  {"event_id", event}});
    body["state"] = "OPEN";
    body["trace"] = work.trace().trace_id;
    body["created"] = text::rfc3339(work.now_us());
    return http::json(201, body).with("Location", "/announcements/" + id);
}

http::answer show(session& db, http::request& asked) {
    const auto id = asked.path_parameter("id");
    const auto row = db.one(select_one, {id});
    if (!row) {
        return none(id);
    }
    auto out = announcement_of(*row);
    if (row->text(1) == "GOOD") {
        out["courses"] = column_of(db.query("SELECT course FROM carried WHERE good = :good ORDER BY id", {id}));
    } else {
        out["goods"] = column_of(db.query("SELECT good FROM carried WHERE course = :course ORDER BY id", {id}));
    }
    return http::json(200, out);
}

http::answer list(session& db, http::request& asked) {
    const auto page = service::page_of(asked);
    if (!page) {
        return service::bad_page();
    }
    const auto owner = asked.query("owner");
    const auto rows = owner
                          ? db.query("SELECT id, kind, owner, from_place, to_place, earliest, latest, litres, state, "
                                     "delivery, trace, created_us"
                                     " FROM announcement WHERE owner = :owner AND id > :after ORDER BY id LIMIT :limit",
                                     {*owner, page->after, page->limit})
                          : db.query("SELECT id, kind, owner, from_place, to_place, earliest, latest, litres, state, "
                                     "delivery, trace, created_us"
                                     " FROM announcement WHERE id > :after ORDER BY id LIMIT :limit",
                                     {page->after, page->limit});
    json::array announcements;
    for (const auto& row : rows) {
        announcements.push_back(announcement_of(row));
    }
    return http::json(200, {{"announcements", std::move(announcements)}});
}

/// What is matched stays so: the others have begun to act on it. When the match is on its way while this is cancelled,
/// the match wins and the announcement is MATCHED in the end.
http::answer cancel(unit_of_work& work, http::request& asked) {
    const std::string id(asked.path_parameter("id"));
    const auto row = work.db().one(select_one, {id});
    if (!row) {
        return none(id);
    }
    const auto matched = [&] {
        return work.db().one("SELECT good FROM carried WHERE good = :good OR course = :course LIMIT 1", {id, id});
    };
    const auto refuse = [] {
        return http::problem(409, "The announcement is matched: what was agreed cannot be cancelled.");
    };
    if (row->text(8) == "MATCHED" || matched()) {
        return refuse();
    }
    if (row->text(8) != "CANCELLED") {
        const auto changed =
            work.db().execute("UPDATE announcement SET state = 'CANCELLED' WHERE id = :id AND state = 'OPEN'", {id});
        // A match that came while this waited for the row was quicker.
        if (changed == 0) {
            return refuse();
        }
        if (matched()) {
            work.db().execute("UPDATE announcement SET state = 'OPEN' WHERE id = :id", {id});
            return refuse();
        }
        const auto event = work.tell(service::topics::announcement_created, "announcement_cancelled", id,
                                     {{"id", id}, {"owner", row->text(2)}});
        work.log().info("cancelled", {{"trace", row->text(10)}, {"announcement", id}, {"event_id", event}});
    }
    return http::empty(204);
}

} // namespace

service::definition define(const service::settings&) {
    service::definition out;
    out.name = "announcement";
    out.tables = tables();
    using namespace service;
    const http::possible_answer unknown{404, "there is no such announcement", nullptr};
    out.routes = {
        answering(
            writing(http::verb::post, "/announcements", "Announce a good or a course", &announcement_body(), announce),
            {with_body(201, "the announcement", announcement_answer())}),
        answering(listing("/announcements", "Announcements, in the order in which they were made", list,
                          {{"owner", http::parameter_place::query, false, "Only this owner's."}}),
                  {with_list("announcements", announcement_answer())}),
        answering(reading("/announcements/{id}", "One announcement, and what became of it", show),
                  {with_body(200, "the announcement", announcement_answer()), unknown}),
        answering(writing(http::verb::remove, "/announcements/{id}", "Cancel what is not matched yet", nullptr, cancel),
                  {{204, "it is cancelled", nullptr}, unknown, {409, "it is matched", nullptr}})};
    out.subscriptions = {{service::topics::announcement_matched, "announcement_matched", "matching",
                          &service::event_shapes::announcement_matched(), link_match},
                         {service::topics::tracking_updated, "tracking_updated", "tracking",
                          &service::event_shapes::tracking_updated(), follow_delivery}};
    return out;
}

} // namespace moving::announcement
