// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <future>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace cb::net {

namespace asio = boost::asio;

/// One thread and one Asio context. What lives on a loop is touched by its thread only; others post to it.
/// Owner: the application. `stop` is safe from any thread; the destructor joins.
class event_loop {
public:
    event_loop() : guard_(asio::make_work_guard(context_)) {}
    ~event_loop() {
        stop();
        join();
    }
    event_loop(const event_loop&) = delete;
    event_loop& operator=(const event_loop&) = delete;

    [[nodiscard]] asio::io_context& context() { return context_; }

    /// Runs the loop on a thread of its own.
    void start() {
        thread_ = std::thread([this] { context_.run(); });
    }
    /// Runs the loop on the calling thread until `stop`.
    void run() { context_.run(); }
    void stop() {
        guard_.reset();
        context_.stop();
    }
    void join() {
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    void post(std::function<void()> task) { asio::post(context_, std::move(task)); }

    /// Runs `question` on the loop and waits for its answer. Never call it from the loop itself.
    template <class Question>
    auto ask(Question question) -> decltype(question()) {
        using answer = decltype(question());
        auto promise = std::make_shared<std::promise<answer>>();
        auto future = promise->get_future();
        post([promise, question = std::move(question)]() mutable {
            if constexpr (std::is_void_v<answer>) {
                question();
                promise->set_value();
            } else {
                promise->set_value(question());
            }
        });
        return future.get();
    }

private:
    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard_;
    std::thread thread_;
};

} // namespace cb::net
