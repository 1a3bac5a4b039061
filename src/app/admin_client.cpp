// SPDX-License-Identifier: Apache-2.0
#include "app/admin_client.hpp"

#include <fstream>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "app/commands.hpp"

namespace cb::app {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

std::string read_token(const std::string& file) {
    if (file.empty()) {
        return {};
    }
    std::ifstream in(file);
    std::string token;
    if (!std::getline(in, token) || token.empty()) {
        throw command_error(exit_code::usage, file + ": --token-file needs a file with the token in its first line");
    }
    return token;
}

tcp::socket connect(asio::io_context& context, const std::string& host, const std::string& port,
                    const std::string& hint) {
    boost::system::error_code code;
    tcp::resolver resolver(context);
    const auto found = resolver.resolve(host, port, code);
    tcp::socket socket(context);
    if (!code) {
        asio::connect(socket, found, code);
    }
    if (code) {
        throw command_error(exit_code::environment, "no chaosbroker answers at http://" + host + ":" + port + " (" +
                                                        code.message() + "); " + hint);
    }
    return socket;
}

/// A control API answers in milliseconds: who waits for longer waits for nothing.
constexpr std::chrono::seconds answer_within(20);

boost::system::error_code exchange(asio::io_context& context, tcp::socket& socket,
                                   const http::request<http::string_body>& request,
                                   http::response<http::string_body>& response) {
    boost::beast::flat_buffer buffer;
    boost::system::error_code outcome = asio::error::timed_out;
    http::async_write(socket, request, [&](const boost::system::error_code& code, std::size_t) {
        if (code) {
            outcome = code;
            return;
        }
        http::async_read(socket, buffer, response,
                         [&](const boost::system::error_code& read, std::size_t) { outcome = read; });
    });
    context.run_for(answer_within);
    if (!context.stopped()) {
        socket.close();
        context.run(); // the handlers, before what they refer to goes
        outcome = asio::error::timed_out;
    }
    return outcome;
}

http::request<http::string_body> make_request(const std::string& method, const std::string& path,
                                              const std::string& host, const std::string& token) {
    http::request<http::string_body> request;
    request.method_string(method);
    request.target(path);
    request.version(11);
    request.set(http::field::host, host);
    if (!token.empty()) {
        request.set(http::field::authorization, "Bearer " + token);
    }
    return request;
}

} // namespace

admin_client::admin_client(const admin_target& target) : token_(read_token(target.token_file)), hint_(target.hint) {
    const auto url = boost::urls::parse_uri(target.url);
    if (!url || url->scheme() != "http" || url->host().empty()) {
        throw command_error(exit_code::usage,
                            "--admin " + target.url +
                                ": not an address; write http://HOST:PORT, as http://127.0.0.1:" + target.default_port);
    }
    host_ = url->host_address();
    port_ = url->has_port() ? std::string(url->port()) : target.default_port;
}

admin_answer admin_client::request(const std::string& method, const std::string& path, const boost::json::value* body) {
    return send_text(method, path, body == nullptr ? std::string() : boost::json::serialize(*body),
                     body == nullptr ? "" : "application/json");
}

admin_answer admin_client::send_text(const std::string& method, const std::string& path, const std::string& body,
                                     const std::string& content_type, const std::string& if_match) {
    asio::io_context context;
    auto socket = connect(context, host_, port_, hint_);
    auto request = make_request(method, path, host_ + ":" + port_, token_);
    if (!content_type.empty()) {
        request.set(http::field::content_type, content_type);
        request.body() = body;
    }
    if (!if_match.empty()) {
        request.set(http::field::if_match, if_match);
    }
    request.prepare_payload();
    http::response<http::string_body> response;
    auto code = exchange(context, socket, request, response);
    if (code) {
        throw command_error(exit_code::environment,
                            "http://" + host_ + ":" + port_ + " ended the conversation: " + code.message());
    }
    admin_answer answer;
    answer.status = response.result_int();
    answer.text = response.body();
    if (!answer.text.empty() && response[http::field::content_type].starts_with("application/json")) {
        answer.body = boost::json::parse(answer.text, code);
        if (code) {
            throw command_error(exit_code::environment,
                                "http://" + host_ + ":" + port_ + " answers, and it is not JSON");
        }
    }
    return answer;
}

void admin_client::follow(const std::string& path, const std::function<void(const std::string& data)>& event) {
    asio::io_context context;
    auto socket = connect(context, host_, port_, hint_);
    auto request = make_request("GET", path, host_ + ":" + port_, token_);
    request.set(http::field::accept, "text/event-stream");
    boost::system::error_code code;
    http::write(socket, request, code);
    asio::streambuf buffer;
    while (!code) {
        const auto size = asio::read_until(socket, buffer, "\n", code);
        if (code) {
            break;
        }
        std::string line(asio::buffers_begin(buffer.data()),
                         asio::buffers_begin(buffer.data()) + static_cast<std::ptrdiff_t>(size));
        buffer.consume(size);
        while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) {
            line.pop_back();
        }
        if (line.starts_with("data: ")) {
            event(line.substr(6));
        }
    }
}

boost::json::value admin_client::accepted(const admin_answer& answer) {
    if (answer.status < 400) {
        return answer.body;
    }
    std::string sentence = "the broker answered " + std::to_string(answer.status);
    if (const auto* object = answer.body.if_object()) {
        if (const auto* error = object->if_contains("error"); error != nullptr && error->is_object()) {
            if (const auto* message = error->get_object().if_contains("message");
                message != nullptr && message->is_string()) {
                sentence = message->get_string().c_str();
            }
        }
    }
    throw command_error(answer.status >= 500 ? exit_code::environment : exit_code::usage, sentence);
}

} // namespace cb::app
