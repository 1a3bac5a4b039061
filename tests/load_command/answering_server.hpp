// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace cb::tests {

/// An HTTP server on a port of the kernel's choice: /late answers after 50 ms, /broken with 503, everything else with
/// 200. Owner: the test. It answers on a thread of its own.
class answering_server {
public:
    answering_server();
    ~answering_server();
    answering_server(const answering_server&) = delete;
    answering_server& operator=(const answering_server&) = delete;

    /// "http://127.0.0.1:PORT"
    [[nodiscard]] std::string url() const;
    [[nodiscard]] std::uint64_t connections() const { return connections_; }
    [[nodiscard]] std::uint64_t requests() const { return requests_; }

private:
    class conversation;
    void accept();

    boost::asio::io_context context_{1};
    boost::asio::ip::tcp::acceptor acceptor_;
    std::atomic<std::uint64_t> connections_ = 0;
    std::atomic<std::uint64_t> requests_ = 0;
    std::thread thread_;
};

} // namespace cb::tests
