// SPDX-License-Identifier: Apache-2.0
#include "moving/billing/billing.hpp"

#include "moving/billing/book.hpp"
#include "moving/service/tests/service_at_work.hpp"
#include "moving/service/topics.hpp"
#include "moving/text/places.hpp"

namespace moving::billing {
namespace {

namespace json = boost::json;
namespace topics = service::topics;
using service::delivery;
using service::tests::json_of;
using service::tests::service_at_work;

std::int64_t price(const char* from, const char* to, int litres) {
    return text::points_for(*text::find_place(from), *text::find_place(to), litres);
}

json::object leg(const char* driver, const char* from = "Brest", const char* to = "Nice") {
    return {{"course", std::string("course of ") + driver}, {"driver", driver}, {"from", from}, {"to", to}};
}

class billing : public testing::Test {
protected:
    explicit billing(delivery how = delivery::safe) : at_work_(define, how) {}

    void open(const std::string& name) {
        at_work_.take(topics::account_created, "account_created", {{"username", name}});
    }
    std::string finish(const std::string& good, const char* owner, json::array legs, int litres = 100) {
        return at_work_
            .take(topics::tracking_finished, "tracking_finished",
                  {{"good", good}, {"owner", owner}, {"litres", litres}, {"legs", std::move(legs)}})
            .what;
    }
    std::int64_t points(const std::string& name) {
        return json_of(at_work_.get("/billing/" + name)).at("points").as_int64();
    }
    std::int64_t owes(const std::string& name) {
        return json_of(at_work_.get("/billing/" + name)).at("owes").as_int64();
    }
    /// Zero at any time: points are moved, never made.
    std::int64_t sum_of_entries() { return at_work_.number("SELECT CAST(SUM(points) AS BIGINT) FROM entry"); }
    std::int64_t sum_of_balances() { return at_work_.number("SELECT CAST(SUM(balance) AS BIGINT) FROM account"); }

    service_at_work at_work_;
};

class naive_billing : public billing {
protected:
    naive_billing() : billing(delivery::naive) {}
};

TEST_F(billing, gives_first_points_once) {
    open("ada");
    EXPECT_EQ(points("ada"), first_points);
    const auto again = at_work_.take(topics::account_created, "account_created", {{"username", "ada"}});
    EXPECT_STREQ(again.what, "dead"); // another event that says the same
    EXPECT_EQ(points("ada"), first_points);
    EXPECT_EQ(sum_of_entries(), 0);
    EXPECT_EQ(sum_of_balances(), 0);
}

TEST_F(billing, moves_points_of_the_owner_to_each_driver) {
    for (const auto* name : {"ada", "bob", "eve"}) {
        open(name);
    }
    EXPECT_EQ(finish("bike", "ada", {leg("bob", "Paris", "Dijon"), leg("eve", "Dijon", "Lyon")}, 50), "taken");
    const auto first = price("Paris", "Dijon", 50);
    const auto second = price("Dijon", "Lyon", 50);
    EXPECT_EQ(points("ada"), first_points - first - second);
    EXPECT_EQ(points("bob"), first_points + first);
    EXPECT_EQ(points("eve"), first_points + second);
    EXPECT_EQ(sum_of_entries(), 0);
    EXPECT_EQ(sum_of_balances(), 0);
}

TEST_F(billing, waits_for_accounts_that_are_not_open_yet) {
    open("ada");
    EXPECT_EQ(finish("bike", "ada", {leg("bob")}), "parked");
    EXPECT_EQ(finish("sofa", "nobody", {leg("ada")}), "parked");
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM payment"), 0);
    EXPECT_EQ(points("ada"), first_points);
}

TEST_F(billing, what_cannot_be_paid_is_owed_and_paid_later_the_oldest_first) {
    open("ada");
    open("bob");
    const auto one = price("Brest", "Nice", 1000);
    ASSERT_GT(one, first_points / 3);
    ASSERT_LE(one, first_points / 2); // two can be paid, no third
    finish("good-1", "ada", {leg("bob")}, 1000);
    finish("good-2", "ada", {leg("bob")}, 1000);
    const auto cheap = price("Lyon", "Chambery", 1);
    finish("good-3", "ada", {leg("bob")}, 1000);
    EXPECT_EQ(owes("ada"), 3 * one > first_points ? one : 0);
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM payment WHERE state = 'OWED'"), 1);
    const auto before = points("ada");
    finish("good-4", "bob", {leg("ada", "Lyon", "Chambery")}, 1); // not enough to pay the debt
    EXPECT_EQ(points("ada"), before + cheap);
    EXPECT_EQ(owes("ada"), one);
    finish("good-5", "bob", {leg("ada")}, 1000); // now it is
    EXPECT_EQ(owes("ada"), 0);
    EXPECT_EQ(points("ada"), before + cheap);
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM payment WHERE state = 'OWED'"), 0);
    EXPECT_EQ(sum_of_entries(), 0);
    EXPECT_EQ(sum_of_balances(), 0);
}

TEST_F(billing, the_oldest_debt_is_paid_first) {
    for (const auto* name : {"ada", "bob", "eve"}) {
        open(name);
    }
    const auto one = price("Brest", "Nice", 1000);
    for (const auto* good : {"good-1", "good-2", "good-3", "good-4"}) {
        finish(good, "ada", {leg("bob")}, 1000);
    }
    ASSERT_EQ(owes("ada"), 2 * one);
    finish("good-5", "eve", {leg("ada")}, 1000);
    EXPECT_EQ(owes("ada"), one);
    EXPECT_EQ(at_work_.db().one("SELECT good FROM payment WHERE state = 'OWED'")->text(0), "good-4");
}

TEST_F(billing, the_same_event_pays_once) {
    open("ada");
    open("bob");
    const auto bytes = service_at_work::event(
        "tracking_finished", {{"good", "bike"}, {"owner", "ada"}, {"litres", 10}, {"legs", json::array{leg("bob")}}});
    EXPECT_STREQ(at_work_.take(topics::tracking_finished, bytes).what, "taken");
    EXPECT_STREQ(at_work_.take(topics::tracking_finished, bytes).what, "twice");
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM payment"), 1);
    EXPECT_EQ(points("bob"), first_points + price("Brest", "Nice", 10));
}

TEST_F(billing, estimates_what_it_will_take) {
    const json::object asked{{"from", "Paris"}, {"to", "Nice"}, {"litres", 80}};
    const auto given = at_work_.post("/billing/estimate", asked);
    EXPECT_EQ(given.status, 200);
    EXPECT_EQ(json_of(given).at("points").as_int64(), price("Paris", "Nice", 80));
}

TEST_F(billing, answers_bad_requests_with_4xx) {
    EXPECT_EQ(at_work_.get("/billing/nobody").status, 404);
    EXPECT_EQ(at_work_.get("/billing/nobody/entries").status, 404);
    EXPECT_EQ(at_work_.get("/billing/%2Abank%2A").status, 404); // the bank is nobody's account
    EXPECT_EQ(at_work_.get("/billing?limit=0").status, 400);
    EXPECT_EQ(at_work_.post("/billing/estimate", {{"from", "Atlantis"}, {"to", "Nice"}, {"litres", 8}}).status, 422);
    EXPECT_EQ(at_work_.post("/billing/estimate", {{"from", "Paris"}, {"to", "Nice"}, {"litres", 0}}).status, 422);
}

TEST_F(billing, lists_accounts_and_entries) {
    open("ada");
    open("bob");
    finish("bike", "ada", {leg("bob")});
    const auto accounts = json_of(at_work_.get("/billing")).at("accounts").as_array();
    EXPECT_EQ(accounts.size(), 2U); // without the bank
    const auto entries = json_of(at_work_.get("/billing/ada/entries")).at("entries").as_array();
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].at("points").as_int64(), -price("Brest", "Nice", 100)); // the newest first
}

TEST_F(naive_billing, pays_again_what_comes_again) {
    open("ada");
    open("bob");
    const auto bytes = service_at_work::event(
        "tracking_finished", {{"good", "bike"}, {"owner", "ada"}, {"litres", 10}, {"legs", json::array{leg("bob")}}});
    at_work_.take(topics::tracking_finished, bytes);
    at_work_.take(topics::tracking_finished, bytes);
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM payment"), 2);
    EXPECT_EQ(points("bob"), first_points + 2 * price("Brest", "Nice", 10));
}

TEST_F(naive_billing, sets_an_account_back_that_is_opened_again) {
    open("ada");
    open("bob");
    finish("bike", "ada", {leg("bob")});
    open("ada");
    EXPECT_EQ(points("ada"), first_points);
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM entry WHERE client = 'ada' AND reason = 'first points'"), 2);
}

TEST_F(naive_billing, believes_what_was_changed_on_the_way) {
    open("ada");
    open("bob");
    auto bytes = service_at_work::event(
        "tracking_finished", {{"good", "bike"}, {"owner", "ada"}, {"litres", 10}, {"legs", json::array{leg("bob")}}});
    bytes.replace(bytes.find("\"bob\""), 5, "\"bib\"");
    EXPECT_STREQ(at_work_.take(topics::tracking_finished, bytes).what, "taken");
    EXPECT_EQ(at_work_.number("SELECT COUNT(*) FROM payment WHERE payee = 'bib'"), 1);
    EXPECT_EQ(points("bob"), first_points);
}

} // namespace
} // namespace moving::billing
