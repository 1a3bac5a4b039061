// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>

#include "moving/store/database.hpp"
#include "moving/store/trouble.hpp"
#include "moving/store/value.hpp"

namespace moving::store {

/// One connection to a database. It connects at its first use, and again at the first use after the connection broke.
/// Owner: whoever called `database::connect`; one thread at a time; the database outlives it.
///
/// Every statement is prepared once for a connection. Outside of `transact` each statement commits by itself.
/// All of it throws `failure`, which `transact` and `attempt` catch.
class session {
public:
    ~session();
    session(session&&) noexcept;
    session& operator=(session&&) noexcept;

    rows query(sql text, std::initializer_list<argument> arguments = {}) { return query(text, span_of(arguments)); }
    rows query(sql text, std::span<const argument> arguments);
    /// The first row of the answer.
    std::optional<row> one(sql text, std::initializer_list<argument> arguments = {}) {
        return one(text, span_of(arguments));
    }
    std::optional<row> one(sql text, std::span<const argument> arguments);
    /// How many rows were written.
    std::int64_t execute(sql text, std::initializer_list<argument> arguments = {}) {
        return execute(text, span_of(arguments));
    }
    std::int64_t execute(sql text, std::span<const argument> arguments);
    /// A statement that is made at run time and used once (migrations): no placeholders, nothing kept.
    void run_once(const std::string& text);

    [[nodiscard]] bool in_transaction() const noexcept;
    [[nodiscard]] store::product product() const noexcept;
    [[nodiscard]] const store::settings& settings() const noexcept;
    /// Throws when the database does not answer.
    void ping();

    /// The transaction commits within this time, or it is a conflict. The shortest that was asked for counts; without a
    /// transaction it means nothing.
    void commit_within(std::chrono::microseconds time);

    // What `transact` and `savepoint` (transact.hpp) are made of.
    void begin();
    void commit();
    /// Never throws: when it cannot be told to the database, the connection is closed, which does the same.
    void rollback() noexcept;
    void set_savepoint();
    void release_savepoint();
    void rollback_to_savepoint();

    /// What this database writes its own way (engine.hpp); for migrations.
    [[nodiscard]] const engine& how() const noexcept;

private:
    friend class database;
    class connection;
    explicit session(std::unique_ptr<connection> of);
    static std::span<const argument> span_of(std::initializer_list<argument> list) {
        return {list.begin(), list.size()};
    }

    std::unique_ptr<connection> connection_;
};

} // namespace moving::store
