// SPDX-License-Identifier: Apache-2.0
#include "moving/accounting/accounting.hpp"

#include <algorithm>

#include "moving/service/page.hpp"
#include "moving/service/topics.hpp"
#include "moving/text/time.hpp"

namespace moving::accounting {

namespace {

namespace json = boost::json;
using service::unit_of_work;
using store::session;

/// Names are part of paths and keys: letters that need no escape.
constexpr std::string_view name_characters = "abcdefghijklmnopqrstuvwxyz0123456789-_.";

const text::shape& account_body() {
    static const text::shape shape(
        {text::text_field("username").between(1, 64), text::text_field("email").between(3, 254),
         text::text_field("first_name").between(1, 100), text::text_field("last_name").between(1, 100)});
    return shape;
}

const text::shape& account_answer() {
    static const text::shape shape({text::text_field("username"), text::text_field("email"),
                                    text::text_field("first_name"), text::text_field("last_name"),
                                    text::text_field("created"), text::text_field("closed").optional()});
    return shape;
}

std::vector<store::migration> tables() {
    return {{store::first_service_version,
             "accounts",
             {"CREATE TABLE account (username TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, first_name TEXT NOT NULL,"
              " last_name TEXT NOT NULL, created_us BIGINT NOT NULL, closed_us BIGINT) KEYED"}}};
}

json::object account_of(const store::row& row) {
    json::object out{{"username", row.text(0)},
                     {"email", row.text(1)},
                     {"first_name", row.text(2)},
                     {"last_name", row.text(3)},
                     {"created", text::rfc3339(row.integer(4))}};
    if (const auto closed = row.maybe_integer(5)) {
        out["closed"] = text::rfc3339(*closed);
    }
    return out;
}

std::optional<store::row> find(session& db, std::string_view username) {
    return db.one(
        "SELECT username, email, first_name, last_name, created_us, closed_us FROM account WHERE username = :username",
        {username});
}

http::answer no_account(std::string_view username) {
    return http::problem(404, "There is no account \"" + std::string(username) + "\".");
}

http::answer open(unit_of_work& work, http::request& asked) {
    const auto& body = asked.json().as_object();
    const std::string username(body.at("username").as_string());
    const std::string email(body.at("email").as_string());
    if (username.find_first_not_of(name_characters) != std::string::npos) {
        return http::problem(422, "Unprocessable Content", "A username has small letters, digits, and - _ . only.",
                             "/username");
    }
    if (const auto at = email.find('@'); at == 0 || at == std::string::npos || at + 1 == email.size()) {
        return http::problem(422, "Unprocessable Content", "An email address has a name, an @ and a host.", "/email");
    }
    const auto taken =
        work.db().one("SELECT username FROM account WHERE username = :username OR email = :email", {username, email});
    const auto opened =
        taken ? 0
              : work.db().execute("INSERT INTO account (username, email, first_name, last_name, created_us)"
                                  " VALUES (:username, :email, :first, :last, :now) ON CONFLICT DO NOTHING",
                                  {username, email, std::string_view(body.at("first_name").as_string()),
                                   std::string_view(body.at("last_name").as_string()), work.now_us()});
    if (opened == 0) {
        const bool by_name = !taken || taken->text(0) == username;
        return http::problem(409, by_name ? "The username \"" + username + "\" is taken."
                                          : std::string("There is an account with this email address already."));
    }
    const auto event =
        work.tell(service::topics::account_created, "account_created", username, {{"username", username}});
    work.log().info("account opened", {{"trace", work.trace().trace_id}, {"username", username}, {"event_id", event}});
    return http::json(201, account_of(*find(work.db(), username))).with("Location", "/accounts/" + username);
}

http::answer show(session& db, http::request& asked) {
    const auto username = asked.path_parameter("username");
    const auto row = find(db, username);
    return row ? http::json(200, account_of(*row)) : no_account(username);
}

http::answer list(session& db, http::request& asked) {
    const auto page = service::page_of(asked);
    if (!page) {
        return service::bad_page();
    }
    json::array accounts;
    for (const auto& row : db.query("SELECT username, email, first_name, last_name, created_us, closed_us FROM account"
                                    " WHERE username > :after ORDER BY username LIMIT :limit",
                                    {page->after, page->limit})) {
        accounts.push_back(account_of(row));
    }
    return http::json(200, {{"accounts", std::move(accounts)}});
}

/// An account is closed, not forgotten: moves and payments name it.
http::answer close(unit_of_work& work, http::request& asked) {
    const auto username = asked.path_parameter("username");
    const auto row = find(work.db(), username);
    if (!row) {
        return no_account(username);
    }
    work.db().execute("UPDATE account SET closed_us = :now WHERE username = :username AND closed_us IS NULL",
                      {work.now_us(), username});
    work.log().info("account closed", {{"trace", work.trace().trace_id}, {"username", username}});
    return http::empty(204);
}

} // namespace

service::definition define(const service::settings&) {
    service::definition out;
    out.name = "accounting";
    out.tables = tables();
    using namespace service;
    const http::possible_answer unknown{404, "there is no such account", nullptr};
    out.routes = {
        answering(writing(http::verb::post, "/accounts", "Open an account", &account_body(), open),
                  {with_body(201, "the account", account_answer()),
                   {409, "the username or the email address is taken", nullptr}}),
        answering(listing("/accounts", "All accounts, by username", list), {with_list("accounts", account_answer())}),
        answering(reading("/accounts/{username}", "One account", show),
                  {with_body(200, "the account", account_answer()), unknown}),
        answering(writing(http::verb::remove, "/accounts/{username}", "Close an account", nullptr, close),
                  {{204, "it is closed", nullptr}, unknown})};
    return out;
}

} // namespace moving::accounting
