// SPDX-License-Identifier: Apache-2.0
#include "timed_server.hpp"

#include <poll.h>

#include <memory>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "load/step_recorder.hpp"

namespace cb::tests {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using std::chrono::steady_clock;

class timed_server::conversation : public std::enable_shared_from_this<conversation> {
public:
    conversation(tcp::socket socket, timed_server& of)
        : socket_(std::move(socket)), timer_(socket_.get_executor()), of_(of) {
        socket_.set_option(tcp::no_delay(true));
        response_ = {http::status::ok, 11};
        response_.body() = "hello";
        response_.prepare_payload();
    }

    void read() {
        request_ = {};
        http::async_read(socket_, buffer_, request_,
                         [self = shared_from_this()](const boost::system::error_code& code, std::size_t) {
                             if (!code) {
                                 self->serve();
                             }
                         });
    }

private:
    void serve() {
        begun_ = steady_clock::now();
        if (++of_.requests_ == of_.how_.freeze_at) {
            ::poll(nullptr, 0, static_cast<int>(of_.how_.freeze_for.count())); // the fault under test
        }
        if (of_.how_.heard) {
            of_.how_.heard(std::string(request_.target()));
        }
        const auto length = of_.draw();
        if (length.count() == 0) {
            answer();
            return;
        }
        timer_.expires_at(begun_ + length);
        timer_.async_wait([self = shared_from_this()](const boost::system::error_code&) { self->answer(); });
    }

    void answer() {
        http::async_write(socket_, response_,
                          [self = shared_from_this()](const boost::system::error_code& code, std::size_t) {
                              if (!code) {
                                  self->written();
                              }
                          });
    }

    void written() {
        {
            const std::lock_guard lock(of_.mutex_);
            of_.took_.record((steady_clock::now() - begun_).count());
        }
        read();
    }

    tcp::socket socket_;
    asio::steady_timer timer_;
    timed_server& of_;
    boost::beast::flat_buffer buffer_;
    http::request<http::string_body> request_;
    http::response<http::string_body> response_;
    steady_clock::time_point begun_;
};

timed_server::timed_server(setting how)
    : how_(std::move(how)),
      acceptor_(context_, {asio::ip::address_v4::loopback(), 0}),
      random_(how_.seed),
      took_(metrics::latency_shape_ns(load::latency_digits)) {
    accept();
    thread_ = std::thread([this] { context_.run(); });
}

timed_server::~timed_server() {
    context_.stop();
    thread_.join();
}

std::string timed_server::url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
}

metrics::hdr_histogram timed_server::took() const {
    const std::lock_guard lock(mutex_);
    return took_;
}

std::chrono::nanoseconds timed_server::draw() {
    if (!how_.exponential) {
        return how_.mean;
    }
    std::exponential_distribution<double> lengths(1.0 / static_cast<double>(how_.mean.count()));
    return std::chrono::nanoseconds(static_cast<std::int64_t>(lengths(random_) * 1000));
}

void timed_server::accept() {
    acceptor_.async_accept([this](const boost::system::error_code& code, tcp::socket socket) {
        if (!code) {
            std::make_shared<conversation>(std::move(socket), *this)->read();
            accept();
        }
    });
}

} // namespace cb::tests
