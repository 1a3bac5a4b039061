// SPDX-License-Identifier: Apache-2.0
#include "moving/service/request_pool.hpp"

#include "moving/service/relay.hpp"
#include "moving/text/limits.hpp"
#include "moving/text/time.hpp"
#include "moving/text/trace.hpp"

namespace moving::service {

request_pool::request_pool(const settings& of, store::database& database, relay& sender, metrics& counts,
                           log::logger& lines)
    : counts_(counts), log_(lines), reads_on_loop_(database.embedded()) {
    if (reads_on_loop_) {
        loop_desk_ = std::make_unique<desk>(of, database, sender, lines);
    }
    for (int i = 0; i < database.connections(); ++i) {
        desks_.push_back(std::make_unique<desk>(of, database, sender, lines));
    }
    for (auto& place : desks_) {
        threads_.emplace_back([this, &place] { work(*place); });
    }
}

request_pool::~request_pool() { stop(); }

void request_pool::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    submitted_.notify_all();
    for (auto& thread : threads_) {
        if (thread.joinable()) {
            thread.join();
        }
    }
}

bool request_pool::submit(http::request&& asked, const http::route& found, http::completion&& done) {
    if (reads_on_loop_ && found.runs != http::where::writing) {
        answer(asked, found, done, *loop_desk_);
        return true;
    }
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || queue_.size() >= limits::waiting_requests) {
            return false;
        }
        queue_.push_back({std::move(asked), &found, std::move(done)});
        counts_.waiting_requests().Set(static_cast<double>(queue_.size()));
    }
    submitted_.notify_one();
    return true;
}

void request_pool::work(desk& place) {
    std::unique_lock lock(mutex_);
    while (true) {
        submitted_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) {
            return;
        }
        auto next = std::move(queue_.front());
        queue_.pop_front();
        counts_.waiting_requests().Set(static_cast<double>(queue_.size()));
        lock.unlock();
        counts_.sessions_busy().Increment();
        answer(next.asked, *next.found, next.done, place);
        counts_.sessions_busy().Decrement();
        lock.lock();
    }
}

void request_pool::answer(http::request& asked, const http::route& found, http::completion& done, desk& place) {
    const auto began = text::now_us();
    std::string failed;
    auto given = http::run_handler(found, asked, place, &failed);
    const auto level = given.status >= 500                  ? log::level::error
                       : found.runs == http::where::writing ? log::level::info
                                                            : log::level::debug;
    if (log_.says(level)) {
        const auto trace = given.header("traceparent").value_or(asked.traceparent());
        log_.write(level, failed.empty() ? "request" : "request failed: " + failed,
                   {{"trace", text::trace_id_of(trace)},
                    {"method", http::name_of(asked.method())},
                    {"path", asked.path()},
                    {"status", given.status},
                    {"duration_us", text::now_us() - began}});
    }
    done(std::move(given));
}

} // namespace moving::service
