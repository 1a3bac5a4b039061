// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/audit_findings.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "moving/text/places.hpp"

namespace moving::operate {
namespace {

constexpr std::size_t many = 10;

std::int64_t price(const char* from, const char* to, int litres) {
    return text::points_for(*text::find_place(from), *text::find_place(to), litres);
}

/// Two goods that went the whole way, as all services have them when nothing went wrong: "bike" by one course, "sofa"
/// by two.
audit_input two_journeys() {
    audit_input all;
    all.accounts = {"ada", "bob", "eve"};
    const audited_announcement bike{"bike", "GOOD", "ada", "Paris", "Nice", "2027-01-01", "2027-01-09", 80, "MATCHED"};
    const audited_announcement sofa{"sofa", "GOOD", "ada", "Paris", "Lyon", "2027-01-01", "2027-01-09", 50, "MATCHED"};
    const audited_announcement through{"through",    "COURSE",     "bob", "Paris", "Nice",
                                       "2027-01-02", "2027-01-03", 100,   "OPEN"};
    const audited_announcement first{"first",      "COURSE",     "bob", "Paris", "Dijon",
                                     "2027-01-02", "2027-01-03", 60,    "OPEN"};
    const audited_announcement second{"second",     "COURSE",     "eve", "Dijon", "Lyon",
                                      "2027-01-03", "2027-01-03", 50,    "OPEN"};
    all.announcements = {bike, sofa, through, first, second};
    all.waiting = all.announcements;
    const std::vector<std::pair<const char*, std::int64_t>> left{
        {"MATCHED", 80}, {"MATCHED", 50}, {"WAITING", 20}, {"WAITING", 10}, {"FULL", 0}};
    for (std::size_t i = 0; i < left.size(); ++i) {
        all.waiting[i].state = left[i].first;
        all.waiting[i].litres = left[i].second;
    }
    all.matches = {{bike, {{"through", "bob", "Paris", "Nice"}}, "match-1"},
                   {sofa, {{"first", "bob", "Paris", "Dijon"}, {"second", "eve", "Dijon", "Lyon"}}, "match-2"}};
    all.links = {{"bike", "through"}, {"sofa", "first"}, {"sofa", "second"}};
    all.moves = {{"bike", "ada", "CONFIRMED", 6, 80, all.matches[0].legs},
                 {"sofa", "ada", "DELIVERING", 3, 50, all.matches[1].legs}};
    all.happenings = {
        {"bike", "state", "RECEIVED", 1},   {"sofa", "state", "RECEIVED", 1},  {"bike", "state", "STARTED", 2},
        {"bike", "waypoint", "STARTED", 3}, {"sofa", "state", "STARTED", 2},   {"bike", "state", "DELIVERING", 4},
        {"sofa", "state", "DELIVERING", 3}, {"bike", "state", "DELIVERED", 5}, {"bike", "state", "CONFIRMED", 6}};
    all.mirrors = {{"bike", "CONFIRMED", 6}, {"sofa", "DELIVERING", 3}};
    const auto points = price("Paris", "Nice", 80);
    all.payments = {{"bike", 0, "ada", "bob", points, "PAID", "end-1"}};
    all.clients = {{"*bank*", -600, -600, 0},
                   {"ada", 200 - points, 200 - points, 1},
                   {"bob", 200 + points, 200 + points, 1},
                   {"eve", 200, 200, 1}};
    all.open = {{"billing", {}}};
    return all;
}

struct numbers {
    std::int64_t lost = 0;
    std::int64_t processed_twice = 0;
    std::int64_t paid_twice = 0;
    std::int64_t phantom = 0;
    std::int64_t out_of_order = 0;
    std::int64_t points_imbalance = 0;
    bool operator==(const numbers&) const = default;
};

void PrintTo(const numbers& of, std::ostream* out) {
    *out << "lost " << of.lost << " twice " << of.processed_twice << " paid " << of.paid_twice << " phantom "
         << of.phantom << " order " << of.out_of_order << " points " << of.points_imbalance;
}

numbers numbers_of(const audit_findings& found) {
    return {found.lost.count,    found.processed_twice.count, found.paid_twice.count,
            found.phantom.count, found.out_of_order.count,    found.points_imbalance.count};
}

numbers numbers_of(const audit_input& all) { return numbers_of(find_in(all, many)); }

audited_move& move_of(audit_input& all, std::string_view good) {
    return *std::find_if(all.moves.begin(), all.moves.end(), [&](const auto& each) { return each.good == good; });
}

template <class Rows, class Is>
void remove(Rows& rows, Is is) {
    const auto before = rows.size();
    std::erase_if(rows, is);
    ASSERT_LT(rows.size(), before);
}

TEST(audit_findings, a_system_where_all_went_well_is_all_zero) {
    const auto found = find_in(two_journeys(), many);
    EXPECT_EQ(numbers_of(found), numbers{});
    EXPECT_TRUE(found.all_zero());
    EXPECT_TRUE(found.nothing_open());
    const std::map<std::string, std::int64_t> goods{{"CONFIRMED", 1}, {"DELIVERING", 1}};
    EXPECT_EQ(found.goods, goods);
    const std::map<std::string, std::int64_t> courses{{"carrying", 3}};
    EXPECT_EQ(found.courses, courses);
    EXPECT_EQ(found.accounts, 3);
    const std::map<std::string, std::int64_t> payments{{"PAID", 1}};
    EXPECT_EQ(found.payments, payments);
}

TEST(audit_findings, an_empty_system_is_all_zero) { EXPECT_EQ(numbers_of(audit_input{}), numbers{}); }

TEST(audit_findings, goods_are_counted_by_how_far_they_came) {
    auto all = two_journeys();
    for (const auto& [id, state] : {std::pair{"lamp", "OPEN"}, {"desk", "CANCELLED"}}) {
        audited_announcement more = all.announcements[0];
        more.id = id;
        more.state = state;
        all.announcements.push_back(more);
    }
    remove(all.moves, [](const auto& each) { return each.good == "sofa"; });
    const std::map<std::string, std::int64_t> goods{{"CONFIRMED", 1}, {"matched", 1}, {"waiting", 1}, {"cancelled", 1}};
    EXPECT_EQ(find_in(all, many).goods, goods);
}

TEST(audit_findings, an_account_without_points_is_lost) {
    auto all = two_journeys();
    all.accounts.push_back("zoe");
    const auto found = find_in(all, many);
    EXPECT_EQ(numbers_of(found), (numbers{.lost = 1}));
    ASSERT_EQ(found.lost.witnesses.size(), 1U);
    EXPECT_EQ(found.lost.witnesses[0].id, "zoe");
    EXPECT_EQ(found.lost.witnesses[0].topic, "account_created");
    EXPECT_EQ(found.lost.witnesses[0].type, "account_created");
    EXPECT_EQ(found.lost.witnesses[0].key, "zoe");
}

TEST(audit_findings, an_announcement_that_matching_does_not_know_is_lost_unless_cancelled) {
    auto all = two_journeys();
    auto lamp = all.announcements[0];
    lamp.id = "lamp";
    lamp.state = "OPEN";
    all.announcements.push_back(lamp);
    EXPECT_EQ(numbers_of(all), (numbers{.lost = 1}));
    all.announcements.back().state = "CANCELLED";
    EXPECT_EQ(numbers_of(all), numbers{});
}

TEST(audit_findings, a_cancellation_that_matching_does_not_know_is_lost) {
    auto all = two_journeys();
    auto lamp = all.announcements[0];
    lamp.id = "lamp";
    lamp.state = "CANCELLED";
    all.announcements.push_back(lamp);
    lamp.state = "WITHDRAWN";
    all.waiting.push_back(lamp);
    EXPECT_EQ(numbers_of(all), numbers{});
    all.waiting.back().state = "WAITING";
    const auto found = find_in(all, many);
    EXPECT_EQ(numbers_of(found), (numbers{.lost = 1}));
    EXPECT_EQ(found.lost.witnesses.at(0).type, "announcement_cancelled");
}

TEST(audit_findings, a_match_that_announcement_does_not_show_is_lost) {
    auto all = two_journeys();
    remove(all.links, [](const auto& each) { return each.course == "second"; });
    const auto found = find_in(all, many);
    EXPECT_EQ(numbers_of(found), (numbers{.lost = 1}));
    EXPECT_EQ(found.lost.witnesses.at(0).event_id, "match-2");

    auto other = two_journeys();
    other.announcements[0].state = "OPEN"; // linked, and still to be had
    EXPECT_EQ(numbers_of(other), (numbers{.lost = 1}));
}

TEST(audit_findings, a_match_without_move_is_lost) {
    auto all = two_journeys();
    remove(all.moves, [](const auto& each) { return each.good == "sofa"; });
    all.mirrors[1] = {"sofa", "", 0};
    EXPECT_EQ(numbers_of(all), (numbers{.lost = 1}));
}

TEST(audit_findings, each_leg_of_a_finished_move_that_is_not_paid_is_lost) {
    auto all = two_journeys();
    move_of(all, "sofa").state = "CONFIRMED";
    move_of(all, "sofa").version = 5;
    all.happenings.push_back({"sofa", "state", "DELIVERED", 4});
    all.happenings.push_back({"sofa", "state", "CONFIRMED", 5});
    all.mirrors[1] = {"sofa", "CONFIRMED", 5};
    EXPECT_EQ(numbers_of(all), (numbers{.lost = 2}));
    all.payments.push_back({"sofa", 1, "ada", "eve", price("Dijon", "Lyon", 50), "OWED", "end-2"});
    const auto found = find_in(all, many);
    EXPECT_EQ(numbers_of(found), (numbers{.lost = 1}));
    EXPECT_EQ(found.lost.witnesses.at(0).topic, "tracking_finished");
    EXPECT_EQ(found.lost.witnesses.at(0).key, "sofa");
}

TEST(audit_findings, a_mirror_that_is_behind_is_lost) {
    auto all = two_journeys();
    all.mirrors[1] = {"sofa", "STARTED", 2};
    const auto found = find_in(all, many);
    EXPECT_EQ(numbers_of(found), (numbers{.lost = 1}));
    EXPECT_EQ(found.lost.witnesses.at(0).type, "tracking_updated");
}

TEST(audit_findings, a_mirror_that_is_ahead_or_differs_is_a_phantom) {
    auto ahead = two_journeys();
    ahead.mirrors[1] = {"sofa", "DELIVERED", 4};
    EXPECT_EQ(numbers_of(ahead), (numbers{.phantom = 1}));
    auto other = two_journeys();
    other.mirrors[1].state = "STARTED";
    EXPECT_EQ(numbers_of(other), (numbers{.phantom = 1}));
}

TEST(audit_findings, what_happened_more_than_once_counts_each_time_too_many) {
    auto all = two_journeys();
    all.waiting.push_back(all.waiting[1]);
    all.waiting.push_back(all.waiting[1]);
    EXPECT_EQ(numbers_of(all), (numbers{.processed_twice = 2}));

    all = two_journeys();
    all.matches.push_back(all.matches[1]);
    EXPECT_EQ(numbers_of(all), (numbers{.processed_twice = 1}));

    all = two_journeys();
    all.links.push_back(all.links[0]);
    EXPECT_EQ(numbers_of(all), (numbers{.processed_twice = 1}));
}

TEST(audit_findings, a_move_that_was_opened_again_is_processed_twice_and_out_of_order) {
    auto all = two_journeys();
    all.happenings.push_back({"sofa", "state", "RECEIVED", 1});
    move_of(all, "sofa").state = "RECEIVED"; // set back
    move_of(all, "sofa").version = 1;
    all.mirrors[1] = {"sofa", "RECEIVED", 1};
    EXPECT_EQ(numbers_of(all), (numbers{.processed_twice = 1, .out_of_order = 1}));
}

TEST(audit_findings, a_finished_move_that_was_set_back_was_still_paid_for_a_reason) {
    auto all = two_journeys();
    all.happenings.push_back({"bike", "state", "RECEIVED", 1});
    move_of(all, "bike").state = "RECEIVED";
    move_of(all, "bike").version = 1;
    all.mirrors[0] = {"bike", "RECEIVED", 1};
    EXPECT_EQ(numbers_of(all), (numbers{.processed_twice = 1, .out_of_order = 1}));
}

TEST(audit_findings, first_points_given_again_are_processed_twice_and_unbalance_the_points) {
    auto all = two_journeys();
    all.clients[0] = {"*bank*", -800, -800, 0};
    all.clients[3] = {"eve", 200, 400, 2}; // naive: set back to nothing, then 200 again
    EXPECT_EQ(numbers_of(all), (numbers{.processed_twice = 1, .points_imbalance = 200}));
}

TEST(audit_findings, two_payments_for_one_leg_are_paid_twice) {
    auto all = two_journeys();
    auto again = all.payments[0];
    again.event_id = "end-1-again";
    all.payments.push_back(again);
    const auto points = again.points;
    all.clients[1] = {"ada", 200 - 2 * points, 200 - 2 * points, 1};
    all.clients[2] = {"bob", 200 + 2 * points, 200 + 2 * points, 1};
    const auto found = find_in(all, many);
    EXPECT_EQ(numbers_of(found), (numbers{.paid_twice = 1}));
    EXPECT_EQ(found.paid_twice.witnesses.at(0).id, "bike");
    EXPECT_EQ(found.paid_twice.witnesses.at(0).event_id, "end-1-again");
}

TEST(audit_findings, what_has_no_cause_is_a_phantom) {
    auto all = two_journeys();
    auto lamp = all.waiting[0];
    lamp.id = "lamp";
    all.waiting.push_back(lamp);
    EXPECT_EQ(numbers_of(all), (numbers{.phantom = 1}));

    all = two_journeys();
    all.links.push_back({"lamp", "through"});
    EXPECT_EQ(numbers_of(all), (numbers{.phantom = 1}));

    all = two_journeys();
    all.moves.push_back({"lamp", "ada", "RECEIVED", 1, 80, all.matches[0].legs});
    all.happenings.push_back({"lamp", "state", "RECEIVED", 1});
    EXPECT_EQ(numbers_of(all), (numbers{.phantom = 1}));

    all = two_journeys();
    all.payments.push_back({"sofa", 0, "ada", "bob", price("Paris", "Dijon", 50), "OWED", "made-up"});
    EXPECT_EQ(numbers_of(all), (numbers{.phantom = 1})); // it is on its way

    all = two_journeys();
    all.clients[0] = {"*bank*", -800, -800, 0};
    all.clients.push_back({"mallory", 200, 200, 1});
    EXPECT_EQ(numbers_of(all), (numbers{.phantom = 1}));
}

TEST(audit_findings, what_differs_from_its_cause_is_a_phantom) {
    const auto with = [](void (*change)(audit_input&)) {
        auto all = two_journeys();
        change(all);
        return numbers_of(all);
    };
    const numbers one{.phantom = 1};
    EXPECT_EQ(with([](audit_input& all) { all.waiting[2].owner = "eve"; }), one);
    EXPECT_EQ(with([](audit_input& all) { all.waiting[2].latest = "2027-02-03"; }), one);
    EXPECT_EQ(with([](audit_input& all) { all.waiting[2].to = "Brest"; }), one);
    EXPECT_EQ(with([](audit_input& all) { all.waiting[2].litres = 101; }), one); // more room than announced
    EXPECT_EQ(with([](audit_input& all) { all.waiting[4].litres = -1; }), one);  // more in it than there is room
    EXPECT_EQ(with([](audit_input& all) { all.waiting[0].litres = 79; }), one);
    EXPECT_EQ(with([](audit_input& all) { all.payments[0].payee = "eve"; }), one);
    EXPECT_EQ(with([](audit_input& all) { all.payments[0].payer = "eve"; }), one);
    EXPECT_EQ(with([](audit_input& all) { all.payments[0].points += 1; }), one);
    EXPECT_EQ(with([](audit_input& all) { move_of(all, "sofa").owner = "eve"; }), one);
    EXPECT_EQ(with([](audit_input& all) { move_of(all, "sofa").legs[0].driver = "ada"; }), one);
    EXPECT_EQ(with([](audit_input& all) { move_of(all, "sofa").litres = 49; }), one);
}

TEST(audit_findings, a_match_that_differs_is_a_phantom_and_needs_no_link) {
    auto all = two_journeys();
    all.matches[1].legs[1].driver = "mallory";
    move_of(all, "sofa").legs = all.matches[1].legs;
    all.links.resize(1); // announcement has refused it
    EXPECT_EQ(numbers_of(all), (numbers{.phantom = 1}));
    all.matches[1] = {all.matches[1].good, {{"first", "bob", "Paris", "Dijon"}}, "match-2"}; // it ends half way
    move_of(all, "sofa").legs = all.matches[1].legs;
    EXPECT_EQ(numbers_of(all), (numbers{.phantom = 1}));
}

TEST(audit_findings, a_history_that_is_not_one_step_after_the_other_is_out_of_order) {
    const numbers one{.out_of_order = 1};
    auto skipped = two_journeys();
    skipped.happenings[6].state = "DELIVERED"; // after STARTED
    EXPECT_EQ(numbers_of(skipped), one);
    auto gap = two_journeys();
    gap.happenings[6].version = 4;
    EXPECT_EQ(numbers_of(gap), one);
    auto waypoint = two_journeys();
    waypoint.happenings[3].state = "DELIVERED";
    EXPECT_EQ(numbers_of(waypoint), one);
    auto missing = two_journeys();
    missing.happenings.pop_back(); // the row says CONFIRMED, the history ends before it
    EXPECT_EQ(numbers_of(missing), one);
    auto none = two_journeys();
    remove(none.happenings, [](const auto& each) { return each.good == "sofa"; });
    EXPECT_EQ(numbers_of(none), one);
}

TEST(audit_findings, happenings_that_came_after_the_move_was_read_are_no_fault) {
    auto all = two_journeys();
    all.happenings.push_back({"sofa", "state", "DELIVERED", 4});
    EXPECT_EQ(numbers_of(all), numbers{});
}

TEST(audit_findings, points_that_do_not_add_up_are_counted_as_the_header_says) {
    auto made = two_journeys(); // points out of nowhere: 7 in the entries, 7 in the balance
    made.clients[3] = {"eve", 207, 207, 1};
    EXPECT_EQ(numbers_of(made), (numbers{.points_imbalance = 7 + 7}));
    auto wrong = two_journeys(); // a balance that its entries do not explain
    wrong.clients[3] = {"eve", 195, 200, 1};
    const auto found = find_in(wrong, many);
    EXPECT_EQ(numbers_of(found), (numbers{.points_imbalance = 5 + 5}));
    EXPECT_EQ(found.points_imbalance.witnesses.at(0).id, "eve");
    auto nobody = two_journeys(); // paid to a name that has no account
    nobody.clients.push_back({"mallory", std::nullopt, 20, 0});
    nobody.clients[3] = {"eve", 180, 180, 1};
    EXPECT_EQ(numbers_of(nobody), (numbers{.phantom = 1, .points_imbalance = 20 + 20}));
}

TEST(audit_findings, only_the_first_witnesses_of_each_kind_are_kept) {
    auto all = two_journeys();
    std::vector<std::string> names;
    for (int i = 0; i < 25; ++i) {
        names.push_back("nobody-" + std::to_string(i));
    }
    for (const auto& name : names) {
        all.accounts.push_back(name);
    }
    remove(all.moves, [](const auto& each) { return each.good == "sofa"; });
    all.mirrors[1] = {"sofa", "", 0};
    const auto found = find_in(all, 3);
    EXPECT_EQ(found.lost.count, 26);
    ASSERT_EQ(found.lost.witnesses.size(), 4U);
    EXPECT_EQ(found.lost.witnesses[2].id, "nobody-2");
    EXPECT_EQ(found.lost.witnesses[3].id, "sofa");
}

TEST(audit_findings, two_looks_are_the_same_when_their_numbers_are) {
    auto all = two_journeys();
    const auto before = find_in(all, many);
    EXPECT_TRUE(before.same_as(find_in(all, 0)));
    all.accounts.push_back("zoe");
    EXPECT_FALSE(before.same_as(find_in(all, many)));
}

} // namespace
} // namespace moving::operate
