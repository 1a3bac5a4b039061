// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/result.hpp"

namespace cb::net {

namespace asio = boost::asio;
using asio::ip::tcp;

struct host_and_port {
    std::string host;
    std::uint16_t port = 0;

    bool operator==(const host_and_port&) const = default;
};

/// "host:port", "[v6]:port", ":port" (all addresses). Error: malformed, with what would be right.
result<host_and_port> parse_host_and_port(std::string_view text);

/// Accepts connections on one address and hands each to `accepted`. Owner: whoever starts it; lives on the loop's
/// thread. At the process's limit of open files it says so once through `exhausted`, waits, and goes on.
class listener {
public:
    using accepted_function = std::function<void(tcp::socket)>;
    using exhausted_function = std::function<void(const std::string& reason)>;

    /// Throws boost::system::system_error when the address cannot be had (start-up).
    listener(asio::io_context& context, const host_and_port& address, accepted_function accepted,
             exhausted_function exhausted);

    void start() { accept(); }
    void close();
    /// The port in use: the kernel's choice when 0 was asked for.
    [[nodiscard]] std::uint16_t port() const { return port_; }

private:
    void accept();

    tcp::acceptor acceptor_;
    asio::steady_timer pause_;
    accepted_function accepted_;
    exhausted_function exhausted_;
    std::uint16_t port_ = 0;
    bool said_ = false;
};

} // namespace cb::net
