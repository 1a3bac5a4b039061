// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace cb::bench {

/// One keep-alive connection to the control API, one request after the other.
class http_client {
public:
    explicit http_client(const std::string& host_and_port);
    /// The status of the answer. `body` is JSON; empty: none.
    unsigned request(boost::beast::http::verb method, const std::string& path, const std::string& body = {});

private:
    std::string host_;
    boost::asio::io_context context_;
    boost::asio::ip::tcp::socket socket_{context_};
    boost::beast::flat_buffer buffer_;
};

} // namespace cb::bench
