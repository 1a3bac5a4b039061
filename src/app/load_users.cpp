// SPDX-License-Identifier: Apache-2.0
#include "app/load_users.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "app/commands.hpp"

namespace cb::app {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr double unknown = -1;
constexpr std::chrono::seconds ask_every{1};
constexpr std::chrono::seconds answer_within{2};

/// Of the state that a run tells of itself: users in any state, in its last second.
double users_in(const std::string& text) {
    boost::system::error_code code;
    const auto state = boost::json::parse(text, code);
    if (code) {
        return unknown;
    }
    const auto users = state.find_pointer("/last_second/users", code);
    if (code || users == nullptr || !users->is_object()) {
        return unknown;
    }
    double sum = 0;
    for (const auto& each : users->get_object()) {
        if (!each.value().is_number()) {
            return unknown;
        }
        sum += each.value().to_number<double>();
    }
    return sum;
}

} // namespace

load_users::load_users(const std::string& url) : users_(unknown) {
    const auto parsed = boost::urls::parse_uri(url);
    if (!parsed || parsed->scheme() != "http" || parsed->host().empty()) {
        throw command_error(exit_code::usage, "--load " + url +
                                                  ": not an address; write http://HOST:PORT, as a run prints it: "
                                                  "http://127.0.0.1:8475");
    }
    host_ = parsed->host_address();
    port_ = parsed->has_port() ? std::string(parsed->port()) : "8475";
    asio::co_spawn(loop_.context(), keep_asking(), asio::detached);
    loop_.start();
}

load_users::~load_users() {
    loop_.stop();
    loop_.join();
}

std::optional<double> load_users::now() const {
    const auto users = users_.load();
    return users < 0 ? std::nullopt : std::optional(users);
}

asio::awaitable<void> load_users::keep_asking() {
    asio::steady_timer timer(loop_.context());
    for (;;) {
        users_ = co_await ask();
        timer.expires_after(ask_every);
        boost::system::error_code code;
        auto token = asio::redirect_error(asio::use_awaitable, code);
        co_await timer.async_wait(token);
    }
}

asio::awaitable<double> load_users::ask() {
    boost::system::error_code code;
    auto token = asio::redirect_error(asio::use_awaitable, code);
    asio::ip::tcp::resolver resolver(loop_.context());
    const auto found = co_await resolver.async_resolve(host_, port_, token);
    if (code) {
        co_return unknown;
    }
    beast::tcp_stream stream(loop_.context());
    stream.expires_after(answer_within);
    co_await stream.async_connect(found, token);
    if (code) {
        co_return unknown;
    }
    http::request<http::empty_body> request(http::verb::get, "/v1/load", 11);
    request.set(http::field::host, host_ + ":" + port_);
    co_await http::async_write(stream, request, token);
    if (code) {
        co_return unknown;
    }
    beast::flat_buffer buffer;
    http::response<http::string_body> response;
    co_await http::async_read(stream, buffer, response, token);
    co_return code || response.result() != http::status::ok ? unknown : users_in(response.body());
}

} // namespace cb::app
