// SPDX-License-Identifier: Apache-2.0
#include "runstore/database.hpp"

#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/limits.hpp"

namespace cb::runstore {
namespace {

errc kind_of(int code) {
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return errc::malformed;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return errc::timed_out;
    case SQLITE_CANTOPEN: return errc::not_found;
    case SQLITE_CONSTRAINT: return errc::conflict;
    default: return errc::io;
    }
}

tl::unexpected<error> failure_of(sqlite3* handle, std::string_view name) {
    return fail(kind_of(sqlite3_extended_errcode(handle)), fmt::format("{}: {}", name, sqlite3_errmsg(handle)));
}

} // namespace

bool row::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::int64_t row::integer(int column) const { return sqlite3_column_int64(statement_, column); }

double row::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string row::text(int column) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return text == nullptr ? std::string()
                           : std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

std::optional<std::int64_t> row::maybe_integer(int column) const {
    return is_null(column) ? std::nullopt : std::optional(integer(column));
}

void statement::finalizer::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }

void statement::bind(int position, std::string_view text) {
    // A null pointer would be NULL, not "". SQLite does not copy: the text lives until the statement has run.
    sqlite3_bind_text64(handle_.get(), position, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC,
                        SQLITE_UTF8);
}

void statement::bind(int position, double number) { sqlite3_bind_double(handle_.get(), position, number); }

void statement::bind(int position, std::nullptr_t) { sqlite3_bind_null(handle_.get(), position); }

void statement::bind_integer(int position, std::int64_t number) { sqlite3_bind_int64(handle_.get(), position, number); }

result<bool> statement::step() {
    const auto code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) {
        return true;
    }
    auto* const handle = sqlite3_db_handle(handle_.get());
    auto outcome = code == SQLITE_DONE ? result<bool>(false) : failure_of(handle, "run.db");
    sqlite3_reset(handle_.get());
    return outcome;
}

void database::closer::operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }

tl::unexpected<error> database::failure() const { return failure_of(handle_.get(), name_); }

result<database> database::open(const std::filesystem::path& file, access how) {
    if ((how == access::create) == std::filesystem::exists(file)) {
        return how == access::create ? fail(errc::conflict, fmt::format("{}: exists already", file.string()))
                                     : fail(errc::not_found, fmt::format("{}: there is no such file", file.string()));
    }
    const auto flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (how == access::create ? SQLITE_OPEN_CREATE : 0);
    sqlite3* handle = nullptr;
    const auto code = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
    database out(handle, file.string());
    if (code != SQLITE_OK) {
        return out.failure();
    }
    sqlite3_busy_timeout(handle, limits::run_lock_wait_ms);
    if (how == access::read) {
        if (auto told = out.execute("PRAGMA query_only = 1"); !told) {
            return tl::unexpected(told.error());
        }
    }
    return out;
}

result<void> database::execute(const char* sql) {
    if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
        return failure();
    }
    return {};
}

result<statement> database::prepare(std::string_view sql) {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &made,
                           nullptr) != SQLITE_OK) {
        return failure();
    }
    statement out;
    out.handle_.reset(made);
    return out;
}

result<std::int64_t> database::number(std::string_view sql) {
    auto query = prepare(sql);
    if (!query) {
        return tl::unexpected(query.error());
    }
    std::optional<std::int64_t> found;
    auto ran = query->each([&](const row& each) { found = found ? found : each.integer(0); });
    if (!ran) {
        return tl::unexpected(ran.error());
    }
    return found.value_or(0);
}

result<transaction> transaction::begin(database& where) {
    if (auto begun = where.execute("BEGIN IMMEDIATE"); !begun) {
        return tl::unexpected(begun.error());
    }
    return transaction(where);
}

transaction::~transaction() {
    if (where_ != nullptr) {
        static_cast<void>(where_->execute("ROLLBACK")); // there is nobody to tell: the failure was told already
    }
}

result<void> transaction::commit() {
    auto done = where_->execute("COMMIT");
    if (done) {
        where_ = nullptr;
    }
    return done;
}

} // namespace cb::runstore
