// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>

#include "moving/store/engine.hpp"
#include "moving/store/session.hpp"
#include "moving/store/writer_queue.hpp"

namespace moving::store {

/// What is behind a session. Included by nothing outside of this part.
class session::connection {
public:
    connection(const database& of, const engine& how, writer_queue* writers) : of_(of), how_(how), writers_(writers) {}
    ~connection() { close(); }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    /// Runs a statement and hands it to `use` while its answer can be read. Outside of a transaction a statement that
    /// writes waits for its turn.
    template <class Use>
    auto with(sql text, std::span<const argument> arguments, Use use);
    void run_once(const std::string& text);

    void begin();
    void commit();
    void rollback() noexcept;
    void rollback_to_savepoint();
    void commit_within(std::chrono::microseconds time);

    [[nodiscard]] bool in_transaction() const noexcept { return in_transaction_; }
    [[nodiscard]] const database& of() const noexcept { return of_; }
    [[nodiscard]] const engine& how() const noexcept { return how_; }

private:
    class turn;
    prepared& statement(sql text);
    link& connected();
    void close() noexcept;
    void close_if_broken() noexcept;
    void end_transaction() noexcept;

    const database& of_;
    const engine& how_;
    writer_queue* writers_; ///< none: the database has room for many writers
    std::unique_ptr<link> link_;
    std::unordered_map<const char*, std::unique_ptr<prepared>> statements_; ///< after link_: they end before it
    bool in_transaction_ = false;
    std::optional<std::chrono::steady_clock::time_point> commit_until_;
    /// A statement of the transaction failed, and nobody took it back: PostgreSQL would answer a COMMIT with a
    /// rollback, and say that all is well.
    std::optional<trouble> spoiled_;
};

} // namespace moving::store
