// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "support/child_process.hpp"

namespace cb::tests {

/// A PostgreSQL of its own for a test: a new cluster in a temporary folder, on 127.0.0.1 and a free port, that never
/// outlives the test. Everybody is let in as `postgres`, without password. Run by root it runs as the user postgres.
/// Owner: the test. Throws std::runtime_error with the server's output when it does not do what is asked.
class running_postgres {
public:
    /// Whether Debian's PostgreSQL 15 is there; else a test skips: "PostgreSQL is not installed: skipped".
    static bool installed();

    /// `settings` as in postgresql.conf ("fsync=off"). By default a crash of the machine would cost data, one of the
    /// server does not.
    explicit running_postgres(std::vector<std::string> settings = {"fsync=off"});
    ~running_postgres();
    running_postgres(const running_postgres&) = delete;
    running_postgres& operator=(const running_postgres&) = delete;

    /// The URL of a new, empty database.
    std::string create_database(const std::string& name);
    /// postgresql://postgres@127.0.0.1:port/name
    [[nodiscard]] std::string url(const std::string& name) const;

    /// Breaks connections and ends cleanly.
    void stop();
    /// kill -9 of the server; returns when its processes are gone.
    void kill();
    /// Again, on the same port and data; returns when it takes connections.
    void start();
    [[nodiscard]] std::string output() const { return server_ ? server_->output() : std::string(); }

private:
    std::filesystem::path folder_;
    std::vector<std::string> settings_;
    std::string port_;
    std::unique_ptr<child_process> server_;
};

} // namespace cb::tests
