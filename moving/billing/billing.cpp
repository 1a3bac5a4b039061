// SPDX-License-Identifier: Apache-2.0
#include "moving/billing/billing.hpp"

#include "moving/billing/book.hpp"
#include "moving/service/event_shapes.hpp"
#include "moving/service/page.hpp"
#include "moving/service/topics.hpp"
#include "moving/text/places.hpp"
#include "moving/text/time.hpp"

namespace moving::billing {

namespace {

namespace json = boost::json;
using service::outcome;
using service::unit_of_work;
using store::session;

const text::shape& estimate_body() {
    static const text::shape shape({service::event_shapes::place_field("from"),
                                    service::event_shapes::place_field("to"), text::integer_field("litres", 1, 5'000)});
    return shape;
}

const text::shape& account_answer() {
    static const text::shape shape(
        {text::text_field("client"), text::integer_field("points", -1'000'000'000, 1'000'000'000),
         text::integer_field("owes", 0, 1'000'000'000).described("payments that wait for points"),
         text::text_field("opened")});
    return shape;
}

const text::shape& short_account_answer() {
    static const text::shape shape(
        {text::text_field("client"), text::integer_field("points", -1'000'000'000, 1'000'000'000)});
    return shape;
}

const text::shape& entries_answer() {
    static const text::shape entry({text::integer_field("points", -1'000'000'000, 1'000'000'000),
                                    text::text_field("reason"), text::text_field("at")});
    static const text::shape shape({text::text_field("client"), text::list_field("entries", entry).between(0, 200)});
    return shape;
}

const text::shape& estimate_answer() {
    static const text::shape shape({text::integer_field("points", 5, 100)});
    return shape;
}

std::vector<store::migration> tables() {
    return {
        {store::first_service_version,
         "book",
         {"CREATE TABLE account (client TEXT PRIMARY KEY, balance BIGINT NOT NULL, opened_us BIGINT NOT NULL) KEYED",
          "INSERT INTO account (client, balance, opened_us) VALUES ('" + std::string(bank) + "', 0, 0)",
          "CREATE TABLE entry (id SEQUENCE_KEY, client TEXT NOT NULL, points BIGINT NOT NULL, reason TEXT NOT NULL, "
          "at_us BIGINT NOT NULL)",
          "CREATE INDEX entry_by_client ON entry (client, id)",
          "CREATE TABLE payment (id SEQUENCE_KEY, good TEXT NOT NULL, leg BIGINT NOT NULL, payer TEXT NOT NULL, payee "
          "TEXT NOT NULL,"
          " points BIGINT NOT NULL, state TEXT NOT NULL, event_id TEXT NOT NULL, at_us BIGINT NOT NULL)",
          "CREATE INDEX payment_by_good ON payment (good)",
          "CREATE INDEX payment_by_payer ON payment (payer, state)"}}};
}

outcome open_account(unit_of_work& work, const bus::event& event) {
    const std::string client(event.data.at("username").as_string());
    if (!book(work).open(client)) {
        return outcome::poison("there is an account of " + client + " already");
    }
    work.log().info("points given", {{"trace", work.trace().trace_id}, {"client", client}, {"points", first_points}});
    return outcome::done();
}

std::int64_t price_of(const json::value& leg, std::int64_t litres) {
    const auto* from = text::find_place(std::string_view(leg.at("from").as_string()));
    const auto* to = text::find_place(std::string_view(leg.at("to").as_string()));
    // A shape that was checked has towns that exist; whoever does not check may come with anything.
    return from != nullptr && to != nullptr ? text::points_for(*from, *to, static_cast<int>(litres)) : 0;
}

outcome pay_drivers(unit_of_work& work, const bus::event& event) {
    book points(work);
    const std::string owner(event.data.at("owner").as_string());
    const auto& legs = event.data.at("legs").as_array();
    if (work.safe()) {
        if (!points.balance(owner)) {
            return outcome::not_yet("the account of " + owner + " is not open");
        }
        for (const auto& leg : legs) {
            if (const std::string_view driver = leg.at("driver").as_string(); !points.balance(driver)) {
                return outcome::not_yet("the account of " + std::string(driver) + " is not open");
            }
        }
    }
    const auto litres = event.data.at("litres").as_int64();
    std::int64_t number = 0;
    for (const auto& leg : legs) {
        points.pay({std::string(event.data.at("good").as_string()), number++, owner,
                    std::string(leg.at("driver").as_string()), price_of(leg, litres), event.id});
    }
    return outcome::done();
}

http::answer no_account(std::string_view client) {
    return http::problem(404, "There is no account of \"" + std::string(client) + "\" (yet).");
}

http::answer show(session& db, http::request& asked) {
    const auto client = asked.path_parameter("client");
    const auto row = db.one("SELECT balance, opened_us FROM account WHERE client = :client", {client});
    if (!row || client == bank) {
        return no_account(client);
    }
    const auto owed =
        db.one("SELECT CAST(COALESCE(SUM(points), 0) AS BIGINT) FROM payment WHERE payer = :client AND state = 'OWED'",
               {client});
    return http::json(200, {{"client", client},
                            {"points", row->integer(0)},
                            {"owes", owed->integer(0)},
                            {"opened", text::rfc3339(row->integer(1))}});
}

http::answer list(session& db, http::request& asked) {
    const auto page = service::page_of(asked);
    if (!page) {
        return service::bad_page();
    }
    json::array accounts;
    for (const auto& row : db.query("SELECT client, balance FROM account WHERE client > :after AND client <> :bank "
                                    "ORDER BY client LIMIT :limit",
                                    {page->after, bank, page->limit})) {
        accounts.push_back({{"client", row.text(0)}, {"points", row.integer(1)}});
    }
    return http::json(200, {{"accounts", std::move(accounts)}});
}

http::answer entries(session& db, http::request& asked) {
    const auto client = asked.path_parameter("client");
    if (client == bank || !db.one("SELECT client FROM account WHERE client = :client", {client})) {
        return no_account(client);
    }
    json::array out;
    for (const auto& row : db.query(
             "SELECT points, reason, at_us FROM entry WHERE client = :client ORDER BY id DESC LIMIT 200", {client})) {
        out.push_back({{"points", row.integer(0)}, {"reason", row.text(1)}, {"at", text::rfc3339(row.integer(2))}});
    }
    return http::json(200, {{"client", client}, {"entries", std::move(out)}});
}

http::answer estimate(http::request& asked, http::workplace&) {
    const auto& body = asked.json();
    return http::json(200, {{"points", price_of(body, body.at("litres").as_int64())}});
}

http::route estimate_route() {
    http::route out;
    out.method = http::verb::post;
    out.path = "/billing/estimate";
    out.summary = "What a move would cost";
    out.body = &estimate_body();
    out.handle = estimate;
    return out;
}

} // namespace

service::definition define(const service::settings&) {
    service::definition out;
    out.name = "billing";
    out.tables = tables();
    using namespace service;
    const http::possible_answer unknown{404, "there is no such account (yet)", nullptr};
    out.routes = {answering(listing("/billing", "All accounts and their points", list),
                            {with_list("accounts", short_account_answer())}),
                  answering(reading("/billing/{client}", "The points of one account", show),
                            {with_body(200, "the account", account_answer()), unknown}),
                  answering(reading("/billing/{client}/entries",
                                    "The last 200 entries of one account, the newest first", entries),
                            {with_body(200, "the entries", entries_answer()), unknown}),
                  answering(estimate_route(), {with_body(200, "what it would cost", estimate_answer())})};
    out.subscriptions = {{service::topics::account_created, "account_created", "accounting",
                          &service::event_shapes::account_created(), open_account},
                         {service::topics::tracking_finished, "tracking_finished", "tracking",
                          &service::event_shapes::tracking_finished(), pay_drivers}};
    return out;
}

} // namespace moving::billing
