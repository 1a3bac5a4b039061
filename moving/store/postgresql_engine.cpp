// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include "moving/store/engine.hpp"
#include "moving/store/sentences.hpp"

namespace moving::store {
namespace {

/// The kind of a SQLSTATE (PostgreSQL's documentation, appendix A).
trouble_kind kind_of(std::string_view state) {
    const auto is_class = [state](std::string_view two) { return state.substr(0, 2) == two; };
    if (is_class("40") || state == "55P03" || state == "0A000") {
        return trouble_kind::conflict; // 0A000: the table changed since the statement was prepared
    }
    if (state == "53100") {
        return trouble_kind::full;
    }
    if (is_class("22") || is_class("23") || is_class("54")) {
        return trouble_kind::refused;
    }
    if (is_class("42") || is_class("25")) {
        return state == "25P03" || state == "25006" ? trouble_kind::gone : trouble_kind::bug;
    }
    for (const std::string_view away : {"08", "53", "57", "58", "28", "3D", "  "}) {
        if (is_class(away)) {
            return trouble_kind::gone;
        }
    }
    return trouble_kind::bug;
}

class postgresql_link final : public link {
public:
    postgresql_link(const std::string& connection, std::string shown);
    ~postgresql_link() override;

    std::unique_ptr<prepared> prepare(const std::string& text) override;
    void run_once(const std::string& text) override;
    bool broken() override { return stale_ || PQstatus(backend().conn_) != CONNECTION_OK; }

    [[noreturn]] void fail(const soci::soci_error& why);

private:
    [[nodiscard]] soci::postgresql_session_backend& backend() {
        return static_cast<soci::postgresql_session_backend&>(*session_.get_backend());
    }

    std::string shown_;
    bool stale_ = false; ///< what it has prepared is of tables that have changed
    soci::session session_;
};

class postgresql_statement final : public prepared {
public:
    postgresql_statement(postgresql_link& on, std::unique_ptr<soci::postgresql_statement_backend> statement);
    ~postgresql_statement() override;

    void execute(std::span<const argument> arguments) override;
    rows take_rows() override;
    void finish() noexcept override { statement_->result_.reset(); }
    std::int64_t affected() override { return std::max(0LL, statement_->get_affected_rows()); }
    bool reads_only() const override { return false; } // nobody asks: it has room for many writers

private:
    /// A place of the statement: which argument goes there, and its text while it runs.
    struct place {
        std::size_t argument = 0;
        std::string text;
        char* address = nullptr;
    };
    void bind(std::span<const argument> arguments);

    postgresql_link& on_;
    std::unique_ptr<soci::postgresql_statement_backend> statement_;
    std::vector<place> places_;
    std::size_t arguments_ = 0;
};

postgresql_link::postgresql_link(const std::string& connection, std::string shown) : shown_(std::move(shown)) {
    try {
        session_.open(soci::postgresql, connection);
    } catch (const soci::soci_error& why) {
        throw failure({trouble_kind::gone, shown_ + " cannot be reached: " + one_line(why.what())});
    }
    PQsetNoticeProcessor(
        backend().conn_, [](void*, const char*) {}, nullptr); // it would write to standard error
}

postgresql_link::~postgresql_link() = default;

void postgresql_link::fail(const soci::soci_error& why) {
    const auto* const known = dynamic_cast<const soci::postgresql_soci_error*>(&why);
    const auto state = known != nullptr ? known->sqlstate() : std::string("     ");
    auto kind = PQstatus(backend().conn_) != CONNECTION_OK ? trouble_kind::gone : kind_of(state);
    stale_ = stale_ || state == "0A000";
    throw failure({kind, shown_ + ": " + one_line(why.what())});
}

std::unique_ptr<prepared> postgresql_link::prepare(const std::string& text) {
    std::unique_ptr<soci::postgresql_statement_backend> statement(backend().make_statement_backend());
    try {
        statement->prepare(text, soci::details::st_repeatable_query);
    } catch (const soci::soci_error& why) {
        fail(why);
    }
    return std::make_unique<postgresql_statement>(*this, std::move(statement));
}

void postgresql_link::run_once(const std::string& text) {
    const std::unique_ptr<soci::postgresql_statement_backend> statement(backend().make_statement_backend());
    try {
        statement->prepare(text, soci::details::st_one_time_query);
        statement->execute(0);
    } catch (const soci::soci_error& why) {
        fail(why);
    }
}

postgresql_statement::postgresql_statement(postgresql_link& on,
                                           std::unique_ptr<soci::postgresql_statement_backend> statement)
    : on_(on), statement_(std::move(statement)), places_(statement_->names_.size()) {
    // SOCI numbers each appearance of a name; an argument belongs to its first one.
    const auto& names = statement_->names_;
    std::vector<std::string> known;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto found = std::find(known.begin(), known.end(), names[i]);
        places_[i].argument = static_cast<std::size_t>(found - known.begin());
        if (found == known.end()) {
            known.push_back(names[i]);
        }
        statement_->useByPosBuffers_[static_cast<int>(i) + 1] = &places_[i].address;
    }
    arguments_ = known.size();
    statement_->hasUseElements_ = !places_.empty();
}

postgresql_statement::~postgresql_statement() {
    // The connection forgets its statements when it ends, and only then are ours given up: not one round trip for each.
    statement_->statementName_.clear();
}

void postgresql_statement::bind(std::span<const argument> arguments) {
    check_arguments(arguments, arguments_, statement_->query_);
    for (auto& to : places_) {
        const auto& from = arguments[to.argument].value();
        if (const auto* number = std::get_if<std::int64_t>(&from)) {
            std::array<char, 24> digits{};
            const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *number).ptr;
            to.text.assign(digits.data(), end);
        } else if (const auto* text = std::get_if<std::string_view>(&from)) {
            to.text = *text;
        }
        to.address = from.index() == 0 ? nullptr : to.text.data();
    }
}

void postgresql_statement::execute(std::span<const argument> arguments) {
    bind(arguments);
    try {
        statement_->execute(0);
    } catch (const soci::soci_error& why) {
        on_.fail(why);
    }
}

constexpr Oid bool_type = 16;
constexpr std::array<Oid, 3> integer_types{20, 21, 23};

row::cell cell_of(const PGresult* result, int line, int column) {
    if (PQgetisnull(result, line, column) != 0) {
        return {};
    }
    const std::string_view text(PQgetvalue(result, line, column),
                                static_cast<std::size_t>(PQgetlength(result, line, column)));
    const auto type = PQftype(result, column);
    if (type == bool_type) {
        return std::int64_t(text == "t"); // as SQLite answers
    }
    if (std::find(integer_types.begin(), integer_types.end(), type) == integer_types.end()) {
        return std::string(text);
    }
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

rows postgresql_statement::take_rows() {
    const PGresult* const result = statement_->result_;
    const int lines = PQntuples(result);
    const int columns = PQnfields(result);
    rows out;
    out.reserve(static_cast<std::size_t>(lines));
    for (int line = 0; line < lines; ++line) {
        std::vector<row::cell> cells;
        cells.reserve(static_cast<std::size_t>(columns));
        for (int column = 0; column < columns; ++column) {
            cells.push_back(cell_of(result, line, column));
        }
        out.emplace_back(std::move(cells));
    }
    return out;
}

class postgresql_engine final : public engine {
public:
    postgresql_engine(const settings& how, const location& where);

    std::unique_ptr<link> connect() const override { return std::make_unique<postgresql_link>(connection_, shown_); }
    sql begin_statement() const override { return "BEGIN"; }
    std::string_view sequence_key() const override { return "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"; }
    std::string_view keyed() const override { return {}; }
    std::string migration_lock() const override { return "SELECT pg_advisory_xact_lock(7236011540)"; }

private:
    std::string connection_;
    std::string shown_;
};

postgresql_engine::postgresql_engine(const settings& how, const location& where) : shown_(where.shown) {
    const auto ms = [](auto time) { return std::to_string(time.count()); };
    const std::string options = "-c statement_timeout=" + ms(how.statement_timeout) +
                                " -c lock_timeout=" + ms(how.lock_timeout) +
                                " -c idle_in_transaction_session_timeout=" + ms(how.idle_transaction_timeout);
    // What the URL says comes last and wins. A URL, because SOCI takes other connection strings apart at their blanks.
    connection_ = "postgresql:///?connect_timeout=" + std::to_string(how.connect_timeout.count()) +
                  "&client_encoding=UTF8&tcp_user_timeout=" + ms(how.statement_timeout) +
                  "&application_name=" + url_word(how.application) + "&options=" + url_word(options) + where.connection;
}

} // namespace

std::unique_ptr<engine> make_postgresql_engine(const settings& how, const location& where) {
    return std::make_unique<postgresql_engine>(how, where);
}

} // namespace moving::store
