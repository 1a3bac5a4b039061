// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/byte_stream.hpp"

namespace cb::net {
namespace {

/// Pieces of one gather-write; Linux takes 1024, more than 64 bring nothing.
constexpr std::size_t pieces_per_write = 64;

error io_error(const boost::system::error_code& code) {
    const bool gone = code == asio::error::eof || code == asio::error::connection_reset ||
                      code == asio::error::broken_pipe || code == asio::error::operation_aborted;
    return {gone ? errc::closed : errc::io, code.message()};
}

/// Owner and thread: as byte_stream.
class tcp_stream final : public byte_stream {
public:
    explicit tcp_stream(tcp::socket socket) : socket_(std::move(socket)) {
        boost::system::error_code ignored;
        socket_.non_blocking(true, ignored);
        socket_.set_option(tcp::no_delay(true), ignored);
        local_ = socket_.local_endpoint(ignored);
        peer_ = socket_.remote_endpoint(ignored);
    }

    asio::awaitable<result<void>> handshake() override { co_return result<void>{}; }

    asio::awaitable<result<void>> wait_readable() override { return wait(tcp::socket::wait_read); }

    result<std::size_t> read_now(std::span<std::byte> target) override {
        boost::system::error_code code;
        const auto count = socket_.read_some(asio::buffer(target.data(), target.size()), code);
        if (code == asio::error::would_block) {
            return std::size_t{0};
        }
        if (code) {
            return tl::unexpected(io_error(code));
        }
        return count;
    }

    result<std::size_t> write_now(const wire::chain& bytes) override {
        std::size_t sent = 0;
        auto rest = std::span(bytes.pieces());
        std::size_t offset = 0;
        while (!rest.empty()) {
            auto taken = write_some(rest, offset);
            if (!taken) {
                return taken;
            }
            if (*taken == 0) {
                break;
            }
            sent += *taken;
            advance(rest, offset, *taken);
        }
        return sent;
    }

    asio::awaitable<result<void>> write(wire::chain bytes) override {
        auto rest = std::span(bytes.pieces());
        std::size_t offset = 0;
        while (!rest.empty()) {
            auto taken = write_some(rest, offset);
            if (!taken) {
                co_return tl::unexpected(taken.error());
            }
            advance(rest, offset, *taken);
            if (*taken == 0) {
                auto ready = co_await wait(tcp::socket::wait_write);
                if (!ready) {
                    co_return ready;
                }
            }
        }
        co_return result<void>{};
    }

    void close(bool reset) override {
        boost::system::error_code ignored;
        if (reset) {
            socket_.set_option(asio::socket_base::linger(true, 0), ignored);
        } else {
            socket_.shutdown(tcp::socket::shutdown_both, ignored);
        }
        socket_.close(ignored);
    }

    [[nodiscard]] tcp::endpoint local() const override { return local_; }
    [[nodiscard]] tcp::endpoint peer() const override { return peer_; }

private:
    asio::awaitable<result<void>> wait(tcp::socket::wait_type what) {
        boost::system::error_code code;
        auto token = asio::redirect_error(asio::use_awaitable, code);
        co_await socket_.async_wait(what, token);
        if (code) {
            co_return tl::unexpected(io_error(code));
        }
        co_return result<void>{};
    }

    result<std::size_t> write_some(std::span<const wire::slice> pieces, std::size_t offset) {
        std::array<asio::const_buffer, pieces_per_write> buffers;
        const auto count = std::min(pieces.size(), buffers.size());
        for (std::size_t i = 0; i < count; ++i) {
            buffers[i] = asio::const_buffer(pieces[i].data(), pieces[i].size());
        }
        buffers[0] += offset;
        boost::system::error_code code;
        const auto sent = socket_.write_some(std::span(buffers).first(count), code);
        if (code == asio::error::would_block) {
            return std::size_t{0};
        }
        if (code) {
            return tl::unexpected(io_error(code));
        }
        return sent;
    }

    static void advance(std::span<const wire::slice>& rest, std::size_t& offset, std::size_t count) {
        offset += count;
        while (!rest.empty() && offset >= rest.front().size()) {
            offset -= rest.front().size();
            rest = rest.subspan(1);
        }
    }

    tcp::socket socket_;
    tcp::endpoint local_;
    tcp::endpoint peer_;
};

} // namespace

std::unique_ptr<byte_stream> make_tcp_stream(tcp::socket socket) {
    return std::make_unique<tcp_stream>(std::move(socket));
}

wire::chain drop_front(const wire::chain& bytes, std::size_t count) {
    wire::chain rest;
    for (const auto& piece : bytes.pieces()) {
        if (count >= piece.size()) {
            count -= piece.size();
            continue;
        }
        rest.append(piece.subslice(count));
        count = 0;
    }
    return rest;
}

} // namespace cb::net
