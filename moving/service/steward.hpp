// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "moving/service/consumer_loop.hpp"
#include "moving/service/reconciler.hpp"

namespace moving::service {

/// What has to be looked after: is the database there, what is parked and due, what never arrived, what may be
/// forgotten. Retries, reconciling and forgetting are done by one instance of a service, which holds the lease
/// "steward"; when it dies another has it some seconds later.
///
/// Owner: the instance; a thread of its own.
class steward {
public:
    /// `consumer` may be null: not every service takes events.
    steward(const settings& of, const definition& service, store::database& database, intake& into, relay& sender,
            consumer_loop* consumer, metrics& counts, log::logger& lines);
    ~steward();
    steward(const steward&) = delete;
    steward& operator=(const steward&) = delete;

    [[nodiscard]] bool database_up() const noexcept { return database_up_; }

private:
    void run();
    void look_at_database();
    bool holds_lease();
    void forget();

    const settings& settings_;
    intake& intake_;
    relay& relay_;
    consumer_loop* consumer_;
    metrics& counts_;
    log::logger& log_;
    store::session session_;
    reconciler reconciler_;
    std::atomic<bool> database_up_ = true;
    std::mutex mutex_;
    std::condition_variable stopped_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace moving::service
