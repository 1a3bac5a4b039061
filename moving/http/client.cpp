// SPDX-License-Identifier: Apache-2.0
#include "moving/http/client.hpp"
#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <map>
#include <optional>
#include <sys/socket.h>

namespace moving::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using message = beast::http::request<beast::http::string_body>;
using parser = beast::http::response_parser<beast::http::string_body>;

/// A head of an answer: ours are below 1 KiB, those of balancers between may be longer.
constexpr std::uint32_t answer_head_limit = 32 * 1024;

struct destination {
    std::string host;
    std::string port;
    std::string target;
    [[nodiscard]] std::string authority() const {
        return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
    }
};

tl::unexpected<failure> failed(failure_kind kind, std::string sentence) {
    return tl::unexpected(failure{kind, std::move(sentence)});
}

/// None at all is port 80.
bool is_port(boost::urls::string_view text) {
    unsigned number = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
    return text.empty() || (end.ec == std::errc() && number > 0 && number <= 65535);
}

tl::expected<destination, failure> destination_of(std::string_view url) {
    const auto parsed = boost::urls::parse_uri({url.data(), url.size()});
    if (!parsed || parsed->scheme_id() != boost::urls::scheme::http || parsed->host().empty() ||
        !is_port(parsed->port())) {
        return failed(failure_kind::bad_url,
                      "\"" + std::string(url.substr(0, 200)) + "\" must be http://host[:port]/path");
    }
    destination out;
    out.host = parsed->host_type() == boost::urls::host_type::ipv6 ? parsed->host_ipv6_address().to_string()
                                                                   : std::string(parsed->host());
    out.port = parsed->has_port() && !parsed->port().empty() ? std::string(parsed->port()) : "80";
    const auto resource = parsed->encoded_resource();
    out.target = std::string(resource.substr(0, resource.find('#')));
    if (!out.target.starts_with('/')) {
        out.target.insert(0, "/");
    }
    return out;
}

beast::http::verb beast_verb(verb method) {
    switch (method) {
    case verb::get: return beast::http::verb::get;
    case verb::head: return beast::http::verb::head;
    case verb::post: return beast::http::verb::post;
    case verb::put: return beast::http::verb::put;
    case verb::patch: return beast::http::verb::patch;
    case verb::remove: return beast::http::verb::delete_;
    case verb::options:
    case verb::other: break;
    }
    return beast::http::verb::options;
}

bool may_repeat(const message& asked) {
    return (asked.method() != beast::http::verb::post && asked.method() != beast::http::verb::patch) ||
           asked.find("Idempotency-Key") != asked.end();
}

answer answer_of(parser& read) {
    auto& from = read.get();
    answer out;
    out.status = from.result_int();
    for (const auto& field : from) {
        if (field.name() == beast::http::field::content_type) {
            out.content_type = std::string(field.value());
        } else {
            out.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
        }
    }
    out.body = std::move(from.body());
    return out;
}

/// One connection to one host, with a loop of its own that runs only while it is asked.
class line {
public:
    explicit line(const client_options& options) : options_(options) {}

    tl::expected<answer, failure> ask(const destination& to, message& asked);

private:
    struct trouble {
        failure_kind kind;
        std::string what;
        bool anything_sent;
    };

    tl::expected<void, failure> connect(const destination& to);
    tl::expected<answer, trouble> exchange(message& asked);
    [[nodiscard]] bool still_open();
    void run() {
        loop_.restart();
        loop_.run();
    }

    const client_options& options_;
    asio::io_context loop_{1};
    std::optional<beast::tcp_stream> stream_;
    beast::flat_buffer buffer_;
};

tl::expected<answer, failure> line::ask(const destination& to, message& asked) {
    const auto whither = std::string(asked.method_string()) + " http://" + to.authority() + to.target;
    bool kept = stream_ && still_open();
    for (;;) {
        if (!kept) {
            if (auto good = connect(to); !good) {
                return tl::unexpected(std::move(good.error()));
            }
        }
        auto done = exchange(asked);
        if (done) {
            return std::move(*done);
        }
        stream_.reset();
        const auto& wrong = done.error();
        // The other side may have closed a kept connection while this request was on its way.
        if (!kept || wrong.kind != failure_kind::broken || (wrong.anything_sent && !may_repeat(asked))) {
            return failed(wrong.kind, whither + ": " + wrong.what);
        }
        kept = false;
    }
}

/// Nothing may have come since the last answer: not even the end.
bool line::still_open() {
    char byte = 0;
    const auto got = ::recv(stream_->socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    const bool quiet = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (!quiet) {
        stream_.reset();
    }
    return quiet;
}

tl::expected<void, failure> line::connect(const destination& to) {
    const auto cannot = [&](const std::string& why) {
        stream_.reset();
        return failed(failure_kind::connect, "cannot connect to " + to.authority() + ": " + why);
    };
    error_code ec;
    asio::ip::tcp::resolver resolver(loop_);
    const auto found = resolver.resolve(to.host, to.port, ec);
    if (ec) {
        return cannot(ec.message());
    }
    buffer_.clear();
    stream_.emplace(loop_);
    stream_->expires_after(options_.connect_timeout);
    stream_->async_connect(found, [&](error_code failure, const asio::ip::tcp::endpoint& /*to*/) { ec = failure; });
    run();
    if (ec == beast::error::timeout) {
        return cannot("no connection within " + std::to_string(options_.connect_timeout.count()) + " ms");
    }
    if (ec) {
        return cannot(ec.message());
    }
    stream_->socket().set_option(asio::ip::tcp::no_delay(true), ec);
    return {};
}

tl::expected<answer, line::trouble> line::exchange(message& asked) {
    error_code ec;
    std::size_t sent = 0;
    const auto broken = [&](std::string_view doing) -> tl::unexpected<trouble> {
        if (ec == beast::error::timeout) {
            return tl::unexpected(trouble{failure_kind::timed_out,
                                          "no answer within " + std::to_string(options_.answer_timeout.count()) + " ms",
                                          true});
        }
        if (ec == beast::http::error::body_limit || ec == beast::http::error::header_limit) {
            return tl::unexpected(trouble{failure_kind::too_large,
                                          "the answer is larger than " + std::to_string(options_.body_limit) + " bytes",
                                          true});
        }
        return tl::unexpected(trouble{failure_kind::broken, std::string(doing) + ": " + ec.message(), sent > 0});
    };
    stream_->expires_after(options_.answer_timeout);
    beast::http::async_write(*stream_, asked, [&](error_code failure, std::size_t bytes) {
        ec = failure;
        sent = bytes;
    });
    run();
    if (ec == beast::error::timeout) {
        return broken("sending");
    }
    // A server that refuses a large body answers before it has read it: the answer is worth more than the broken write.
    const auto write_error = ec;
    parser read;
    read.header_limit(answer_head_limit);
    read.body_limit(options_.body_limit);
    read.skip(asked.method() == beast::http::verb::head);
    ec = {};
    beast::http::async_read(*stream_, buffer_, read, [&](error_code failure, std::size_t /*bytes*/) { ec = failure; });
    run();
    if (ec) {
        if (write_error && ec != beast::error::timeout) {
            ec = write_error;
            return broken("the connection broke while sending");
        }
        return broken("the connection ended without a whole answer");
    }
    auto out = answer_of(read);
    stream_->expires_never();
    if (write_error || !read.keep_alive()) {
        stream_.reset();
    }
    return out;
}

} // namespace

class client::lines {
public:
    explicit lines(client_options with) : options(with) {}
    client_options options;
    std::map<std::string, line> of;
};

client::client(client_options options) : lines_(std::make_unique<lines>(options)) {}
client::~client() = default;
client::client(client&&) noexcept = default;
client& client::operator=(client&&) noexcept = default;

tl::expected<answer, failure> client::ask(verb method, std::string_view url, std::string_view body,
                                          const header_list& headers) {
    auto to = destination_of(url);
    if (!to) {
        return tl::unexpected(std::move(to.error()));
    }
    message asked(beast_verb(method), to->target, 11);
    asked.set(beast::http::field::host, to->authority());
    asked.set(beast::http::field::user_agent, "moving");
    if (!body.empty()) {
        asked.set(beast::http::field::content_type, "application/json");
    }
    for (const auto& [name, value] : headers) {
        asked.set(name, value);
    }
    asked.body() = body;
    if (!body.empty() || method == verb::post || method == verb::put || method == verb::patch) {
        asked.prepare_payload();
    }
    return lines_->of.try_emplace(to->authority(), lines_->options).first->second.ask(*to, asked);
}

tl::expected<answer, failure> client::post(std::string_view url, const boost::json::value& body,
                                           const header_list& headers) {
    return ask(verb::post, url, boost::json::serialize(body), headers);
}

} // namespace moving::http
