// SPDX-License-Identifier: Apache-2.0
#include "moving/tracking/move.hpp"

#include <algorithm>

#include <boost/json/parse.hpp>

#include "moving/service/event_shapes.hpp"
#include "moving/service/topics.hpp"
#include "moving/text/time.hpp"

namespace moving::tracking {

namespace {

namespace json = boost::json;

void write_down(service::unit_of_work& work, const move& of, const happening& what) {
    work.db().execute("INSERT INTO happening (good, kind, state, version, place, note, at_us)"
                      " VALUES (:good, :kind, :state, :version, :place, :note, :now)",
                      {of.good, what.kind, of.state, of.version, what.place, what.note, work.now_us()});
}

void tell_update(service::unit_of_work& work, const move& of, const happening& what) {
    json::object data{{"good", of.good},
                      {"kind", what.kind},
                      {"state", of.state},
                      {"version", of.version},
                      {"at", text::rfc3339(work.now_us())}};
    if (what.place) {
        data["place"] = *what.place;
    }
    if (what.note) {
        data["note"] = *what.note;
    }
    const auto event = work.tell(service::topics::tracking_updated, "tracking_updated", of.good, std::move(data));
    work.log().info("move updated", {{"trace", work.trace().trace_id},
                                     {"good", of.good},
                                     {"kind", what.kind},
                                     {"state", of.state},
                                     {"version", of.version},
                                     {"event_id", event}});
}

void tell_end(service::unit_of_work& work, const move& of) {
    const auto event =
        work.tell(service::topics::tracking_finished, "tracking_finished", of.good,
                  {{"good", of.good}, {"owner", of.owner}, {"litres", of.litres}, {"legs", json::parse(of.legs)}});
    work.log().info("move finished", {{"trace", work.trace().trace_id}, {"good", of.good}, {"event_id", event}});
}

} // namespace

std::optional<move> find_move(store::session& db, std::string_view good) {
    auto row =
        db.one("SELECT good, owner, state, version, litres, legs, traceparent, updated_us FROM move WHERE good = :good",
               {good});
    if (!row) {
        return std::nullopt;
    }
    return move{row->take_text(0), row->take_text(1), row->take_text(2), row->integer(3),
                row->integer(4),   row->take_text(5), row->take_text(6), row->integer(7)};
}

bool is_next_state(std::string_view now, std::string_view wanted) {
    const auto& states = service::event_shapes::states();
    const auto at = std::find(states.begin(), states.end(), now);
    return at != states.end() && at + 1 != states.end() && *(at + 1) == wanted;
}

bool is_over(std::string_view state) { return state == service::event_shapes::states().back(); }

void happen(service::unit_of_work& work, move& of, const happening& what) {
    // Whoever makes the request has a trace of his own; what happens belongs to the move's.
    if (auto trace = text::trace_context::parse(of.traceparent)) {
        work.belongs_to(*trace);
    }
    const auto version = of.version;
    of.state = what.state;
    of.version = version + 1;
    const auto changed = work.db().execute("UPDATE move SET state = :state, version = :next, updated_us = :now"
                                           " WHERE good = :good AND version = :version",
                                           {of.state, of.version, work.now_us(), of.good, version});
    if (changed == 0) {
        throw store::failure({store::trouble_kind::conflict, "the move was changed by somebody else meanwhile"});
    }
    of.updated_us = work.now_us();
    write_down(work, of, what);
    tell_update(work, of, what);
    if (what.kind == "state" && is_over(of.state)) {
        tell_end(work, of);
    }
}

void opened(service::unit_of_work& work, const move& of) {
    const happening first{"state", of.state, std::nullopt, std::nullopt};
    write_down(work, of, first);
    tell_update(work, of, first);
}

} // namespace moving::tracking
