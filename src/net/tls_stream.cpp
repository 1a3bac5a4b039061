// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <openssl/x509.h>

#include "net/byte_stream.hpp"

namespace cb::net {
namespace {

/// One TLS record holds at most 16 KiB of plain bytes.
constexpr std::size_t record_bytes = std::size_t{16} * 1024;

error tls_error(const boost::system::error_code& code) {
    const bool gone = code == asio::error::eof || code == asio::ssl::error::stream_truncated ||
                      code == asio::error::connection_reset || code == asio::error::operation_aborted;
    return {gone ? errc::closed : errc::io, code.message()};
}

/// Owner and thread: as byte_stream. Owns one record's buffer, because OpenSSL decrypts into it while we wait.
class tls_stream final : public byte_stream {
public:
    tls_stream(tcp::socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {
        boost::system::error_code ignored;
        stream_.next_layer().set_option(tcp::no_delay(true), ignored);
        local_ = stream_.next_layer().local_endpoint(ignored);
        peer_ = stream_.next_layer().remote_endpoint(ignored);
    }

    asio::awaitable<result<void>> handshake() override {
        boost::system::error_code code;
        auto token = asio::redirect_error(asio::use_awaitable, code);
        co_await stream_.async_handshake(asio::ssl::stream_base::server, token);
        if (code) {
            co_return tl::unexpected(tls_error(code));
        }
        co_return result<void>{};
    }

    asio::awaitable<result<void>> wait_readable() override {
        if (begin_ < end_) {
            co_return result<void>{};
        }
        boost::system::error_code code;
        auto token = asio::redirect_error(asio::use_awaitable, code);
        const auto target = asio::buffer(plain_);
        const auto count = co_await stream_.async_read_some(target, token);
        if (code) {
            co_return tl::unexpected(tls_error(code));
        }
        begin_ = 0;
        end_ = count;
        co_return result<void>{};
    }

    result<std::size_t> read_now(std::span<std::byte> target) override {
        const auto count = std::min(target.size(), end_ - begin_);
        std::copy_n(plain_.begin() + static_cast<std::ptrdiff_t>(begin_), count, target.begin());
        begin_ += count;
        return count;
    }

    result<std::size_t> write_now(const wire::chain& /*bytes*/) override { return std::size_t{0}; }

    asio::awaitable<result<void>> write(wire::chain bytes) override {
        for (const auto& piece : bytes.pieces()) {
            boost::system::error_code code;
            auto token = asio::redirect_error(asio::use_awaitable, code);
            const auto source = asio::const_buffer(piece.data(), piece.size());
            co_await asio::async_write(stream_, source, token);
            if (code) {
                co_return tl::unexpected(tls_error(code));
            }
        }
        co_return result<void>{};
    }

    void close(bool reset) override {
        boost::system::error_code ignored;
        auto& socket = stream_.next_layer();
        if (reset) {
            socket.set_option(asio::socket_base::linger(true, 0), ignored);
        } else {
            socket.shutdown(tcp::socket::shutdown_both, ignored);
        }
        socket.close(ignored);
    }

    [[nodiscard]] std::string peer_subject() const override {
        // native_handle is not const in Asio; nothing changes.
        auto* ssl = const_cast<tls_stream*>(this)->stream_.native_handle();
        const std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(ssl), X509_free);
        if (!certificate) {
            return {};
        }
        std::array<char, 512> text{};
        X509_NAME_oneline(X509_get_subject_name(certificate.get()), text.data(), static_cast<int>(text.size()));
        return text.data();
    }

    [[nodiscard]] tcp::endpoint local() const override { return local_; }
    [[nodiscard]] tcp::endpoint peer() const override { return peer_; }

private:
    asio::ssl::stream<tcp::socket> stream_;
    std::array<std::byte, record_bytes> plain_{};
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    tcp::endpoint local_;
    tcp::endpoint peer_;
};

} // namespace

std::unique_ptr<byte_stream> make_tls_stream(tcp::socket socket, asio::ssl::context& context) {
    return std::make_unique<tls_stream>(std::move(socket), context);
}

} // namespace cb::net
