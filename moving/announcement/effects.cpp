// SPDX-License-Identifier: Apache-2.0
#include "moving/announcement/effects.hpp"

namespace moving::announcement {

namespace {

using service::outcome;
using service::unit_of_work;

struct known {
    std::string kind;
    std::string owner;
};

std::optional<known> find(unit_of_work& work, std::string_view id) {
    const auto row = work.db().one("SELECT kind, owner FROM announcement WHERE id = :id", {id});
    return row ? std::optional(known{row->text(0), row->text(1)}) : std::nullopt;
}

/// Whether the match speaks of announcements of ours, by their owners: nothing is linked to what somebody made up.
std::optional<outcome> wrong(unit_of_work& work, const boost::json::object& good, const boost::json::array& legs) {
    const auto is = [&](std::string_view id, std::string_view kind, std::string_view owner) {
        const auto found = find(work, id);
        return found && found->kind == kind && found->owner == owner;
    };
    const std::string_view id = good.at("id").as_string();
    if (!is(id, "GOOD", std::string_view(good.at("owner").as_string()))) {
        return outcome::poison("no good " + std::string(id) + " of this owner was announced");
    }
    for (const auto& leg : legs) {
        const std::string_view course = leg.at("course").as_string();
        if (!is(course, "COURSE", std::string_view(leg.at("driver").as_string()))) {
            return outcome::poison("no course " + std::string(course) + " of this driver was announced");
        }
    }
    return std::nullopt;
}

} // namespace

outcome link_match(unit_of_work& work, const bus::event& event) {
    const auto& good = event.data.at("good").as_object();
    const auto& legs = event.data.at("legs").as_array();
    const std::string_view id = good.at("id").as_string();
    if (work.safe()) {
        if (auto refused = wrong(work, good, legs)) {
            return std::move(*refused);
        }
    }
    work.db().execute("UPDATE announcement SET state = 'MATCHED' WHERE id = :id", {id});
    for (const auto& leg : legs) {
        // A course that was cancelled while this match was on its way is agreed upon all the same; one that is not has
        // room for more. Who cancels it now waits for this row.
        work.db().execute("UPDATE announcement SET state = CASE WHEN state = 'CANCELLED' THEN 'MATCHED' ELSE state END"
                          " WHERE id = :id",
                          {std::string_view(leg.at("course").as_string())});
        work.db().execute("INSERT INTO carried (good, course, at_us) VALUES (:good, :course, :now)",
                          {id, std::string_view(leg.at("course").as_string()), work.now_us()});
    }
    return outcome::done();
}

outcome follow_delivery(unit_of_work& work, const bus::event& event) {
    const std::string_view good = event.data.at("good").as_string();
    const std::string_view state = event.data.at("state").as_string();
    const auto version = event.data.at("version").as_int64();
    if (!work.safe()) {
        work.db().execute("UPDATE announcement SET delivery = :state, delivery_version = :version WHERE id = :id",
                          {state, version, good});
        return outcome::done();
    }
    if (!find(work, good)) {
        return outcome::poison("no good " + std::string(good) + " was announced");
    }
    work.db().execute("UPDATE announcement SET delivery = :state, delivery_version = :version"
                      " WHERE id = :id AND delivery_version < :newer",
                      {state, version, good, version});
    return outcome::done();
}

} // namespace moving::announcement
