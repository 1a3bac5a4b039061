// SPDX-License-Identifier: Apache-2.0
#include "moving/http/server_core.hpp"
#include "moving/http/answer_text.hpp"
#include "moving/http/connection.hpp"
#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <cstring>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace moving::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// Accepted in one go before the connections at hand have their turn.
constexpr int most_accepts_in_one_go = 128;
/// While the server stops, a connection that has not asked anything yet may do so for this time.
constexpr std::chrono::milliseconds last_call{1000};
constexpr std::chrono::hours no_limit{24 * 365};

bool is_out_of_files(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

std::string set_up(int file, const server_options& options) {
    const int on = 1;
    if (::setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        ::setsockopt(file, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) {
        return "the port cannot be shared: " + std::string(std::strerror(errno));
    }
    // Inherited by what is accepted: no call for each connection.
    if (::setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        return "answers cannot be sent at once: " + std::string(std::strerror(errno));
    }
    if (options.send_buffer_bytes > 0) {
        ::setsockopt(file, SOL_SOCKET, SO_SNDBUF, &options.send_buffer_bytes, sizeof(options.send_buffer_bytes));
    }
    return {};
}

} // namespace

server_core::server_core(asio::io_context& on, const router& by, executor& with, observer& tell, server_options given)
    : loop(on),
      routes(by),
      workers(with),
      told(tell),
      options(std::move(given)),
      hub(std::make_shared<event_hub>(on)),
      idle(options.idle_timeout),
      warm(options.warm_time),
      receiving(options.request_timeout),
      handling(no_limit),
      sending(options.send_timeout),
      lingering(options.linger_time),
      streaming(options.heartbeat),
      acceptor_(on),
      sweep_timer_(on),
      grace_timer_(on) {
    renew_date();
}

tl::expected<void, std::string> server_core::listen() {
    const auto failed = [&](const std::string& why) {
        return tl::unexpected("cannot listen on " + options.address + ":" + std::to_string(options.port) + ": " + why);
    };
    error_code ec;
    const auto address = asio::ip::make_address(options.address, ec);
    if (ec) {
        return failed("the address must be an IP address of this machine, such as 0.0.0.0");
    }
    const asio::ip::tcp::endpoint where(address, options.port);
    protocol_ = where.protocol();
    acceptor_.open(protocol_, ec);
    if (ec) {
        return failed(ec.message());
    }
    if (const auto why = set_up(acceptor_.native_handle(), options); !why.empty()) {
        return failed(why);
    }
    acceptor_.bind(where, ec);
    if (!ec) {
        acceptor_.listen(options.backlog, ec);
    }
    if (!ec) {
        acceptor_.non_blocking(true, ec);
    }
    if (ec) {
        return failed(ec.message());
    }
    port = acceptor_.local_endpoint().port();
    wait_for_connections();
    sweep_later();
    return {};
}

void server_core::wait_for_connections() {
    acceptor_.async_wait(asio::ip::tcp::acceptor::wait_read, [weak = weak_from_this()](error_code ec) {
        if (const auto self = weak.lock(); self && !ec) {
            self->accept_waiting(most_accepts_in_one_go);
        }
    });
}

void server_core::accept_waiting(int most) {
    if (!acceptor_.is_open()) {
        return;
    }
    for (int i = 0; i < most; ++i) {
        asio::ip::tcp::endpoint peer;
        auto length = static_cast<socklen_t>(peer.capacity());
        const int file = ::accept4(acceptor_.native_handle(), peer.data(), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (file >= 0) {
            accepted(file, peer);
            continue;
        }
        if (is_out_of_files(errno)) {
            return pause_accepting();
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            told_pause_ = false;
            break;
        }
    }
    wait_for_connections();
}

void server_core::accepted(int file, const asio::ip::tcp::endpoint& peer) {
    connection::socket socket(loop.get_executor());
    error_code ec;
    socket.assign(protocol_, file, ec);
    if (!ec) {
        socket.non_blocking(true, ec);
    }
    if (ec) {
        if (!socket.is_open()) {
            ::close(file);
        }
        return;
    }
    ++open;
    told.connections(open, streams_);
    std::make_shared<connection>(shared_from_this(), std::move(socket), peer)->start();
}

/// Goes on when a connection closes, or at the next sweep: others of this process have files as well.
void server_core::pause_accepting() {
    paused_ = true;
    if (!told_pause_) {
        told_pause_ = true;
        told.rejected(rejection::no_file_left);
        told.note(severity::warning, "accepting pauses: the limit of open files is reached with " +
                                         std::to_string(open) +
                                         " connections; raise it (ulimit -n) or start another replica");
    }
}

void server_core::connection_closed() {
    --open;
    told.connections(open, streams_);
    if (paused_ && !stopping) {
        paused_ = false;
        wait_for_connections();
    }
    end_if_done();
}

void server_core::stream_opened(bool opened) {
    streams_ += opened ? 1 : -1;
    told.connections(open, streams_);
}

std::unique_ptr<exchange> server_core::take_exchange() {
    ++exchanges_out_;
    if (kept_.empty()) {
        return std::make_unique<exchange>();
    }
    auto given = std::move(kept_.back());
    kept_.pop_back();
    return given;
}

void server_core::give_back(std::unique_ptr<exchange> used) {
    --exchanges_out_;
    if (kept_.size() < options.kept_buffers && !used->is_large()) {
        used->input.clear();
        used->given.reset();
        kept_.push_back(std::move(used));
    }
}

void server_core::sweep_later() {
    const auto shortest = std::min({options.idle_timeout, options.request_timeout, options.send_timeout,
                                    options.warm_time, options.linger_time, options.heartbeat});
    constexpr std::chrono::milliseconds seldom{250};
    constexpr std::chrono::milliseconds often{5};
    sweep_timer_.expires_after(std::clamp(shortest / 4, often, seldom));
    sweep_timer_.async_wait([weak = weak_from_this()](error_code ec) {
        if (const auto self = weak.lock(); self && !ec) {
            self->sweep();
            self->sweep_later();
        }
    });
}

void server_core::sweep() {
    renew_date();
    const auto at = now();
    const auto each = [&](waiting_line& line, void (connection::*act)()) {
        while (auto* late = line.overdue(at)) {
            (static_cast<connection*>(late)->*act)();
        }
    };
    each(warm, &connection::let_cool);
    each(idle, &connection::close);
    each(receiving, &connection::request_is_late);
    each(sending, &connection::reader_is_late);
    each(lingering, &connection::reader_is_late);
    each(streaming, &connection::heartbeat);
    if (paused_ && !stopping) {
        paused_ = false;
        accept_waiting(most_accepts_in_one_go);
    }
}

void server_core::renew_date() {
    if (const auto second = std::time(nullptr); second != date_of_) {
        date_of_ = second;
        date_line_ = http::date_line(second);
    }
}

template <typename What>
void server_core::for_all(What what) {
    for (auto* line : {&idle, &warm, &receiving, &handling, &sending, &lingering, &streaming}) {
        line->for_each([&](waiter& one) { what(static_cast<connection&>(one)); });
    }
}

void server_core::stop(std::chrono::milliseconds grace, std::function<void()> ended) {
    if (stopping) {
        return;
    }
    ended_ = std::move(ended);
    // Who is in the kernel's queue was promised a connection.
    paused_ = false;
    accept_waiting(options.backlog);
    stopping = true;
    error_code ignored;
    acceptor_.close(ignored);
    idle.shorten(std::min(grace, last_call));
    for_all([](connection& one) { one.wind_up(); });
    grace_timer_.expires_after(grace);
    grace_timer_.async_wait([weak = weak_from_this()](error_code ec) {
        if (const auto self = weak.lock(); self && !ec) {
            self->for_all([](connection& one) { one.close(); });
        }
    });
    end_if_done();
}

void server_core::end_if_done() {
    if (stopping && open == 0) {
        grace_timer_.cancel();
        sweep_timer_.cancel();
        if (const auto ended = std::exchange(ended_, nullptr)) {
            asio::post(loop, ended);
        }
    }
}

void server_core::abandon() {
    ended_ = nullptr;
    stopping = true;
    error_code ignored;
    acceptor_.close(ignored);
    sweep_timer_.cancel();
    grace_timer_.cancel();
    for_all([](connection& one) { one.close(); });
}

} // namespace moving::http
