// SPDX-License-Identifier: Apache-2.0
// Several replicas that match at once, on a real PostgreSQL.
#include <atomic>
#include <thread>

#include "moving/matching/matching.hpp"
#include "moving/service/tests/service_at_work.hpp"
#include "moving/service/topics.hpp"
#include "support/running_postgres.hpp"

namespace moving::matching {
namespace {

using service::tests::service_at_work;

std::string announced(const std::string& type, int number, const char* from, const char* to, int litres) {
    const auto id = type + "-" + std::to_string(number);
    return service_at_work::event("announcement_created",
                                  {{"id", id},
                                   {"type", type},
                                   {"owner", "owner of " + id},
                                   {"from", from},
                                   {"to", to},
                                   {"earliest", "2027-01-01"},
                                   {"latest", "2027-01-09"},
                                   {"litres", litres}},
                                  id);
}

TEST(replicas, that_match_at_once_leave_no_pair_unmatched_and_overbook_no_course) {
    if (!cb::tests::running_postgres::installed()) {
        GTEST_SKIP() << "PostgreSQL is not installed: skipped";
    }
    cb::tests::running_postgres server({"fsync=off", "deadlock_timeout=20ms"});
    service_at_work service(define, service::delivery::safe, server.create_database("matching"));
    // Whole ways and halves, sizes that do not fill a course evenly.
    std::vector<std::string> events;
    for (int i = 0; i < 60; ++i) {
        events.push_back(announced("GOOD", i, "Paris", "Nice", 40 + i));
        events.push_back(i % 3 == 0   ? announced("COURSE", i, "Paris", "Nice", 150)
                         : i % 3 == 1 ? announced("COURSE", i, "Paris", "Dijon", 110)
                                      : announced("COURSE", i, "Dijon", "Nice", 110));
    }
    std::atomic<std::size_t> next = 0;
    std::vector<std::thread> replicas;
    for (int i = 0; i < 4; ++i) {
        replicas.emplace_back([&] {
            auto session = service.another_session();
            for (auto mine = next++; mine < events.size(); mine = next++) {
                EXPECT_STREQ(service.take_with(session, service::topics::announcement_created, events[mine]).what,
                             "taken");
            }
        });
    }
    for (auto& each : replicas) {
        each.join();
    }
    EXPECT_GT(service.number("SELECT COUNT(*) FROM matched"), 0);
    EXPECT_EQ(service.number("SELECT COUNT(*) FROM waiting WHERE litres < 0"), 0);
    EXPECT_EQ(service.number("SELECT COUNT(*) FROM (SELECT good FROM matched GROUP BY good HAVING COUNT(*) > 1) AS x"),
              0);
    EXPECT_EQ(service.number("SELECT COUNT(*) FROM matched"),
              service.number("SELECT COUNT(*) FROM waiting WHERE kind = 'GOOD' AND state = 'MATCHED'"));
    EXPECT_EQ(
        service.number("SELECT COUNT(*) FROM waiting g JOIN waiting c ON c.kind = 'COURSE' AND c.state = 'WAITING'"
                       " AND c.from_place = g.from_place AND c.to_place = g.to_place AND c.litres >= g.litres"
                       " WHERE g.kind = 'GOOD' AND g.state = 'WAITING'"),
        0);
    EXPECT_EQ(
        service.number("SELECT COUNT(*) FROM waiting g JOIN waiting a ON a.kind = 'COURSE' AND a.state = 'WAITING'"
                       " AND a.from_place = g.from_place AND a.litres >= g.litres"
                       " JOIN waiting b ON b.kind = 'COURSE' AND b.state = 'WAITING' AND b.from_place = a.to_place"
                       " AND b.to_place = g.to_place AND b.litres >= g.litres"
                       " WHERE g.kind = 'GOOD' AND g.state = 'WAITING'"),
        0);
}

} // namespace
} // namespace moving::matching
