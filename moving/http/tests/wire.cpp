// SPDX-License-Identifier: Apache-2.0
#include "moving/http/tests/wire.hpp"
#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace moving::http::tests {
namespace {

constexpr int deadline_ms = 20'000;

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

} // namespace

wire::wire(std::uint16_t port, int receive_buffer_bytes) {
    open(receive_buffer_bytes);
    EXPECT_TRUE(connect(port)) << "no connection to the server";
}

wire::~wire() { close(); }
wire::wire(wire&& other) noexcept : file_(std::exchange(other.file_, -1)), heard_(std::move(other.heard_)) {}

wire& wire::operator=(wire&& other) noexcept {
    close();
    file_ = std::exchange(other.file_, -1);
    heard_ = std::move(other.heard_);
    return *this;
}

void wire::open(int receive_buffer_bytes) {
    file_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_GE(file_, 0) << "no socket";
    const int on = 1;
    ::setsockopt(file_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (receive_buffer_bytes > 0) {
        ::setsockopt(file_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(receive_buffer_bytes));
    }
}

bool wire::connect(std::uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(file_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0;
}

bool wire::send(std::string_view bytes) {
    while (!bytes.empty()) {
        pollfd wanted{file_, POLLOUT, 0};
        if (::poll(&wanted, 1, deadline_ms) <= 0) {
            ADD_FAILURE() << "the server takes no bytes";
            return false;
        }
        const auto sent = ::send(file_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
    }
    return true;
}

void wire::end_sending() { ::shutdown(file_, SHUT_WR); }

void wire::reset() {
    const linger at_once{1, 0};
    ::setsockopt(file_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close();
}

void wire::close() {
    if (file_ >= 0) {
        ::close(std::exchange(file_, -1));
    }
}

bool wire::read_more() {
    pollfd wanted{file_, POLLIN, 0};
    if (::poll(&wanted, 1, deadline_ms) <= 0) {
        ADD_FAILURE() << "nothing comes, not even the end; so far: " << heard_.substr(0, 300);
        return false;
    }
    std::array<char, 16384> room;
    const auto got = ::recv(file_, room.data(), room.size(), 0);
    if (got <= 0) {
        return false;
    }
    heard_.append(room.data(), static_cast<std::size_t>(got));
    return true;
}

std::optional<heard_answer> wire::read_answer(std::string_view method) {
    while (heard_.find("\r\n\r\n") == std::string::npos) {
        if (!read_more()) {
            return std::nullopt;
        }
    }
    heard_answer out;
    const auto head_end = heard_.find("\r\n\r\n") + 4;
    const auto head = heard_.substr(0, head_end);
    heard_.erase(0, head_end);
    out.status = std::stoi(head.substr(9, 3));
    for (auto at = head.find("\r\n") + 2; at + 2 < head.size();) {
        const auto end = head.find("\r\n", at);
        const auto colon = head.find(": ", at);
        out.headers[lower(head.substr(at, colon - at))] = head.substr(colon + 2, end - colon - 2);
        at = end + 2;
    }
    const auto length =
        method == "HEAD" || !out.headers.contains("content-length") ? 0 : std::stoul(out.headers["content-length"]);
    while (heard_.size() < length) {
        if (!read_more()) {
            return std::nullopt;
        }
    }
    out.body = heard_.substr(0, length);
    heard_.erase(0, length);
    return out;
}

std::string wire::read_until(std::string_view end) {
    while (heard_.find(end) == std::string::npos) {
        if (!read_more()) {
            return std::exchange(heard_, {});
        }
    }
    const auto length = heard_.find(end) + end.size();
    auto out = heard_.substr(0, length);
    heard_.erase(0, length);
    return out;
}

std::string wire::read_all() {
    while (read_more()) {
    }
    return std::exchange(heard_, {});
}

bool wire::ended() {
    const bool failed_before = testing::Test::HasFailure();
    read_all();
    return failed_before || !testing::Test::HasFailure();
}

} // namespace moving::http::tests
