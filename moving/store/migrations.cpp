// SPDX-License-Identifier: Apache-2.0
#include "moving/store/migrations.hpp"

#include <algorithm>
#include <set>

#include "moving/store/engine.hpp"
#include "moving/store/transact.hpp"
#include "moving/text/time.hpp"

namespace moving::store {
namespace {

std::string replaced(std::string text, std::string_view word, std::string_view by) {
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size())) {
        text.replace(at, word.size(), by);
    }
    return text;
}

void lock(session& on) {
    if (const auto statement = on.how().migration_lock(); !statement.empty()) {
        on.run_once(statement);
    }
}

void make_table(session& on) {
    lock(on);
    on.run_once("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL,"
                " applied_us BIGINT NOT NULL)");
}

std::set<std::int64_t> applied(session& on) {
    std::set<std::int64_t> out;
    for (const auto& each : on.query("SELECT version FROM schema_version")) {
        out.insert(each.integer(0));
    }
    return out;
}

void refuse_newer(session& on, const std::vector<migration>& steps) {
    for (const auto version : applied(on)) {
        if (std::none_of(steps.begin(), steps.end(), [version](const auto& step) { return step.version == version; })) {
            throw failure({trouble_kind::refused, "the database has schema version " + std::to_string(version) +
                                                      ", which this program does not know: use the newer program"});
        }
    }
}

/// False: another replica was quicker.
bool apply(session& on, const migration& step) {
    lock(on);
    if (applied(on).contains(step.version)) {
        return false;
    }
    for (const auto& statement : step.statements) {
        on.run_once(replaced(replaced(statement, "SEQUENCE_KEY", on.how().sequence_key()), "KEYED", on.how().keyed()));
    }
    on.execute("INSERT INTO schema_version (version, name, applied_us) VALUES (:version, :name, :now)",
               {step.version, step.name, text::now_us()});
    return true;
}

} // namespace

tl::expected<int, trouble> migrate(session& on, const std::vector<migration>& steps) {
    auto made = transact(on, make_table);
    if (made) {
        made = attempt(on, [&](session& s) { refuse_newer(s, steps); });
    }
    if (!made) {
        return tl::unexpected(made.error());
    }
    auto ordered = steps;
    std::stable_sort(ordered.begin(), ordered.end(),
                     [](const auto& a, const auto& b) { return a.version < b.version; });
    int done = 0;
    for (const auto& step : ordered) {
        const auto result = transact(on, [&](session& s) { return apply(s, step); });
        if (!result) {
            return tl::unexpected(trouble{result.error().kind, "schema version " + std::to_string(step.version) + " (" +
                                                                   step.name + "): " + result.error().sentence});
        }
        done += *result ? 1 : 0;
    }
    return done;
}

} // namespace moving::store
