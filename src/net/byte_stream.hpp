// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "base/result.hpp"
#include "wire/slice.hpp"

namespace cb::net {

namespace asio = boost::asio;
using asio::ip::tcp;

/// A connection as the layers above see it: bytes in, bytes out, whatever carries them (TCP, TLS).
/// Owner: the session that reads it; lives on one loop's thread; at most one reader and one writer at a time.
///
/// Reading is in two steps so that an idle connection owns no buffer: wait until there is something, then borrow the
/// loop's buffer and take it.
class byte_stream {
public:
    virtual ~byte_stream() = default;

    /// The other side's greeting, where there is one (TLS).
    virtual asio::awaitable<result<void>> handshake() = 0;
    /// Errors: closed, io.
    virtual asio::awaitable<result<void>> wait_readable() = 0;
    /// Takes what is there, at most `target`; 0 when there is nothing after all. Errors: closed (the end), io.
    virtual result<std::size_t> read_now(std::span<std::byte> target) = 0;
    /// Sends what fits without waiting; returns the bytes taken. 0 is an honest answer.
    virtual result<std::size_t> write_now(const wire::chain& bytes) = 0;
    /// Sends all of it.
    virtual asio::awaitable<result<void>> write(wire::chain bytes) = 0;
    /// Ends both directions now; whoever waits gets an error. With `reset` the peer sees RST instead of an end.
    virtual void close(bool reset) = 0;

    /// Subject of the client's certificate, empty without one.
    [[nodiscard]] virtual std::string peer_subject() const { return {}; }
    [[nodiscard]] virtual tcp::endpoint local() const = 0;
    [[nodiscard]] virtual tcp::endpoint peer() const = 0;
};

std::unique_ptr<byte_stream> make_tcp_stream(tcp::socket socket);
/// Server side of TLS over `socket`; the context must outlive the stream.
std::unique_ptr<byte_stream> make_tls_stream(tcp::socket socket, asio::ssl::context& context);

/// All but the first `count` bytes.
wire::chain drop_front(const wire::chain& bytes, std::size_t count);

} // namespace cb::net
