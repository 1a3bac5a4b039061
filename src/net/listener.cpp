// SPDX-License-Identifier: Apache-2.0
#include "net/listener.hpp"

#include <charconv>

namespace cb::net {
namespace {

/// How long accepting rests when the process is out of files: long enough not to spin, short enough not to be noticed.
constexpr auto rest = std::chrono::milliseconds(100);

tcp::endpoint resolve(asio::io_context& context, const host_and_port& address) {
    if (address.host.empty()) {
        return {tcp::v4(), address.port};
    }
    boost::system::error_code code;
    const auto literal = asio::ip::make_address(address.host, code);
    if (!code) {
        return {literal, address.port};
    }
    tcp::resolver resolver(context);
    const auto found = resolver.resolve(address.host, std::to_string(address.port));
    return found.begin()->endpoint();
}

} // namespace

result<host_and_port> parse_host_and_port(std::string_view text) {
    const auto colon = text.rfind(':');
    const auto wrong = [&] {
        return fail(errc::malformed,
                    "'" + std::string(text) + "' is not an address: write HOST:PORT, as 127.0.0.1:9092");
    };
    if (colon == std::string_view::npos) {
        return wrong();
    }
    auto host = text.substr(0, colon);
    const auto digits = text.substr(colon + 1);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    std::uint16_t port = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (code != std::errc{} || end != digits.data() + digits.size() || digits.empty()) {
        return wrong();
    }
    return host_and_port{std::string(host), port};
}

listener::listener(asio::io_context& context, const host_and_port& address, accepted_function accepted,
                   exhausted_function exhausted)
    : acceptor_(context), pause_(context), accepted_(std::move(accepted)), exhausted_(std::move(exhausted)) {
    const auto endpoint = resolve(context, address);
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen(4096);
    port_ = acceptor_.local_endpoint().port();
}

void listener::close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
}

void listener::accept() {
    acceptor_.async_accept([this](const boost::system::error_code& code, tcp::socket socket) {
        if (code == asio::error::operation_aborted || !acceptor_.is_open()) {
            return;
        }
        if (!code) {
            said_ = false;
            accepted_(std::move(socket));
            accept();
            return;
        }
        if (!said_) {
            said_ = true;
            exhausted_(code.message());
        }
        pause_.expires_after(rest);
        pause_.async_wait([this](const boost::system::error_code& stopped) {
            if (!stopped) {
                accept();
            }
        });
    });
}

} // namespace cb::net
