// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "moving/store/database.hpp"
#include "moving/store/trouble.hpp"
#include "moving/store/value.hpp"

/// Included by nothing outside of this part.
namespace moving::store {

/// A statement that a connection has prepared.
class prepared {
public:
    virtual ~prepared() = default;
    prepared() = default;
    prepared(const prepared&) = delete;
    prepared& operator=(const prepared&) = delete;

    /// Throws failure.
    virtual void execute(std::span<const argument> arguments) = 0;
    /// All rows of the answer, after `execute`.
    virtual rows take_rows() = 0;
    /// Ends what `execute` began and is not read to its end. Harmless when nothing is.
    virtual void finish() noexcept = 0;
    [[nodiscard]] virtual std::int64_t affected() = 0;
    /// It writes nothing.
    [[nodiscard]] virtual bool reads_only() const = 0;
};

/// A connection of one database product.
class link {
public:
    virtual ~link() = default;
    link() = default;
    link(const link&) = delete;
    link& operator=(const link&) = delete;

    virtual std::unique_ptr<prepared> prepare(const std::string& text) = 0;
    virtual void run_once(const std::string& text) = 0;
    /// After trouble: it can be used no more.
    [[nodiscard]] virtual bool broken() = 0;
};

/// What differs between database products. Another database is another file like sqlite_engine.cpp. Safe from any
/// thread.
class engine {
public:
    virtual ~engine() = default;
    engine() = default;
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    /// Throws failure (gone).
    [[nodiscard]] virtual std::unique_ptr<link> connect() const = 0;
    [[nodiscard]] virtual sql begin_statement() const = 0;
    /// The words SEQUENCE_KEY and KEYED of migrations.hpp.
    [[nodiscard]] virtual std::string_view sequence_key() const = 0;
    [[nodiscard]] virtual std::string_view keyed() const = 0;
    /// Held while `migrate` decides and works; ends with the transaction. Empty: a transaction is enough.
    [[nodiscard]] virtual std::string migration_lock() const = 0;
};

std::unique_ptr<engine> make_sqlite_engine(const settings& how, const location& where);
std::unique_ptr<engine> make_postgresql_engine(const settings& how, const location& where);

} // namespace moving::store
