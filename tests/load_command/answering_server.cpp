// SPDX-License-Identifier: Apache-2.0
#include "answering_server.hpp"

#include <chrono>
#include <memory>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace cb::tests {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

class answering_server::conversation : public std::enable_shared_from_this<conversation> {
public:
    conversation(tcp::socket socket, std::atomic<std::uint64_t>& requests)
        : socket_(std::move(socket)), timer_(socket_.get_executor()), requests_(requests) {}

    void read() {
        request_ = {};
        http::async_read(socket_, buffer_, request_,
                         [self = shared_from_this()](const boost::system::error_code& code, std::size_t) {
                             if (!code) {
                                 ++self->requests_;
                                 self->consider();
                             }
                         });
    }

private:
    void consider() {
        if (!request_.target().starts_with("/late")) {
            answer();
            return;
        }
        timer_.expires_after(std::chrono::milliseconds(50));
        timer_.async_wait([self = shared_from_this()](const boost::system::error_code&) { self->answer(); });
    }

    void answer() {
        const bool broken = request_.target().starts_with("/broken");
        response_ = {broken ? http::status::service_unavailable : http::status::ok, 11};
        response_.body() = "hello";
        response_.prepare_payload();
        http::async_write(socket_, response_,
                          [self = shared_from_this()](const boost::system::error_code& code, std::size_t) {
                              if (!code) {
                                  self->read();
                              }
                          });
    }

    tcp::socket socket_;
    asio::steady_timer timer_;
    std::atomic<std::uint64_t>& requests_;
    boost::beast::flat_buffer buffer_;
    http::request<http::string_body> request_;
    http::response<http::string_body> response_;
};

answering_server::answering_server() : acceptor_(context_, {asio::ip::address_v4::loopback(), 0}) {
    accept();
    thread_ = std::thread([this] { context_.run(); });
}

answering_server::~answering_server() {
    context_.stop();
    thread_.join();
}

std::string answering_server::url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
}

void answering_server::accept() {
    acceptor_.async_accept([this](const boost::system::error_code& code, tcp::socket socket) {
        if (!code) {
            ++connections_;
            std::make_shared<conversation>(std::move(socket), requests_)->read();
            accept();
        }
    });
}

} // namespace cb::tests
