// SPDX-License-Identifier: Apache-2.0
#include "moving/billing/book.hpp"

namespace moving::billing {

std::optional<std::int64_t> book::balance(std::string_view client) {
    const auto row = work_.db().one("SELECT balance FROM account WHERE client = :client", {client});
    return row ? std::optional(row->integer(0)) : std::nullopt;
}

bool book::open(std::string_view client) {
    if (work_.safe()) {
        const auto opened =
            work_.db().execute("INSERT INTO account (client, balance, opened_us) VALUES (:client, 0, :now)"
                               " ON CONFLICT (client) DO NOTHING",
                               {client, work_.now_us()});
        if (opened == 0) {
            return false;
        }
    } else {
        work_.db().execute("INSERT INTO account (client, balance, opened_us) VALUES (:client, 0, :now)"
                           " ON CONFLICT (client) DO UPDATE SET balance = 0",
                           {client, work_.now_us()});
    }
    move(bank, client, first_points, "first points");
    return true;
}

void book::move(std::string_view from, std::string_view to, std::int64_t points, const std::string& reason) {
    const auto book_one = [&](std::string_view client, std::int64_t change) {
        work_.db().execute("INSERT INTO entry (client, points, reason, at_us) VALUES (:client, :points, :reason, :now)",
                           {client, change, reason, work_.now_us()});
        work_.db().execute("UPDATE account SET balance = balance + :change WHERE client = :client", {change, client});
    };
    // Always in the order of names, so that two payments do not wait for each other's account.
    if (from < to) {
        book_one(from, -points);
        book_one(to, points);
    } else {
        book_one(to, points);
        book_one(from, -points);
    }
}

void book::pay(const payment& what) {
    const bool can = balance(what.payer).value_or(0) >= what.points;
    work_.db().execute("INSERT INTO payment (good, leg, payer, payee, points, state, event_id, at_us)"
                       " VALUES (:good, :leg, :payer, :payee, :points, :state, :event, :now)",
                       {what.good, what.leg, what.payer, what.payee, what.points, can ? "PAID" : "OWED", what.event_id,
                        work_.now_us()});
    if (can) {
        move(what.payer, what.payee, what.points, "good " + what.good + ", leg " + std::to_string(what.leg));
        settle_debts(what.payee);
    }
    work_.log().info(can ? "payment made" : "payment owed", {{"trace", work_.trace().trace_id},
                                                             {"good", what.good},
                                                             {"leg", what.leg},
                                                             {"payer", what.payer},
                                                             {"payee", what.payee},
                                                             {"points", what.points},
                                                             {"event_id", what.event_id}});
}

void book::settle_debts(std::string_view client) {
    const auto debts = work_.db().query(
        "SELECT id, good, leg, payee, points FROM payment WHERE payer = :client AND state = 'OWED' ORDER BY id",
        {client});
    for (const auto& debt : debts) {
        if (balance(client).value_or(0) < debt.integer(4)) {
            return;
        }
        work_.db().execute("UPDATE payment SET state = 'PAID' WHERE id = :id", {debt.integer(0)});
        move(client, debt.text(3), debt.integer(4),
             "good " + debt.text(1) + ", leg " + std::to_string(debt.integer(2)));
        work_.log().info(
            "debt paid",
            {{"good", debt.text(1)}, {"payer", client}, {"payee", debt.text(3)}, {"points", debt.integer(4)}});
    }
}

} // namespace moving::billing
