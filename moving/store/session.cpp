// SPDX-License-Identifier: Apache-2.0
#include "moving/store/session.hpp"

#include <algorithm>
#include <utility>

#include "moving/store/connection.hpp"

namespace moving::store {

/// A place in the queue of writers for as long as it lives.
class session::connection::turn {
public:
    turn(writer_queue* queue, std::chrono::milliseconds limit) : queue_(queue) {
        if (queue_ != nullptr && !queue_->enter(limit)) {
            throw failure({trouble_kind::conflict, "the writers before this one took too long"});
        }
    }
    ~turn() {
        if (queue_ != nullptr) {
            queue_->leave();
        }
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    /// It goes on for longer: whoever asked calls `leave`.
    void keep() noexcept { queue_ = nullptr; }

private:
    writer_queue* queue_;
};

link& session::connection::connected() {
    if (!link_) {
        link_ = how_.connect();
    }
    return *link_;
}

void session::connection::close() noexcept {
    statements_.clear();
    link_.reset();
    end_transaction();
}

void session::connection::close_if_broken() noexcept {
    if (link_ && link_->broken()) {
        statements_.clear();
        link_.reset(); // the transaction is over for the database; here `rollback` ends it
    }
}

void session::connection::end_transaction() noexcept {
    spoiled_.reset();
    commit_until_.reset();
    if (in_transaction_) {
        in_transaction_ = false;
        if (writers_ != nullptr) {
            writers_->leave();
        }
    }
}

prepared& session::connection::statement(sql text) {
    auto& link = connected();
    auto& place = statements_[text.text()];
    if (!place) {
        place = link.prepare(text.text());
    }
    return *place;
}

template <class Use>
auto session::connection::with(sql text, std::span<const argument> arguments, Use use) {
    if (in_transaction_ && !link_) {
        throw failure({trouble_kind::gone, "the connection to the database broke within the transaction"});
    }
    prepared* running = nullptr;
    try {
        running = &statement(text);
        const bool waits = writers_ != nullptr && !in_transaction_ && !running->reads_only();
        const turn ours(waits ? writers_ : nullptr, of_.settings().lock_timeout);
        running->execute(arguments);
        auto result = use(*running);
        running->finish();
        return result;
    } catch (const failure& why) {
        if (running != nullptr) {
            running->finish();
        }
        if (in_transaction_) {
            spoiled_ = why.trouble();
        }
        close_if_broken();
        throw;
    }
}

void session::connection::run_once(const std::string& text) {
    try {
        connected().run_once(text);
    } catch (const failure& why) {
        if (in_transaction_) {
            spoiled_ = why.trouble();
        }
        close_if_broken();
        throw;
    }
}

void session::connection::begin() {
    turn ours(writers_, of_.settings().lock_timeout);
    const auto begin_now = [this] { with(how_.begin_statement(), {}, [](prepared&) { return 0; }); };
    auto* const queue = std::exchange(writers_, nullptr); // it is ours already
    const bool was_connected = link_ != nullptr;
    try {
        try {
            begin_now();
        } catch (const failure&) {
            // The server may have gone and come back since this connection was used: nothing was done yet, so try anew.
            if (!was_connected || link_) {
                throw;
            }
            begin_now();
        }
    } catch (...) {
        writers_ = queue;
        throw;
    }
    writers_ = queue;
    in_transaction_ = true;
    ours.keep();
}

void session::connection::commit() {
    if (spoiled_) {
        throw failure(*spoiled_);
    }
    if (commit_until_ && std::chrono::steady_clock::now() > *commit_until_) {
        throw failure({trouble_kind::conflict, "the transaction took too long"});
    }
    with("COMMIT", {}, [](prepared&) { return 0; });
    end_transaction();
}

void session::connection::commit_within(std::chrono::microseconds time) {
    if (in_transaction_) {
        const auto until = std::chrono::steady_clock::now() + time;
        commit_until_ = commit_until_ ? std::min(*commit_until_, until) : until;
    }
}

void session::connection::rollback() noexcept {
    if (!in_transaction_) {
        return;
    }
    if (link_) {
        try {
            link_->run_once("ROLLBACK");
        } catch (const failure&) {
            // SQLite has ended the transaction itself (a full disk), or the connection is of no use.
            statements_.clear();
            link_.reset();
        }
    }
    end_transaction();
}

void session::connection::rollback_to_savepoint() {
    const auto nothing = [](prepared&) { return 0; };
    with("ROLLBACK TO SAVEPOINT part", {}, nothing);
    with("RELEASE SAVEPOINT part", {}, nothing);
    spoiled_.reset();
}

session::session(std::unique_ptr<connection> of) : connection_(std::move(of)) {}
session::~session() = default;
session::session(session&&) noexcept = default;
session& session::operator=(session&&) noexcept = default;

rows session::query(sql text, std::span<const argument> arguments) {
    return connection_->with(text, arguments, [](prepared& done) { return done.take_rows(); });
}

std::optional<row> session::one(sql text, std::span<const argument> arguments) {
    return connection_->with(text, arguments, [](prepared& done) {
        auto all = done.take_rows();
        return all.empty() ? std::nullopt : std::optional(std::move(all.front()));
    });
}

std::int64_t session::execute(sql text, std::span<const argument> arguments) {
    return connection_->with(text, arguments, [](prepared& done) { return done.affected(); });
}

void session::run_once(const std::string& text) { connection_->run_once(text); }

bool session::in_transaction() const noexcept { return connection_->in_transaction(); }
product session::product() const noexcept { return connection_->of().where().product; }
const settings& session::settings() const noexcept { return connection_->of().settings(); }
const engine& session::how() const noexcept { return connection_->how(); }
void session::ping() { one("SELECT 1"); }

void session::commit_within(std::chrono::microseconds time) { connection_->commit_within(time); }
void session::begin() { connection_->begin(); }
void session::commit() { connection_->commit(); }
void session::rollback() noexcept { connection_->rollback(); }
void session::set_savepoint() { execute("SAVEPOINT part"); }
void session::release_savepoint() { execute("RELEASE SAVEPOINT part"); }
void session::rollback_to_savepoint() { connection_->rollback_to_savepoint(); }

} // namespace moving::store
