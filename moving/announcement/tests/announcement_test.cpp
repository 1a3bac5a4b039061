// SPDX-License-Identifier: Apache-2.0
#include "moving/announcement/announcement.hpp"

#include "moving/service/event_shapes.hpp"
#include "moving/service/tests/service_at_work.hpp"
#include "moving/service/topics.hpp"

namespace moving::announcement {
namespace {

namespace json = boost::json;
namespace topics = service::topics;
using service::delivery;
using service::tests::json_of;
using service::tests::service_at_work;

class announcement : public testing::Test {
protected:
    explicit announcement(delivery how = delivery::safe) : at_work_(define, how) {}

    static json::object body(const char* type, const char* owner) {
        return {{"type", type}, {"owner", owner},           {"from", "Paris"},
                {"to", "Nice"}, {"earliest", "2027-01-01"}, {"latest", "2027-01-09"},
                {"litres", 80}};
    }
    std::string announce(const char* type, const char* owner) {
        const auto given = at_work_.post("/announcements", body(type, owner));
        EXPECT_EQ(given.status, 201) << given.body;
        return std::string(json_of(given).at("id").as_string());
    }
    int post_with(const char* name, const json::value& value) {
        auto changed = body("GOOD", "ada");
        changed[name] = value;
        return at_work_.post("/announcements", changed).status;
    }
    std::string match(const std::string& good, const std::string& course, const char* owner = "ada",
                      const char* driver = "bob") {
        auto of_good = body("GOOD", owner);
        of_good["id"] = good;
        return at_work_
            .take(topics::announcement_matched, "announcement_matched",
                  {{"good", of_good},
                   {"legs", json::array{{{"course", course}, {"driver", driver}, {"from", "Paris"}, {"to", "Nice"}}}}})
            .what;
    }
    std::string update(const std::string& good, const char* state, int version) {
        return at_work_
            .take(topics::tracking_updated, "tracking_updated",
                  {{"good", good}, {"kind", "state"}, {"state", state}, {"version", version}, {"at", "now"}})
            .what;
    }
    json::object shown(const std::string& id) { return json_of(at_work_.get("/announcements/" + id)); }
    std::string state(const std::string& id) { return std::string(shown(id).at("state").as_string()); }

    service_at_work at_work_;
};

class naive_announcement : public announcement {
protected:
    naive_announcement() : announcement(delivery::naive) {}
};

TEST_F(announcement, is_kept_and_told) {
    const auto id = announce("GOOD", "ada");
    EXPECT_EQ(state(id), "OPEN");
    const auto told = at_work_.told("announcement_created");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(service::event_shapes::announcement_created().check(told[0]));
    EXPECT_EQ(told[0].at("id").as_string(), id);
}

TEST_F(announcement, bad_ones_are_refused_and_not_told) {
    EXPECT_EQ(post_with("type", "CAR"), 422);
    EXPECT_EQ(post_with("owner", ""), 422);
    EXPECT_EQ(post_with("from", "Atlantis"), 422);
    EXPECT_EQ(post_with("to", "Paris"), 422); // where it is already
    EXPECT_EQ(post_with("earliest", "2027-02-30"), 422);
    EXPECT_EQ(post_with("latest", "2026-12-31"), 422); // before the earliest
    EXPECT_EQ(post_with("litres", 0), 422);
    EXPECT_EQ(post_with("litres", 5'001), 422);
    EXPECT_EQ(post_with("litres", "80"), 422);
    EXPECT_EQ(post_with("colour", "red"), 422);
    EXPECT_EQ(at_work_.ask(http::verb::post, "/announcements", "[1").status, 400);
    EXPECT_EQ(at_work_.get("/announcements/nothing").status, 404);
    EXPECT_EQ(at_work_.remove("/announcements/nothing").status, 404);
    EXPECT_EQ(at_work_.get("/announcements?limit=-1").status, 400);
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM announcement"), 0);
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM event_log"), 0);
}

TEST_F(announcement, lists_those_of_an_owner_page_by_page) {
    announce("GOOD", "ada");
    const auto second = announce("GOOD", "ada");
    announce("COURSE", "bob");
    EXPECT_EQ(json_of(at_work_.get("/announcements")).at("announcements").as_array().size(), 3U);
    EXPECT_EQ(json_of(at_work_.get("/announcements?owner=ada")).at("announcements").as_array().size(), 2U);
    const auto page = json_of(at_work_.get("/announcements?owner=ada&limit=1")).at("announcements").as_array();
    ASSERT_EQ(page.size(), 1U);
    const auto next =
        json_of(at_work_.get("/announcements?owner=ada&after=" + std::string(page[0].at("id").as_string())))
            .at("announcements")
            .as_array();
    ASSERT_EQ(next.size(), 1U);
    EXPECT_EQ(next[0].at("id").as_string(), second);
}

TEST_F(announcement, is_cancelled_once) {
    const auto id = announce("GOOD", "ada");
    EXPECT_EQ(at_work_.remove("/announcements/" + id).status, 204);
    EXPECT_EQ(at_work_.remove("/announcements/" + id).status, 204); // who lost the answer asks again
    EXPECT_EQ(state(id), "CANCELLED");
    const auto told = at_work_.told("announcement_cancelled");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(service::event_shapes::announcement_cancelled().check(told[0]));
}

TEST_F(announcement, what_is_matched_cannot_be_cancelled) {
    const auto good = announce("GOOD", "ada");
    const auto course = announce("COURSE", "bob");
    EXPECT_EQ(match(good, course), "taken");
    EXPECT_EQ(state(good), "MATCHED");
    EXPECT_EQ(state(course), "OPEN"); // it has room for more
    EXPECT_EQ(shown(good).at("courses").as_array().at(0).as_string(), course);
    EXPECT_EQ(shown(course).at("goods").as_array().at(0).as_string(), good);
    EXPECT_EQ(at_work_.remove("/announcements/" + good).status, 409);
    EXPECT_EQ(at_work_.remove("/announcements/" + course).status, 409);
    EXPECT_EQ(state(course), "OPEN");
    EXPECT_TRUE(at_work_.told("announcement_cancelled").empty());
}

TEST_F(announcement, a_match_that_was_on_its_way_wins_over_a_cancellation) {
    const auto good = announce("GOOD", "ada");
    const auto course = announce("COURSE", "bob");
    EXPECT_EQ(at_work_.remove("/announcements/" + good).status, 204);
    EXPECT_EQ(at_work_.remove("/announcements/" + course).status, 204);
    EXPECT_EQ(match(good, course), "taken");
    EXPECT_EQ(state(good), "MATCHED");
    EXPECT_EQ(state(course), "MATCHED");
}

TEST_F(announcement, a_match_of_what_was_not_announced_is_refused) {
    const auto good = announce("GOOD", "ada");
    const auto course = announce("COURSE", "bob");
    EXPECT_EQ(match("made up", course), "dead");
    EXPECT_EQ(match(good, "made up"), "dead");
    EXPECT_EQ(match(good, course, "mallory"), "dead");
    EXPECT_EQ(match(good, course, "ada", "mallory"), "dead");
    EXPECT_EQ(match(course, good, "bob", "ada"), "dead"); // the wrong way round
    EXPECT_EQ(state(good), "OPEN");
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM carried"), 0);
}

TEST_F(announcement, shows_the_newest_step_whatever_comes_last) {
    const auto good = announce("GOOD", "ada");
    EXPECT_EQ(update(good, "DELIVERING", 3), "taken");
    EXPECT_EQ(update(good, "STARTED", 2), "taken");
    EXPECT_EQ(shown(good).at("delivery").as_string(), "DELIVERING");
    EXPECT_EQ(update("made up", "STARTED", 2), "dead");
}

TEST_F(naive_announcement, shows_what_came_last) {
    const auto good = announce("GOOD", "ada");
    update(good, "DELIVERING", 3);
    update(good, "STARTED", 2);
    EXPECT_EQ(shown(good).at("delivery").as_string(), "STARTED");
}

TEST_F(naive_announcement, links_what_it_is_told_as_often_as_it_is_told) {
    const auto good = announce("GOOD", "ada");
    EXPECT_EQ(match(good, "made up"), "taken");
    EXPECT_EQ(match(good, "made up"), "taken");
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM carried"), 2);
}

} // namespace
} // namespace moving::announcement
