// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "metrics/hdr_histogram.hpp"

namespace cb::tests {

/// An HTTP server whose service times are known: it answers after a time that it draws, writes down what it really
/// took, and can freeze as a whole. One thread, an event loop; timers are the kernel's. Owner: the test.
class timed_server {
public:
    struct setting {
        std::chrono::microseconds mean{0};
        bool exponential = false;
        std::uint64_t seed = 1;
        /// With the request of this number everything stands still for so long.
        std::uint64_t freeze_at = UINT64_MAX;
        std::chrono::milliseconds freeze_for{0};
        /// Called with the path of each request, on the server's thread, before its service time begins.
        std::function<void(const std::string&)> heard;
    };
    explicit timed_server(setting how);
    ~timed_server();
    timed_server(const timed_server&) = delete;
    timed_server& operator=(const timed_server&) = delete;

    /// "http://127.0.0.1:PORT"
    [[nodiscard]] std::string url() const;
    [[nodiscard]] std::uint64_t requests() const { return requests_; }
    /// From a request was read to its answer was written.
    [[nodiscard]] metrics::hdr_histogram took() const;

private:
    class conversation;
    void accept();
    [[nodiscard]] std::chrono::nanoseconds draw();

    setting how_;
    boost::asio::io_context context_{1};
    boost::asio::ip::tcp::acceptor acceptor_;
    std::mt19937_64 random_;
    std::atomic<std::uint64_t> requests_ = 0;
    mutable std::mutex mutex_;
    metrics::hdr_histogram took_;
    std::thread thread_;
};

} // namespace cb::tests
