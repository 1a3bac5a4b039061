// SPDX-License-Identifier: Apache-2.0
#include "moving/matching/waiting_list.hpp"

namespace moving::matching {

namespace {

waiting waiting_from(const store::row& row, std::size_t first) {
    return {row.text(first),     row.text(first + 1), row.text(first + 2),    row.text(first + 3),
            row.text(first + 4), row.text(first + 5), row.integer(first + 6), row.text(first + 7)};
}

constexpr std::size_t columns = 8; // announcement, owner, from_place, to_place, earliest, latest, litres, traceparent

} // namespace

void waiting_list::lock() {
    if (on_.product() != store::product::sqlite) {
        on_.execute("UPDATE meeting SET visits = visits + 1");
    }
}

void waiting_list::add(const char* kind, const waiting& announcement, std::int64_t now_us) {
    on_.execute("INSERT INTO waiting (announcement, kind, owner, from_place, to_place, earliest, latest, litres, "
                "traceparent, state,"
                " since_us) VALUES (:announcement, :kind, :owner, :from, :to, :earliest, :latest, :litres, "
                ":traceparent, 'WAITING', :now)",
                {announcement.announcement, kind, announcement.owner, announcement.from, announcement.to,
                 announcement.earliest, announcement.latest, announcement.litres, announcement.traceparent, now_us});
}

void waiting_list::add_good(const waiting& good, std::int64_t now_us) { add("GOOD", good, now_us); }

void waiting_list::add_course(const waiting& course, std::int64_t now_us) { add("COURSE", course, now_us); }

bool waiting_list::withdraw(const std::string& announcement) {
    return on_.execute(
               "UPDATE waiting SET state = 'WITHDRAWN' WHERE announcement = :announcement AND state = 'WAITING'",
               {announcement}) > 0;
}

bool waiting_list::knows(const std::string& announcement) {
    return on_.one("SELECT id FROM waiting WHERE announcement = :announcement", {announcement}).has_value();
}

std::optional<pairing> waiting_list::for_good(const waiting& good) {
    const auto direct =
        on_.one("SELECT announcement, owner, from_place, to_place, earliest, latest, litres, traceparent FROM waiting"
                " WHERE kind = 'COURSE' AND state = 'WAITING' AND from_place = :from AND to_place = :to"
                " AND litres >= :litres AND earliest <= :latest AND latest >= :earliest ORDER BY id LIMIT 1",
                {good.from, good.to, good.litres, good.latest, good.earliest});
    if (direct) {
        return pairing{good, {waiting_from(*direct, 0)}};
    }
    const auto combined = on_.one(
        "SELECT a.announcement, a.owner, a.from_place, a.to_place, a.earliest, a.latest, a.litres, a.traceparent,"
        " b.announcement, b.owner, b.from_place, b.to_place, b.earliest, b.latest, b.litres, b.traceparent"
        " FROM waiting a JOIN waiting b ON b.kind = 'COURSE' AND b.state = 'WAITING' AND b.from_place = a.to_place"
        " WHERE a.kind = 'COURSE' AND a.state = 'WAITING' AND a.from_place = :from AND b.to_place = :to"
        " AND a.litres >= :litres AND b.litres >= :litres AND a.earliest <= :latest AND a.latest >= :earliest"
        " AND b.earliest <= :latest AND b.latest >= :earliest AND b.latest >= a.earliest ORDER BY a.id, b.id LIMIT 1",
        {good.from, good.to, good.litres, good.latest, good.earliest});
    if (combined) {
        return pairing{good, {waiting_from(*combined, 0), waiting_from(*combined, columns)}};
    }
    return std::nullopt;
}

std::optional<pairing> waiting_list::for_course(const waiting& course) {
    const auto direct =
        on_.one("SELECT announcement, owner, from_place, to_place, earliest, latest, litres, traceparent FROM waiting"
                " WHERE kind = 'GOOD' AND state = 'WAITING' AND from_place = :from AND to_place = :to"
                " AND litres <= :litres AND earliest <= :latest AND latest >= :earliest ORDER BY id LIMIT 1",
                {course.from, course.to, course.litres, course.latest, course.earliest});
    if (direct) {
        return pairing{waiting_from(*direct, 0), {course}};
    }
    const auto as_first = on_.one(
        "SELECT g.announcement, g.owner, g.from_place, g.to_place, g.earliest, g.latest, g.litres, g.traceparent,"
        " b.announcement, b.owner, b.from_place, b.to_place, b.earliest, b.latest, b.litres, b.traceparent"
        " FROM waiting g JOIN waiting b ON b.kind = 'COURSE' AND b.state = 'WAITING' AND b.to_place = g.to_place"
        " WHERE g.kind = 'GOOD' AND g.state = 'WAITING' AND g.from_place = :from AND b.from_place = :to AND g.litres "
        "<= :litres"
        " AND b.litres >= g.litres AND g.earliest <= :latest AND g.latest >= :earliest AND b.earliest <= g.latest"
        " AND b.latest >= g.earliest AND b.latest >= :earliest ORDER BY g.id, b.id LIMIT 1",
        {course.from, course.to, course.litres, course.latest, course.earliest});
    if (as_first) {
        return pairing{waiting_from(*as_first, 0), {course, waiting_from(*as_first, columns)}};
    }
    const auto as_second = on_.one(
        "SELECT g.announcement, g.owner, g.from_place, g.to_place, g.earliest, g.latest, g.litres, g.traceparent,"
        " a.announcement, a.owner, a.from_place, a.to_place, a.earliest, a.latest, a.litres, a.traceparent"
        " FROM waiting g JOIN waiting a ON a.kind = 'COURSE' AND a.state = 'WAITING' AND a.from_place = g.from_place"
        " WHERE g.kind = 'GOOD' AND g.state = 'WAITING' AND g.to_place = :to AND a.to_place = :from AND g.litres <= "
        ":litres"
        " AND a.litres >= g.litres AND g.earliest <= :latest AND g.latest >= :earliest AND a.earliest <= g.latest"
        " AND a.latest >= g.earliest AND a.earliest <= :latest ORDER BY g.id, a.id LIMIT 1",
        {course.to, course.from, course.litres, course.latest, course.earliest});
    if (as_second) {
        return pairing{waiting_from(*as_second, 0), {waiting_from(*as_second, columns), course}};
    }
    return std::nullopt;
}

void waiting_list::settle(const pairing& made) {
    on_.execute("UPDATE waiting SET state = 'MATCHED' WHERE announcement = :announcement", {made.good.announcement});
    for (const auto& leg : made.legs) {
        on_.execute("UPDATE waiting SET litres = litres - :size, state = CASE WHEN litres - :size < 1 THEN 'FULL' ELSE "
                    "state END"
                    " WHERE announcement = :announcement",
                    {made.good.litres, leg.announcement});
    }
}

} // namespace moving::matching
