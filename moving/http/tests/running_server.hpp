// SPDX-License-Identifier: Apache-2.0
// A server on a port of its own, its loop in a thread, with routes for every kind of test.
#pragma once
#include "moving/http/server.hpp"
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <thread>

namespace moving::http::tests {

/// Holds the requests of routes below /held until the test lets one go, on the test's thread; runs others at once.
class holding_executor final : public executor {
public:
    [[nodiscard]] bool submit(request&& asked, const route& found, completion&& done) override;
    /// Waits until one is held.
    void wait_for_one();
    /// Waits for one and runs it.
    void run_one();
    /// Waits for one and forgets it unanswered.
    void drop_one();

    std::size_t room = 2;

private:
    struct held {
        request asked;
        const route* found;
        completion done;
    };
    held take();

    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<held> held_;
    workplace nothing_;
    inline_executor at_once_{nothing_};
};

class noting_observer final : public observer {
public:
    void answered(const exchange_facts& facts) override;
    void connections(std::size_t now_open, std::size_t now_streams) override;
    void rejected(rejection why) override;
    void note(severity how, std::string_view sentence) override;

    std::size_t count(rejection why);
    std::map<int, int> answers_by_status();
    std::vector<std::string> notes();

    std::atomic<std::size_t> open{0};
    std::atomic<std::size_t> most_open{0};
    std::atomic<std::size_t> streams{0};
    std::atomic<std::size_t> accepted{0};

private:
    std::mutex mutex_;
    std::map<rejection, std::size_t> rejections_;
    std::map<int, int> statuses_;
    std::vector<std::string> notes_;
};

class running_server {
    /// First, so that it goes last: what the executor still holds answers to it.
    boost::asio::io_context loop_{1};

public:
    explicit running_server(server_options options = {});
    ~running_server();

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string url(std::string_view path) const;
    /// Runs `what` on the loop's thread and waits for it.
    void on_loop(const std::function<void()>& what);
    void publish(std::string key, stream_event event);
    /// Begins a graceful stop; `stopped` tells its end.
    void stop(std::chrono::milliseconds grace);
    bool wait_until_stopped();

    router routes;
    holding_executor workers;
    noting_observer told;

private:
    std::unique_ptr<server> server_;
    std::uint16_t port_ = 0;
    std::mutex mutex_;
    std::condition_variable ended_;
    bool stopped_ = false;
    std::thread thread_;
};

/// The routes that the tests ask.
void add_test_routes(router& to);
constexpr std::size_t large_body_bytes = 8 * 1024 * 1024;

/// Waits until `holds`, at most for a generous deadline; false when it never did.
[[nodiscard]] bool comes_true(const std::function<bool()>& holds);

inline std::string get(std::string_view target, std::string_view more = "") {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: here\r\n" + std::string(more) + "\r\n";
}

inline std::string post(std::string_view target, std::string_view body, std::string_view type = "application/json") {
    return "POST " + std::string(target) + " HTTP/1.1\r\nHost: here\r\nContent-Type: " + std::string(type) +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

} // namespace moving::http::tests
