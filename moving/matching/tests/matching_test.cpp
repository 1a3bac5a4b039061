// SPDX-License-Identifier: Apache-2.0
#include "moving/matching/matching.hpp"

#include "moving/matching/waiting_list.hpp"
#include "moving/service/tests/service_at_work.hpp"
#include "moving/service/topics.hpp"

namespace moving::matching {
namespace {

namespace json = boost::json;
namespace topics = service::topics;
using service::delivery;
using service::tests::json_of;
using service::tests::service_at_work;

struct way {
    const char* from = "Paris";
    const char* to = "Nice";
    const char* earliest = "2027-01-01";
    const char* latest = "2027-01-09";
    std::int64_t litres = 100;
};

class matching : public testing::Test {
protected:
    explicit matching(delivery how = delivery::safe) : at_work_(define, how) {}

    static std::string announced(const char* type, const std::string& id, const way& on) {
        return service_at_work::event("announcement_created",
                                      {{"id", id},
                                       {"type", type},
                                       {"owner", "owner of " + id},
                                       {"from", on.from},
                                       {"to", on.to},
                                       {"earliest", on.earliest},
                                       {"latest", on.latest},
                                       {"litres", on.litres}},
                                      id);
    }
    void good(const std::string& id, const way& on = {}) {
        EXPECT_STREQ(at_work_.take(topics::announcement_created, announced("GOOD", id, on)).what, "taken");
    }
    void course(const std::string& id, const way& on = {}) {
        EXPECT_STREQ(at_work_.take(topics::announcement_created, announced("COURSE", id, on)).what, "taken");
    }
    std::string cancel(const std::string& id) {
        return at_work_
            .take(topics::announcement_created, "announcement_cancelled", {{"id", id}, {"owner", "owner of " + id}})
            .what;
    }
    /// "course" or "course, course"; empty: no match.
    std::string courses_of(const std::string& good) {
        const auto given = at_work_.get("/match/" + good);
        if (given.status != 200) {
            return {};
        }
        std::string out;
        const auto match = json_of(given);
        for (const auto& leg : match.at("legs").as_array()) {
            out += (out.empty() ? "" : ", ") + std::string(leg.at("course").as_string());
        }
        return out;
    }
    std::string state_of(const std::string& id) {
        return at_work_.db().one("SELECT state FROM waiting WHERE announcement = :id", {id})->text(0);
    }

    service_at_work at_work_;
};

class naive_matching : public matching {
protected:
    naive_matching() : matching(delivery::naive) {}
};

TEST_F(matching, pairs_a_good_with_a_course_that_waits) {
    course("car");
    good("bike");
    EXPECT_EQ(courses_of("bike"), "car");
    EXPECT_EQ(state_of("bike"), "MATCHED");
    EXPECT_EQ(state_of("car"), "FULL");
    const auto told = at_work_.told("announcement_matched");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].at("good").at("owner").as_string(), "owner of bike");
    EXPECT_EQ(told[0].at("legs").as_array().at(0).at("driver").as_string(), "owner of car");
}

TEST_F(matching, pairs_a_course_with_a_good_that_waits) {
    good("bike");
    EXPECT_EQ(courses_of("bike"), "");
    course("car");
    EXPECT_EQ(courses_of("bike"), "car");
}

TEST_F(matching, needs_the_same_towns_in_the_same_direction) {
    good("bike");
    course("back", {.from = "Nice", .to = "Paris"});
    course("elsewhere", {.to = "Lyon"});
    EXPECT_EQ(courses_of("bike"), "");
}

TEST_F(matching, needs_a_day_in_common) {
    course("early", {.earliest = "2026-12-01", .latest = "2026-12-31"});
    course("late", {.earliest = "2027-01-10", .latest = "2027-01-20"});
    good("bike");
    EXPECT_EQ(courses_of("bike"), "");
    course("last day", {.earliest = "2027-01-09", .latest = "2027-01-30"});
    EXPECT_EQ(courses_of("bike"), "last day");
}

TEST_F(matching, needs_room) {
    course("small", {.litres = 99});
    good("bike");
    EXPECT_EQ(courses_of("bike"), "");
    course("just enough", {.litres = 100});
    EXPECT_EQ(courses_of("bike"), "just enough");
    EXPECT_EQ(state_of("small"), "WAITING");
}

TEST_F(matching, takes_the_one_that_waited_longest) {
    course("first");
    course("second");
    good("bike");
    EXPECT_EQ(courses_of("bike"), "first");
    good("sofa", {.from = "Brest"});
    good("lamp", {.from = "Brest"});
    course("car", {.from = "Brest"});
    EXPECT_EQ(courses_of("sofa"), "car");
    EXPECT_EQ(courses_of("lamp"), "");
}

TEST_F(matching, a_course_takes_as_many_goods_as_it_has_room_for) {
    good("bike");
    good("sofa");
    good("lamp", {.litres = 50});
    good("desk", {.litres = 60});
    course("van", {.litres = 255});
    EXPECT_EQ(courses_of("bike"), "van");
    EXPECT_EQ(courses_of("sofa"), "van");
    EXPECT_EQ(courses_of("lamp"), "van");
    EXPECT_EQ(courses_of("desk"), "");
    EXPECT_EQ(at_work_.number("SELECT litres FROM waiting WHERE announcement = 'van'"), 5);
    good("key", {.litres = 5});
    EXPECT_EQ(courses_of("key"), "van");
    EXPECT_EQ(state_of("van"), "FULL");
}

/// Paris → Dijon → Nice.
constexpr way first_half{.to = "Dijon"};
constexpr way second_half{.from = "Dijon"};

TEST_F(matching, combines_two_courses_when_the_good_comes_last) {
    course("second", second_half);
    course("first", first_half);
    good("bike");
    EXPECT_EQ(courses_of("bike"), "first, second"); // in the order of the way
}

TEST_F(matching, combines_two_courses_when_the_first_leg_comes_last) {
    good("bike");
    course("second", second_half);
    EXPECT_EQ(courses_of("bike"), "");
    course("first", first_half);
    EXPECT_EQ(courses_of("bike"), "first, second");
}

TEST_F(matching, combines_two_courses_when_the_second_leg_comes_last) {
    good("bike");
    course("first", first_half);
    EXPECT_EQ(courses_of("bike"), "");
    course("second", second_half);
    EXPECT_EQ(courses_of("bike"), "first, second");
    EXPECT_EQ(state_of("first"), "FULL");
    EXPECT_EQ(state_of("second"), "FULL");
}

TEST_F(matching, prefers_the_whole_way) {
    course("first", first_half);
    course("second", second_half);
    course("through");
    good("bike");
    EXPECT_EQ(courses_of("bike"), "through");
}

TEST_F(matching, does_not_combine_when_the_second_is_over_before_the_first_begins) {
    const way late_first{.to = "Dijon", .earliest = "2027-01-06", .latest = "2027-01-07"};
    const way early_second{.from = "Dijon", .earliest = "2027-01-02", .latest = "2027-01-05"};
    course("first", late_first);
    course("second", early_second);
    good("good last");
    EXPECT_EQ(courses_of("good%20last"), "");
    course("first again", late_first);
    course("second again", early_second);
    EXPECT_EQ(courses_of("good%20last"), "");
    course("second in time", {.from = "Dijon", .earliest = "2027-01-06", .latest = "2027-01-06"});
    EXPECT_EQ(courses_of("good%20last"), "first, second in time");
}

TEST_F(matching, needs_room_and_days_on_both_legs) {
    good("bike");
    course("first", {.to = "Dijon", .litres = 99});
    course("second", second_half);
    EXPECT_EQ(courses_of("bike"), "");
    course("first of another month", {.to = "Dijon", .earliest = "2027-02-01", .latest = "2027-02-02"});
    EXPECT_EQ(courses_of("bike"), "");
    course("first that fits", first_half);
    EXPECT_EQ(courses_of("bike"), "first that fits, second");
}

TEST_F(matching, what_was_cancelled_waits_no_longer) {
    good("bike");
    EXPECT_EQ(cancel("bike"), "taken");
    course("car");
    EXPECT_EQ(courses_of("bike"), "");
    EXPECT_EQ(cancel("car"), "taken");
    good("sofa");
    EXPECT_EQ(courses_of("sofa"), "");
}

TEST_F(matching, a_cancellation_waits_for_its_announcement) {
    EXPECT_EQ(cancel("bike"), "parked"); // it overtook it
    good("bike");
    at_work_.db().execute("UPDATE parked SET due_us = 0");
    at_work_.into().retry(at_work_.db(), 10, [](std::vector<service::outgoing>&&) {});
    EXPECT_EQ(state_of("bike"), "WITHDRAWN");
}

TEST_F(matching, a_cancellation_that_comes_too_late_changes_nothing) {
    course("car", {.litres = 150});
    good("bike");
    EXPECT_EQ(cancel("bike"), "taken");
    EXPECT_EQ(state_of("bike"), "MATCHED");
    EXPECT_EQ(courses_of("bike"), "car");
    EXPECT_EQ(cancel("car"), "taken"); // what was agreed stays, the room left is gone
    good("lamp", {.litres = 10});
    EXPECT_EQ(courses_of("lamp"), "");
}

TEST_F(matching, the_same_event_has_its_effect_once) {
    const auto bytes = announced("GOOD", "bike", {});
    EXPECT_STREQ(at_work_.take(topics::announcement_created, bytes).what, "taken");
    EXPECT_STREQ(at_work_.take(topics::announcement_created, bytes).what, "twice");
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM waiting"), 1);
}

TEST_F(matching, a_match_belongs_to_the_trace_of_its_good) {
    const auto bytes = announced("GOOD", "bike", {});
    at_work_.take(topics::announcement_created, bytes);
    course("car");
    const auto trace = bus::decode(bytes, bus::check_digest::yes)->traceparent;
    const auto row = at_work_.db().one("SELECT traceparent FROM event_log WHERE topic = 'announcement_matched'");
    EXPECT_EQ(text::trace_id_of(row->text(0)), text::trace_id_of(trace));
}

TEST_F(matching, shows_who_waits_and_answers_bad_requests_with_4xx) {
    good("bike");
    course("car", {.from = "Brest"});
    EXPECT_EQ(json_of(at_work_.get("/waiting")).at("waiting").as_array().size(), 2U);
    EXPECT_EQ(json_of(at_work_.get("/waiting?after=bike")).at("waiting").as_array().size(), 1U);
    EXPECT_EQ(at_work_.get("/match/bike").status, 404);
    EXPECT_EQ(at_work_.get("/waiting?limit=201").status, 400);
    EXPECT_EQ(at_work_.get("/waiting?limit=many").status, 400);
}

TEST_F(naive_matching, an_announcement_that_comes_twice_waits_twice) {
    const auto bytes = announced("GOOD", "bike", {.litres = 10});
    at_work_.take(topics::announcement_created, bytes);
    at_work_.take(topics::announcement_created, bytes);
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM waiting"), 2);
}

TEST_F(naive_matching, a_good_that_comes_again_after_its_match_is_matched_again) {
    const auto bytes = announced("GOOD", "bike", {.litres = 10});
    course("car");
    at_work_.take(topics::announcement_created, bytes);
    at_work_.take(topics::announcement_created, bytes);
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM matched WHERE good = 'bike'"), 2);
}

TEST_F(naive_matching, a_cancellation_that_overtakes_is_forgotten) {
    EXPECT_EQ(cancel("bike"), "taken");
    good("bike");
    EXPECT_EQ(state_of("bike"), "WAITING");
}

} // namespace
} // namespace moving::matching
