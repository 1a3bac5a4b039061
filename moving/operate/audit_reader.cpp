// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/audit_reader.hpp"

#include <filesystem>
#include <stdexcept>
#include <unordered_map>

#include <boost/json/parse.hpp>

#include "moving/operate/service_command.hpp"
#include "moving/store/transact.hpp"
#include "moving/text/limits.hpp"

namespace moving::operate {

namespace {

namespace json = boost::json;
using store::row;
using store::session;

/// A statement over a whole table of a hundred thousand journeys takes a second or two.
constexpr std::chrono::seconds statement_timeout{60};

/// All rows of a table in the order of its counting key: `page` asks for those after :after, the key first. In parts,
/// so that neither the memory here nor the log of a database that is being written to grows with the table.
template <class See>
void each_by_number(session& db, store::sql page, See see) {
    std::int64_t after = 0;
    for (std::int64_t rows = limits::audited_rows; rows == limits::audited_rows;) {
        const auto part = db.query(page, {after, limits::audited_rows});
        for (const auto& each : part) {
            see(each);
        }
        rows = static_cast<std::int64_t>(part.size());
        after = part.empty() ? after : part.back().integer(0);
    }
}

/// The same where the key is a text.
template <class See>
void each_by_text(session& db, store::sql page, See see) {
    std::string after;
    for (std::int64_t rows = limits::audited_rows; rows == limits::audited_rows;) {
        auto part = db.query(page, {after, limits::audited_rows});
        for (const auto& each : part) {
            see(each);
        }
        rows = static_cast<std::int64_t>(part.size());
        after = part.empty() ? after : part.back().take_text(0);
    }
}

std::string_view text_in(text_pool& texts, const json::value& object, json::string_view name) {
    const auto* members = object.if_object();
    const auto* value = members != nullptr ? members->if_contains(name) : nullptr;
    return value != nullptr && value->is_string() ? texts.keep(std::string_view(value->get_string()))
                                                  : std::string_view();
}

/// What is no leg stays empty: whoever checks nothing has written down anything.
std::vector<audited_leg> legs_of(text_pool& texts, const json::value* legs) {
    std::vector<audited_leg> out;
    if (legs != nullptr && legs->is_array()) {
        for (const auto& leg : legs->get_array()) {
            out.push_back({text_in(texts, leg, "course"), text_in(texts, leg, "driver"), text_in(texts, leg, "from"),
                           text_in(texts, leg, "to")});
        }
    }
    return out;
}

json::value parsed(const std::string& text) {
    boost::system::error_code error;
    auto out = json::parse(text, error);
    return error ? json::value() : out;
}

audited_match match_of(text_pool& texts, const row& from) {
    audited_match out;
    const auto content = parsed(from.text(2));
    out.good.id = texts.keep(from.text(1));
    out.good.kind = "GOOD";
    if (const auto* members = content.if_object()) {
        if (const auto* good = members->if_contains("good"); good != nullptr && good->is_object()) {
            out.good.owner = text_in(texts, *good, "owner");
            out.good.from = text_in(texts, *good, "from");
            out.good.to = text_in(texts, *good, "to");
            out.good.earliest = text_in(texts, *good, "earliest");
            out.good.latest = text_in(texts, *good, "latest");
            const auto* litres = good->get_object().if_contains("litres");
            out.good.litres = litres != nullptr && litres->is_int64() ? litres->get_int64() : 0;
        }
        out.legs = legs_of(texts, members->if_contains("legs"));
    }
    out.event_id = texts.keep(from.text(3));
    return out;
}

/// One statement, so that balances and entries are of one moment.
void read_book(session& db, audit_input& into) {
    for (const auto& each :
         db.query("SELECT client, MAX(balance), CAST(SUM(points) AS BIGINT), CAST(SUM(firsts) AS BIGINT) FROM"
                  " (SELECT client, balance, 0 AS points, 0 AS firsts FROM account UNION ALL"
                  " SELECT client, NULL, points, CASE WHEN reason = 'first points' AND points > 0 THEN 1 ELSE 0 END"
                  " FROM entry) AS everything GROUP BY client ORDER BY client")) {
        into.clients.push_back(
            {into.texts.keep(each.text(0)), each.maybe_integer(1), each.integer(2), each.integer(3)});
    }
}

void read_billing(session& db, audit_input& into) {
    auto& texts = into.texts;
    each_by_number(db,
                   "SELECT id, good, leg, payer, payee, points, state, event_id FROM payment WHERE id > :after"
                   " ORDER BY id LIMIT :limit",
                   [&](const row& each) {
                       into.payments.push_back({texts.keep(each.text(1)), each.integer(2), texts.keep(each.text(3)),
                                                texts.keep(each.text(4)), each.integer(5), texts.keep(each.text(6)),
                                                texts.keep(each.text(7))});
                   });
    read_book(db, into);
}

void read_links(session& db, audit_input& into) {
    auto& texts = into.texts;
    each_by_number(db, "SELECT id, good, course FROM carried WHERE id > :after ORDER BY id LIMIT :limit",
                   [&](const row& each) {
                       into.links.push_back({texts.keep(each.text(1)), texts.keep(each.text(2))});
                   });
    each_by_text(db,
                 "SELECT id, delivery, delivery_version FROM announcement WHERE id > :after AND kind = 'GOOD'"
                 " ORDER BY id LIMIT :limit",
                 [&](const row& each) {
                     into.mirrors.push_back(
                         {texts.keep(each.text(0)), texts.keep(each.maybe_text(1).value_or("")), each.integer(2)});
                 });
}

void read_tracking(session& db, audit_input& into) {
    auto& texts = into.texts;
    each_by_text(db,
                 "SELECT good, owner, state, version, litres, legs FROM move WHERE good > :after ORDER BY good"
                 " LIMIT :limit",
                 [&](const row& each) {
                     const auto legs = parsed(each.text(5));
                     into.moves.push_back({texts.keep(each.text(0)), texts.keep(each.text(1)), texts.keep(each.text(2)),
                                           each.integer(3), each.integer(4), legs_of(texts, &legs)});
                 });
    each_by_number(db,
                   "SELECT id, good, kind, state, version FROM happening WHERE id > :after ORDER BY id LIMIT :limit",
                   [&](const row& each) {
                       into.happenings.push_back({texts.keep(each.text(1)), texts.keep(each.text(2)),
                                                  texts.keep(each.text(3)), each.integer(4)});
                   });
}

audited_announcement announcement_of(text_pool& texts, const row& from, std::size_t first) {
    return {texts.keep(from.text(first)),     texts.keep(from.text(first + 1)), texts.keep(from.text(first + 2)),
            texts.keep(from.text(first + 3)), texts.keep(from.text(first + 4)), texts.keep(from.text(first + 5)),
            texts.keep(from.text(first + 6)), from.integer(first + 7),          texts.keep(from.text(first + 8))};
}

void read_matching(session& db, audit_input& into) {
    each_by_number(db, "SELECT id, good, content, event_id FROM matched WHERE id > :after ORDER BY id LIMIT :limit",
                   [&](const row& each) { into.matches.push_back(match_of(into.texts, each)); });
    each_by_number(db,
                   "SELECT id, announcement, kind, owner, from_place, to_place, earliest, latest, litres, state"
                   " FROM waiting WHERE id > :after ORDER BY id LIMIT :limit",
                   [&](const row& each) { into.waiting.push_back(announcement_of(into.texts, each, 1)); });
}

void read_announcements(session& db, audit_input& into) {
    each_by_text(db,
                 "SELECT id, kind, owner, from_place, to_place, earliest, latest, litres, state FROM announcement"
                 " WHERE id > :after ORDER BY id LIMIT :limit",
                 [&](const row& each) { into.announcements.push_back(announcement_of(into.texts, each, 0)); });
}

void read_accounts(session& db, audit_input& into) {
    each_by_text(db, "SELECT username FROM account WHERE username > :after ORDER BY username LIMIT :limit",
                 [&](const row& each) { into.accounts.push_back(into.texts.keep(each.text(0))); });
}

tl::unexpected<std::string> unread(const std::string& service, const store::trouble& why) {
    return tl::make_unexpected("the database of " + service + " cannot be read: " + why.sentence);
}

} // namespace

tl::expected<audit_reader, std::string> audit_reader::open(const running_system& system) {
    audit_reader out;
    for (const auto& known : known_services()) {
        const auto found = system.services.find(known.name);
        if (found == system.services.end()) {
            return tl::make_unexpected("it is not known where the database of " + known.name +
                                       " is: services.json does not name the service");
        }
        store::settings settings;
        settings.url = found->second.database;
        settings.statement_timeout = statement_timeout;
        settings.application = "moving-audit";
        const auto where = store::parse_url(settings.url);
        if (!where) {
            return tl::make_unexpected("the database of " + known.name + ": " + where.error());
        }
        // SQLite would make an empty one.
        if (where->product == store::product::sqlite && !std::filesystem::exists(where->path)) {
            return tl::make_unexpected("the database of " + known.name + " is missing: there is no file " +
                                       where->path);
        }
        auto database = std::make_unique<store::database>(settings);
        auto session = std::make_unique<store::session>(database->connect());
        const auto answered =
            store::attempt(*session, [](store::session& db) { db.query("SELECT version FROM schema_version"); });
        if (!answered) {
            return unread(known.name, answered.error());
        }
        out.sources_.push_back({known.name, std::move(database), std::move(session)});
    }
    return out;
}

store::session& audit_reader::of(std::string_view service) {
    for (auto& each : sources_) {
        if (each.service == service) {
            return *each.session;
        }
    }
    throw std::logic_error("no such service: " + std::string(service));
}

void audit_reader::read_delivery(source& from, audit_input& into) {
    auto& db = *from.session;
    audited_open open;
    open.unsent = db.one("SELECT COUNT(*) FROM event_log WHERE sent_us IS NULL")->integer(0);
    open.parked = db.one("SELECT COUNT(*) FROM parked")->integer(0);
    into.open[from.service] = open;
    for (const auto& each : db.query("SELECT topic, COUNT(*) FROM event_log GROUP BY topic")) {
        into.told[each.text(0)] += each.integer(1);
    }
}

tl::expected<audit_input, std::string> audit_reader::read() {
    audit_input out;
    struct part {
        const char* service;
        void (*read)(session&, audit_input&);
    };
    // What is open first: an event that leaves an outbox now is found with its effect or missed at the next look.
    for (auto& each : sources_) {
        const auto done = store::attempt(*each.session, [&](session&) { read_delivery(each, out); });
        if (!done) {
            return unread(each.service, done.error());
        }
    }
    // Effects before their causes (audit_input).
    for (const auto& each : {part{"billing", read_billing}, part{"announcement", read_links},
                             part{"tracking", read_tracking}, part{"matching", read_matching},
                             part{"announcement", read_announcements}, part{"accounting", read_accounts}}) {
        const auto done = store::attempt(of(each.service), [&](session& db) { each.read(db, out); });
        if (!done) {
            return unread(each.service, done.error());
        }
    }
    return out;
}

tl::expected<void, std::string> audit_reader::name_events(audit_findings& findings) {
    std::unordered_multimap<std::string, witness*> nameless;
    for (auto* each : findings.all()) {
        for (auto& witness : each->witnesses) {
            if (witness.event_id.empty() && !witness.key.empty()) {
                nameless.emplace(witness.topic + '\n' + witness.key, &witness);
            }
        }
    }
    if (nameless.empty()) {
        return {};
    }
    for (auto& each : sources_) {
        const auto done = store::attempt(*each.session, [&](session& db) {
            each_by_number(db,
                           "SELECT sequence, topic, event_key, event_id FROM event_log WHERE sequence > :after"
                           " ORDER BY sequence LIMIT :limit",
                           [&](const row& event) {
                               const auto [begin, end] = nameless.equal_range(event.text(1) + '\n' + event.text(2));
                               for (auto found = begin; found != end; ++found) {
                                   // Of several steps of a move the last is the one that is not shown; what follows
                                   // an announcement is its cancellation.
                                   auto& id = found->second->event_id;
                                   if (id.empty() || found->second->type != "announcement_created") {
                                       id = event.text(3);
                                   }
                               }
                           });
        });
        if (!done) {
            return unread(each.service, done.error());
        }
    }
    return {};
}

} // namespace moving::operate
