// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace cb::runstore {

/// The row that a statement stands on. Columns count from 0; NULL reads as 0 or "".
class row {
public:
    explicit row(sqlite3_stmt* statement) : statement_(statement) {}
    [[nodiscard]] bool is_null(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] double real(int column) const;
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] std::optional<std::int64_t> maybe_integer(int column) const;

private:
    sqlite3_stmt* statement_;
};

/// A prepared statement; every use binds all its parameters, in order. Owner: whoever uses the database, which outlives
/// it. Thread: the database's.
class statement {
public:
    statement() = default;

    /// Runs it to its end; rows are not looked at.
    template <class... Values>
    result<void> run(const Values&... values) {
        return each([](const row&) {}, values...);
    }
    /// Calls `visit` with each row.
    template <class Visit, class... Values>
    result<void> each(Visit&& visit, const Values&... values) {
        int position = 0;
        (bind(++position, values), ...);
        for (;;) {
            auto there = step();
            if (!there) {
                return tl::unexpected(there.error());
            }
            if (!*there) {
                return {};
            }
            visit(row(handle_.get()));
        }
    }

private:
    friend class database;
    struct finalizer {
        void operator()(sqlite3_stmt* statement) const noexcept;
    };

    void bind(int position, std::string_view text);
    void bind(int position, double number);
    void bind(int position, std::nullptr_t);
    void bind_integer(int position, std::int64_t number);
    template <class Integer>
        requires std::is_integral_v<Integer>
    void bind(int position, Integer number) {
        bind_integer(position, static_cast<std::int64_t>(number));
    }
    template <class Value>
    void bind(int position, const std::optional<Value>& value) {
        value ? bind(position, *value) : bind(position, nullptr);
    }
    /// True while it stands on a row; false at the end, and then it can be used again, as after an error.
    result<bool> step();

    std::unique_ptr<sqlite3_stmt, finalizer> handle_;
};

/// An SQLite database. Owner: a run's writer or reader. Thread: one.
class database {
public:
    enum class access { create, change, read };

    /// With `create` it must not exist, with the others it must.
    static result<database> open(const std::filesystem::path& file, access how);

    /// One or more statements without parameters.
    result<void> execute(const char* sql);
    result<statement> prepare(std::string_view sql);
    /// The first column of the first row; 0 when there is none.
    result<std::int64_t> number(std::string_view sql);

private:
    struct closer {
        void operator()(sqlite3* handle) const noexcept;
    };
    explicit database(sqlite3* handle, std::string name) : handle_(handle), name_(std::move(name)) {}
    [[nodiscard]] tl::unexpected<error> failure() const;

    std::unique_ptr<sqlite3, closer> handle_;
    std::string name_;
};

/// Everything until `commit`, or nothing of it. Takes the write lock at once, so that it cannot fail for that later.
class transaction {
public:
    static result<transaction> begin(database& where);
    transaction(transaction&& other) noexcept : where_(std::exchange(other.where_, nullptr)) {}
    transaction& operator=(transaction&&) = delete;
    ~transaction();
    result<void> commit();

private:
    explicit transaction(database& where) : where_(&where) {}
    database* where_;
};

} // namespace cb::runstore
