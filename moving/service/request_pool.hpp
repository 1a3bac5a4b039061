// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "moving/http/executor.hpp"
#include "moving/service/metrics.hpp"
#include "moving/service/settings.hpp"
#include "moving/service/unit_of_work.hpp"
#include "moving/store/database.hpp"

namespace moving::service {

class relay;

/// What a handler of a route finds at its place: a database session and the way to Kafka. One thread at a time.
class desk final : public http::workplace {
public:
    desk(const settings& of, store::database& database, relay& sender, log::logger& lines)
        : settings_(of), session_(database.connect()), relay_(sender), log_(lines) {}

    [[nodiscard]] store::session& session() noexcept { return session_; }
    [[nodiscard]] const settings& of() const noexcept { return settings_; }
    [[nodiscard]] relay& sender() const noexcept { return relay_; }
    [[nodiscard]] log::logger& log() const noexcept { return log_; }

private:
    const settings& settings_;
    store::session session_;
    relay& relay_;
    log::logger& log_;
};

/// Runs the handlers that need the database: reads of an embedded database at once, on the loop, with a session of the
/// loop's own; all else on the pool's threads, a session each. The queue between is bounded (limits::waiting_requests).
///
/// Owner: the instance. `submit` is called on the loop.
class request_pool final : public http::executor {
public:
    request_pool(const settings& of, store::database& database, relay& sender, metrics& counts, log::logger& lines);
    ~request_pool() override;

    [[nodiscard]] bool submit(http::request&& asked, const http::route& found, http::completion&& done) override;
    /// Answers what is in the queue and ends the threads.
    void stop();

private:
    struct job {
        http::request asked;
        const http::route* found;
        http::completion done;
    };

    void work(desk& place);
    void answer(http::request& asked, const http::route& found, http::completion& done, desk& place);

    metrics& counts_;
    log::logger& log_;
    bool reads_on_loop_;
    std::unique_ptr<desk> loop_desk_;
    std::mutex mutex_;
    std::condition_variable submitted_;
    std::deque<job> queue_;
    bool stopping_ = false;
    std::vector<std::unique_ptr<desk>> desks_;
    std::vector<std::thread> threads_;
};

} // namespace moving::service
