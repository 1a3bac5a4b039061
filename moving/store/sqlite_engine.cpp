// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstring>

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "moving/store/engine.hpp"
#include "moving/store/patience.hpp"
#include "moving/store/sentences.hpp"
#include "moving/text/limits.hpp"

namespace moving::store {
namespace {

using namespace sqlite_api;
using steady = std::chrono::steady_clock;

trouble_kind kind_of(int code) {
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_SCHEMA: return trouble_kind::conflict;
    case SQLITE_FULL: return trouble_kind::full;
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH: return trouble_kind::refused;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT: return trouble_kind::gone;
    default: return trouble_kind::bug;
    }
}

/// When the running statement must have ended. Asked by SQLite every few thousand steps of its machine.
struct time_limit {
    std::chrono::milliseconds limit;
    steady::time_point until;
    static constexpr int steps = 10'000;

    void start() { until = steady::now() + limit; }
    static int is_over(void* self) { return steady::now() > static_cast<time_limit*>(self)->until ? 1 : 0; }
};

class sqlite_link;

class sqlite_statement final : public prepared {
public:
    sqlite_statement(sqlite_link& on, std::unique_ptr<soci::sqlite3_statement_backend> statement)
        : on_(on), statement_(std::move(statement)), places_(sqlite3_bind_parameter_count(statement_->stmt_)) {}
    ~sqlite_statement() override {
        statement_->clean_up();
    } // SOCI does not, and then the connection stays open for ever

    void execute(std::span<const argument> arguments) override;
    rows take_rows() override;
    void finish() noexcept override {
        sqlite3_reset(statement_->stmt_);
        has_row_ = false;
    }
    std::int64_t affected() override { return statement_->get_affected_rows(); }
    bool reads_only() const override { return sqlite3_stmt_readonly(statement_->stmt_) != 0; }

private:
    void bind(std::span<const argument> arguments);

    sqlite_link& on_;
    std::unique_ptr<soci::sqlite3_statement_backend> statement_;
    int places_;
    bool has_row_ = false;
};

class sqlite_link final : public link {
public:
    sqlite_link(const settings& how, const location& where);

    std::unique_ptr<prepared> prepare(const std::string& text) override;
    void run_once(const std::string& text) override;
    bool broken() override { return broken_; }

    void start_time() { time_.start(); }
    /// Turns what SOCI threw into our trouble.
    [[noreturn]] void fail(const soci::soci_error& why);

private:
    [[nodiscard]] soci::sqlite3_session_backend& backend() {
        return static_cast<soci::sqlite3_session_backend&>(*session_.get_backend());
    }
    void set_up(const settings& how);
    void keep_log_ahead();

    std::string shown_;
    time_limit time_;
    bool broken_ = false;
    soci::session session_;
};

sqlite_link::sqlite_link(const settings& how, const location& where)
    : shown_(where.shown), time_{how.statement_timeout, {}} {
    try {
        session_.open(soci::sqlite3, "db=\"" + where.path + '"');
    } catch (const soci::soci_error& why) {
        throw failure({trouble_kind::gone, shown_ + " cannot be opened: " + one_line(why.what())});
    }
    set_up(how);
    start_time();
    sqlite3_progress_handler(backend().conn_, time_limit::steps, time_limit::is_over, &time_);
}

void sqlite_link::set_up(const settings& how) {
    run_once("PRAGMA busy_timeout=" + std::to_string(how.lock_timeout.count()));
    keep_log_ahead();
    run_once(how.durability == durability::full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    run_once("PRAGMA foreign_keys=ON");
    run_once("PRAGMA temp_store=MEMORY");
    run_once("PRAGMA cache_size=-" + std::to_string(limits::sqlite_cache_kib));
    run_once("PRAGMA mmap_size=0");
    run_once("PRAGMA journal_size_limit=" + std::to_string(limits::sqlite_log_bytes));
}

void sqlite_link::keep_log_ahead() {
    auto statement = prepare("PRAGMA journal_mode=WAL");
    // Who changes it first keeps the others out and SQLite does not let them wait: they ask again.
    for (patience left;;) {
        try {
            statement->execute({});
            break;
        } catch (const failure& why) {
            if (why.trouble().kind != trouble_kind::conflict || !left.wait()) {
                throw;
            }
        }
    }
    if (const auto mode = statement->take_rows(); mode.empty() || mode.front().text(0) != "wal") {
        throw failure({trouble_kind::gone, shown_ + " lies where SQLite cannot keep a log for several connections"});
    }
}

void sqlite_link::fail(const soci::soci_error& why) {
    const auto* const known = dynamic_cast<const soci::sqlite3_soci_error*>(&why);
    if (known == nullptr) {
        throw failure({trouble_kind::bug, shown_ + ": " + one_line(why.what())});
    }
    const auto kind = kind_of(known->result());
    const bool late = (known->result() & 0xff) == SQLITE_INTERRUPT;
    broken_ = broken_ || (kind == trouble_kind::gone && !late);
    const std::string reason = late ? "a statement took longer than " + std::to_string(time_.limit.count()) + " ms"
                                    : one_line(sqlite3_errmsg(backend().conn_));
    throw failure({kind, shown_ + ": " + reason});
}

std::unique_ptr<prepared> sqlite_link::prepare(const std::string& text) {
    std::unique_ptr<soci::sqlite3_statement_backend> statement(backend().make_statement_backend());
    try {
        statement->prepare(text, soci::details::st_repeatable_query);
    } catch (const soci::soci_error& why) {
        fail(why);
    }
    return std::make_unique<sqlite_statement>(*this, std::move(statement));
}

void sqlite_link::run_once(const std::string& text) {
    auto statement = prepare(text);
    statement->execute({});
    statement->take_rows();
}

void sqlite_statement::execute(std::span<const argument> arguments) {
    bind(arguments);
    on_.start_time();
    try {
        has_row_ = statement_->execute(1) == soci::details::statement_backend::ef_success;
    } catch (const soci::soci_error& why) {
        on_.fail(why);
    }
}

void sqlite_statement::bind(std::span<const argument> arguments) {
    check_arguments(arguments, static_cast<std::size_t>(places_), sqlite3_sql(statement_->stmt_));
    if (places_ == 0) {
        return;
    }
    auto& bound = statement_->useData_;
    bound.resize(1);
    bound[0].resize(arguments.size());
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        auto& to = bound[0][i];
        const auto& from = arguments[i].value();
        to.isNull_ = from.index() == 0;
        if (const auto* number = std::get_if<std::int64_t>(&from)) {
            to.type_ = soci::dt_long_long;
            to.int64_ = *number;
        } else if (const auto* text = std::get_if<std::string_view>(&from)) {
            to.type_ = soci::dt_string;
            to.buffer_.constData_ = text->data() != nullptr ? text->data() : ""; // no address would be no value
            to.buffer_.size_ = text->size();
        }
    }
}

row::cell cell_of(sqlite3_stmt* statement, int column) {
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_NULL: return {};
    case SQLITE_INTEGER: return static_cast<std::int64_t>(sqlite3_column_int64(statement, column));
    default: {
        const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
        return std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
    }
    }
}

rows sqlite_statement::take_rows() {
    rows out;
    auto* const statement = statement_->stmt_;
    const int columns = sqlite3_column_count(statement);
    try {
        while (has_row_) {
            std::vector<row::cell> cells;
            cells.reserve(static_cast<std::size_t>(columns));
            for (int i = 0; i < columns; ++i) {
                cells.push_back(cell_of(statement, i));
            }
            out.emplace_back(std::move(cells));
            has_row_ = statement_->fetch(1) == soci::details::statement_backend::ef_success;
        }
    } catch (const soci::soci_error& why) {
        on_.fail(why);
    }
    return out;
}

class sqlite_engine final : public engine {
public:
    sqlite_engine(settings how, location where) : how_(std::move(how)), where_(std::move(where)) {}

    std::unique_ptr<link> connect() const override { return std::make_unique<sqlite_link>(how_, where_); }
    /// A writer from the start: one that became a writer later could find that another was quicker, and only fail.
    sql begin_statement() const override { return "BEGIN IMMEDIATE"; }
    std::string_view sequence_key() const override { return "INTEGER PRIMARY KEY AUTOINCREMENT"; }
    std::string_view keyed() const override { return "WITHOUT ROWID"; }
    std::string migration_lock() const override { return {}; }

private:
    settings how_;
    location where_;
};

} // namespace

std::unique_ptr<engine> make_sqlite_engine(const settings& how, const location& where) {
    return std::make_unique<sqlite_engine>(how, where);
}

} // namespace moving::store
