// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace moving::store {

class engine;
class session;
class writer_queue;

enum class durability : std::uint8_t {
    normal, ///< what was committed survives the end of the process, a power cut may take the last commits (SQLite only)
    full,   ///< it survives both
};

struct settings {
    /// `sqlite:/path/file.db` or `postgresql://user:password@host:port/database?sslmode=…`
    std::string url;
    /// SQLite only: PostgreSQL always waits for its log, as its own configuration says.
    store::durability durability = store::durability::normal;
    /// A statement that takes longer ends with trouble (gone).
    std::chrono::milliseconds statement_timeout{5'000};
    /// How long one waits for a lock of another: then it is a conflict.
    std::chrono::milliseconds lock_timeout{2'000};
    /// A transaction that does nothing for so long is ended by PostgreSQL.
    std::chrono::milliseconds idle_transaction_timeout{10'000};
    std::chrono::seconds connect_timeout{3};
    /// How many sessions an instance has for its work; 0: one with SQLite, which has one writer, four with PostgreSQL.
    int connections = 0;
    /// What PostgreSQL shows as the name of the client.
    std::string application = "moving";
};

enum class product : std::uint8_t { sqlite, postgresql };

/// Where a database is, taken apart.
struct location {
    store::product product = store::product::sqlite;
    std::string path;       ///< SQLite: the file
    std::string connection; ///< PostgreSQL: &word=value… of a URL of libpq; holds the password: not for logs
    std::string shown;      ///< the URL without password, for logs
};

/// The error is one sentence that says what is wrong and what would be right.
tl::expected<location, std::string> parse_url(std::string_view url);

/// One database of a service. Owner: the instance; it outlives its sessions. `connect` is safe from any thread.
class database {
public:
    /// Throws std::invalid_argument with the sentence of `parse_url`. Reaches for nothing: that the database is not
    /// there shows at the first use of a session, and heals when it comes.
    explicit database(store::settings how);
    ~database();
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    /// A connection of its own, for one thread at a time.
    [[nodiscard]] session connect();
    /// It is in this process: a read takes microseconds and may be done on an event loop.
    [[nodiscard]] bool embedded() const noexcept { return where_.product == product::sqlite; }
    [[nodiscard]] int connections() const noexcept;
    [[nodiscard]] const store::settings& settings() const noexcept { return settings_; }
    [[nodiscard]] const location& where() const noexcept { return where_; }

private:
    store::settings settings_;
    location where_;
    std::unique_ptr<engine> engine_;
    std::unique_ptr<writer_queue>
        writers_; ///< SQLite has one writer: ours wait here instead of asking the file again and again
};

} // namespace moving::store
