// SPDX-License-Identifier: Apache-2.0
#include "moving/tracking/tracking.hpp"

#include "moving/service/event_shapes.hpp"
#include "moving/service/tests/service_at_work.hpp"
#include "moving/service/topics.hpp"
#include "moving/tracking/move.hpp"

namespace moving::tracking {
namespace {

namespace json = boost::json;
namespace topics = service::topics;
using service::delivery;
using service::tests::json_of;
using service::tests::service_at_work;

class tracking : public testing::Test {
protected:
    explicit tracking(delivery how = delivery::safe) : at_work_(define, how) {}

    static std::string matched(const std::string& good) {
        const json::object announcement{
            {"id", good},   {"type", "GOOD"},           {"owner", "ada"},         {"from", "Paris"},
            {"to", "Nice"}, {"earliest", "2027-01-01"}, {"latest", "2027-01-09"}, {"litres", 80}};
        const json::array legs{{{"course", "first"}, {"driver", "bob"}, {"from", "Paris"}, {"to", "Dijon"}},
                               {{"course", "second"}, {"driver", "eve"}, {"from", "Dijon"}, {"to", "Nice"}}};
        return service_at_work::event("announcement_matched", {{"good", announcement}, {"legs", legs}}, good);
    }
    std::string open(const std::string& good) {
        return at_work_.take(topics::announcement_matched, matched(good)).what;
    }
    int step(const std::string& good, const char* state) {
        return at_work_.patch("/tracking/" + good, {{"state", state}}).status;
    }
    void walk_to_the_end(const std::string& good) {
        for (const auto* state : {"STARTED", "DELIVERING", "DELIVERED", "CONFIRMED"}) {
            ASSERT_EQ(step(good, state), 200) << state;
        }
    }
    json::object move(const std::string& good) { return json_of(at_work_.get("/tracking/" + good)); }
    std::string state(const std::string& good) { return std::string(move(good).at("state").as_string()); }

    service_at_work at_work_;
};

class naive_tracking : public tracking {
protected:
    naive_tracking() : tracking(delivery::naive) {}
};

TEST_F(tracking, opens_a_move_for_a_match) {
    EXPECT_EQ(open("bike"), "taken");
    const auto opened = move("bike");
    EXPECT_EQ(opened.at("state").as_string(), "RECEIVED");
    EXPECT_EQ(opened.at("version").as_int64(), 1);
    EXPECT_EQ(opened.at("owner").as_string(), "ada");
    EXPECT_EQ(opened.at("legs").as_array().size(), 2U);
    const auto told = at_work_.told("tracking_updated");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(service::event_shapes::tracking_updated().check(told[0]));
}

TEST_F(tracking, a_second_match_of_a_good_is_refused) {
    open("bike");
    step("bike", "STARTED");
    EXPECT_EQ(open("bike"), "dead");
    EXPECT_EQ(state("bike"), "STARTED");
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM driven"), 2);
}

TEST_F(tracking, goes_one_step_after_the_other) {
    open("bike");
    walk_to_the_end("bike");
    EXPECT_EQ(move("bike").at("version").as_int64(), 5);
    const auto finished = at_work_.told("tracking_finished");
    ASSERT_EQ(finished.size(), 1U);
    EXPECT_TRUE(service::event_shapes::tracking_finished().check(finished[0]));
    EXPECT_EQ(finished[0].at("owner").as_string(), "ada");
    EXPECT_EQ(finished[0].at("litres").as_int64(), 80);
}

/// Each pair of states but the legal ones and repeated ones.
TEST_F(tracking, refuses_every_other_step) {
    const auto& states = service::event_shapes::states();
    for (std::size_t now = 0; now < states.size(); ++now) {
        const auto good = "good-" + std::to_string(now);
        open(good);
        for (std::size_t i = 1; i <= now; ++i) {
            ASSERT_EQ(step(good, states[i].c_str()), 200);
        }
        const auto version = move(good).at("version").as_int64();
        for (std::size_t wanted = 0; wanted < states.size(); ++wanted) {
            if (wanted != now && wanted != now + 1) {
                EXPECT_EQ(step(good, states[wanted].c_str()), 409) << states[now] << " to " << states[wanted];
            }
        }
        EXPECT_EQ(move(good).at("version").as_int64(), version);
    }
}

TEST_F(tracking, a_step_that_was_taken_is_answered_again_and_happens_once) {
    open("bike");
    EXPECT_EQ(step("bike", "STARTED"), 200);
    EXPECT_EQ(step("bike", "STARTED"), 200);
    EXPECT_EQ(move("bike").at("version").as_int64(), 2);
    EXPECT_EQ(at_work_.told("tracking_updated").size(), 2U);
    walk_to_the_end("bike");
    EXPECT_EQ(step("bike", "CONFIRMED"), 200);
    EXPECT_EQ(at_work_.told("tracking_finished").size(), 1U);
}

TEST_F(tracking, writes_down_waypoints_and_incidents) {
    open("bike");
    step("bike", "STARTED");
    EXPECT_EQ(at_work_.post("/tracking/bike/waypoints", {{"place", "Dijon"}, {"note", "on time"}}).status, 201);
    EXPECT_EQ(at_work_.post("/tracking/bike/incidents", {{"note", "flat tyre"}}).status, 201);
    const auto history = json_of(at_work_.get("/tracking/bike/history")).at("history").as_array();
    ASSERT_EQ(history.size(), 4U);
    EXPECT_EQ(history[2].at("kind").as_string(), "waypoint");
    EXPECT_EQ(history[2].at("place").as_string(), "Dijon");
    EXPECT_EQ(history[3].at("note").as_string(), "flat tyre");
    EXPECT_EQ(history[3].at("state").as_string(), "STARTED");
    for (std::size_t i = 0; i < history.size(); ++i) {
        EXPECT_EQ(history[i].at("version").as_int64(), static_cast<std::int64_t>(i) + 1);
    }
}

TEST_F(tracking, nothing_happens_to_a_move_that_is_over) {
    open("bike");
    walk_to_the_end("bike");
    EXPECT_EQ(at_work_.post("/tracking/bike/waypoints", {{"place", "Dijon"}}).status, 409);
    EXPECT_EQ(at_work_.post("/tracking/bike/incidents", {{"note", "late"}}).status, 409);
    EXPECT_EQ(move("bike").at("version").as_int64(), 5);
}

TEST_F(tracking, answers_bad_requests_with_4xx) {
    open("bike");
    EXPECT_EQ(at_work_.get("/tracking/nothing").status, 404);
    EXPECT_EQ(at_work_.get("/tracking/nothing/history").status, 404);
    EXPECT_EQ(at_work_.get("/tracking/nothing/events").status, 404);
    EXPECT_EQ(step("nothing", "STARTED"), 404);
    EXPECT_EQ(at_work_.post("/tracking/nothing/waypoints", {{"place", "Dijon"}}).status, 404);
    EXPECT_EQ(step("bike", "FLYING"), 422);
    EXPECT_EQ(at_work_.patch("/tracking/bike", {{"status", "STARTED"}}).status, 422);
    EXPECT_EQ(at_work_.ask(http::verb::patch, "/tracking/bike", "{\"state\":").status, 400);
    EXPECT_EQ(at_work_.post("/tracking/bike/waypoints", {{"place", "Atlantis"}}).status, 422);
    EXPECT_EQ(at_work_.post("/tracking/bike/incidents", {{"note", ""}}).status, 422);
    EXPECT_EQ(at_work_.get("/tracking").status, 400);
    EXPECT_EQ(at_work_.get("/tracking?owner=ada&driver=bob").status, 400);
    EXPECT_EQ(at_work_.get("/tracking?owner=ada&limit=x").status, 400);
    EXPECT_EQ(state("bike"), "RECEIVED");
}

TEST_F(tracking, lists_the_moves_of_an_owner_and_of_a_driver) {
    open("bike");
    open("sofa");
    EXPECT_EQ(json_of(at_work_.get("/tracking?owner=ada")).at("moves").as_array().size(), 2U);
    EXPECT_EQ(json_of(at_work_.get("/tracking?driver=eve&limit=1")).at("moves").as_array().size(), 1U);
    EXPECT_EQ(json_of(at_work_.get("/tracking?driver=ada")).at("moves").as_array().size(), 0U);
}

TEST_F(tracking, a_stream_begins_with_where_the_move_is) {
    open("bike");
    const auto given = at_work_.get("/tracking/bike/events");
    ASSERT_NE(given.stream, nullptr);
    EXPECT_EQ(given.stream->key, "bike");
    ASSERT_EQ(given.stream->first.size(), 1U);
    EXPECT_EQ(given.stream->first[0].id, "1");
}

TEST_F(tracking, what_others_changed_meanwhile_is_a_conflict) {
    open("bike");
    auto stale = *find_move(at_work_.db(), "bike");
    ASSERT_EQ(step("bike", "STARTED"), 200);
    service::unit_of_work work(at_work_.db(), at_work_.of(), at_work_.lines(), text::trace_context::begin(), 0);
    EXPECT_THROW(happen(work, stale, {"state", "STARTED", std::nullopt, std::nullopt}), store::failure);
    EXPECT_EQ(at_work_.told("tracking_updated").size(), 2U);
}

TEST_F(naive_tracking, a_match_that_comes_again_sets_the_move_back) {
    open("bike");
    step("bike", "STARTED");
    EXPECT_EQ(open("bike"), "taken");
    EXPECT_EQ(state("bike"), "RECEIVED");
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM happening WHERE state = 'RECEIVED'"), 2);
}

} // namespace
} // namespace moving::tracking
