// SPDX-License-Identifier: Apache-2.0
#include "moving/http/connection.hpp"
#include "moving/http/answer_text.hpp"
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>

namespace moving::http {
namespace {

namespace asio = boost::asio;
using beast_error = boost::beast::http::error;

/// A body up to this size is copied behind its head: one buffer to write.
constexpr std::size_t short_body = 4096;
/// What may be read and not yet understood: a head of the full limit and something of the body behind it.
constexpr std::size_t input_beyond_head = 2048;

} // namespace

/// A stream's own buffers; it needs no others.
struct connection::open_stream {
    std::string key;
    std::string pending;
    std::string writing;
    std::size_t written = 0;
    steady_time progress;
    std::array<char, 64> ignored;
    bool is_writing = false;
};

connection::connection(std::shared_ptr<server_core> core, socket from, const tcp::endpoint& peer)
    : core_(std::move(core)), socket_(std::move(from)), peer_(peer) {}

connection::~connection() { close(); }

void connection::start() { wait_cold(); }

void connection::wait_cold() {
    state_ = state::idle;
    core_->idle.enter(*this, server_core::now());
    socket_.async_wait(socket::wait_read, [self = shared_from_this()](error_code ec) { self->on_readable(ec); });
}

void connection::on_readable(error_code ec) {
    if (state_ == state::closed || ec) {
        return close();
    }
    exchange_ = core_->take_exchange();
    exchange_->begin(core_->options.header_limit, core_->options.body_limit);
    error_code failed;
    const auto count =
        socket_.read_some(exchange_->input.room(core_->options.header_limit + input_beyond_head), failed);
    if (failed == asio::error::would_block) {
        state_ = state::warm;
        core_->warm.enter(*this, server_core::now());
        return wait_bytes();
    }
    on_read(failed, count);
}

void connection::wait_bytes() {
    const auto room = exchange_->input.room(core_->options.header_limit + input_beyond_head);
    socket_.async_read_some(
        room, [self = shared_from_this()](error_code ec, std::size_t count) { self->on_read(ec, count); });
}

void connection::on_read(error_code ec, std::size_t count) {
    if (state_ == state::closed) {
        return;
    }
    if (ec == asio::error::operation_aborted && state_ == state::cooling) {
        core_->give_back(std::move(exchange_));
        return wait_cold();
    }
    if (ec) {
        return close();
    }
    exchange_->input.grew(count);
    advance();
}

void connection::advance() {
    do {
        if (!parse()) {
            return;
        }
        dispatch();
        if (state_ == state::closed) {
            return core_->give_back(std::move(exchange_)); // a handler stopped the server
        }
        if (!exchange_->given) {
            core_->handling.enter(*this, server_core::now());
            return;
        }
    } while (send() && next());
}

/// True when a request, or what is wrong with it, is there.
bool connection::parse() {
    auto& x = *exchange_;
    error_code ec;
    x.input.consume(x.parser->feed(x.input.bytes(), ec));
    if (ec) {
        refuse(ec);
        return true;
    }
    if (x.parser->is_done()) {
        return true;
    }
    if (x.parser->is_header_done()) {
        if (x.parser->expects_the_impossible()) {
            refuse(problem(417, "of Expect only 100-continue is understood"), rejection::malformed);
            return true;
        }
        say_continue();
    }
    const auto room = x.input.room(core_->options.header_limit + input_beyond_head);
    if (room.size() == 0) {
        refuse(beast_error::header_limit);
        return true;
    }
    if (state_ != state::receiving) {
        state_ = state::receiving;
        core_->receiving.enter(*this, server_core::now());
    }
    wait_bytes();
    return false;
}

void connection::say_continue() {
    auto& x = *exchange_;
    if (!x.parser->wants_continue() || x.said_continue || !x.asked.body().empty()) {
        return;
    }
    x.said_continue = true;
    static constexpr std::string_view text = "HTTP/1.1 100 Continue\r\n\r\n";
    error_code ignored; // a client that cannot take these 25 bytes goes on without them
    socket_.write_some(asio::buffer(text), ignored);
}

void connection::refuse(answer given, rejection why) {
    auto& x = *exchange_;
    core_->told.rejected(why);
    x.given = std::move(given);
    x.keep_alive = false;
    x.has_unread = true;
}

void connection::refuse(error_code ec) {
    if (ec == beast_error::body_limit) {
        return refuse(problem(413, "the body is larger than " + std::to_string(core_->options.body_limit) + " bytes"),
                      rejection::too_large);
    }
    if (ec == beast_error::header_limit) {
        return refuse(problem(431, "request line and headers are larger than " +
                                       std::to_string(core_->options.header_limit) + " bytes"),
                      rejection::too_large);
    }
    if (ec == beast_error::bad_version) {
        return refuse(problem(505, "the request line must end with HTTP/1.1 or HTTP/1.0"), rejection::malformed);
    }
    refuse(problem(400, "this is no HTTP/1.1 request: " + ec.message()), rejection::malformed);
}

void connection::dispatch() {
    auto& x = *exchange_;
    x.started = server_core::now();
    x.method = x.asked.method();
    state_ = state::handling;
    served_ = true;
    if (x.given) {
        return; // refused
    }
    x.is_http_1_0 = x.parser->is_http_1_0();
    x.keep_alive = x.parser->keep_alive();
    x.asked.set_peer(peer_);
    if (!x.parser->has_host() && !x.is_http_1_0) {
        return refuse(problem(400, "a request of HTTP/1.1 has exactly one Host header"), rejection::malformed);
    }
    if (x.parser->has_unknown_coding()) {
        return refuse(problem(501, "of Transfer-Encoding only chunked is understood"), rejection::malformed);
    }
    if (x.parser->expects_the_impossible()) {
        return refuse(problem(417, "of Expect only 100-continue is understood"), rejection::malformed);
    }
    find_answer();
}

void connection::find_answer() {
    auto& x = *exchange_;
    auto found = core_->routes.find(x.asked);
    if (!found) {
        x.given = std::move(found.error());
        return;
    }
    x.found = *found;
    if (auto good = router::check_body(x.asked, *x.found); !good) {
        x.given = std::move(good.error());
        return;
    }
    if (x.found->runs == where::on_loop) {
        std::string failed;
        x.given = run_handler(*x.found, x.asked, core_->nothing_at_hand, &failed);
        if (!failed.empty()) {
            core_->told.note(severity::error, x.found->path + " failed: " + failed);
        }
        return;
    }
    x.stream_position = core_->hub->position();
    dispatching_ = true;
    completion done(shared_from_this());
    if (!core_->workers.submit(std::move(x.asked), *x.found, std::move(done))) {
        core_->told.rejected(rejection::queue_full);
        done(problem(503, "the service has too much to do: again in a second").with("Retry-After", "1"));
    }
    dispatching_ = false;
    x.asked.clear(); // it was moved from
}

void connection::deliver(answer&& given) {
    if (core_->on_loop_thread()) {
        return on_answer(std::move(given));
    }
    asio::post(core_->loop,
               [self = shared_from_this(), given = std::move(given)]() mutable { self->on_answer(std::move(given)); });
}

void connection::on_answer(answer&& given) {
    if (state_ == state::closed) {
        return;
    }
    exchange_->given = std::move(given);
    if (!dispatching_ && send() && next()) {
        advance();
    }
}

bool connection::send() {
    auto& x = *exchange_;
    auto& given = *x.given;
    x.keep_alive = x.keep_alive && !core_->stopping;
    if (given.stream) {
        if (x.method == verb::get) {
            open_the_stream();
            return false;
        }
        x.keep_alive = false;
    }
    append_head(x.head, given,
                {.date_line = core_->date_line(),
                 .keep_alive = x.keep_alive,
                 .is_http_1_0 = x.is_http_1_0,
                 .has_length = given.stream == nullptr});
    if (x.method == verb::head || !may_have_body(given.status)) {
        given.body.clear();
    } else if (given.body.size() <= short_body) {
        x.head += given.body;
        given.body.clear();
    }
    const std::array<asio::const_buffer, 2> both{asio::buffer(x.head), asio::buffer(given.body)};
    error_code ec;
    x.written = given.body.empty() ? socket_.write_some(both[0], ec) : socket_.write_some(both, ec);
    if (ec && ec != asio::error::would_block) {
        close();
        return false;
    }
    if (x.written == x.head.size() + given.body.size()) {
        return sent();
    }
    state_ = state::sending;
    core_->sending.enter(*this, server_core::now());
    write_rest();
    return false;
}

void connection::write_rest() {
    const auto& x = *exchange_;
    const auto of_head = std::min(x.written, x.head.size());
    const std::array<asio::const_buffer, 2> rest{asio::buffer(x.head) + of_head,
                                                 asio::buffer(x.given->body) + (x.written - of_head)};
    socket_.async_write_some(
        rest, [self = shared_from_this()](error_code ec, std::size_t count) { self->on_written(ec, count); });
}

void connection::on_written(error_code ec, std::size_t count) {
    if (state_ == state::closed || ec) {
        return close();
    }
    auto& x = *exchange_;
    x.written += count;
    if (x.written < x.head.size() + x.given->body.size()) {
        core_->sending.enter(*this, server_core::now());
        return write_rest();
    }
    if (sent() && next()) {
        advance();
    }
}

/// Tells what was done; false when the connection ends with it.
bool connection::sent() {
    auto& x = *exchange_;
    core_->told.answered({.found = x.found,
                          .method = x.method,
                          .status = x.given->status,
                          .duration = server_core::now() - x.started,
                          .bytes_sent = x.written,
                          .traceparent = x.asked.traceparent(),
                          .target = x.asked.target()});
    if (x.keep_alive && !core_->stopping) {
        return true;
    }
    if (x.has_unread || !x.input.empty()) {
        linger();
    } else {
        close();
    }
    return false;
}

/// True when bytes of the next request are there already.
bool connection::next() {
    auto& x = *exchange_;
    x.begin(core_->options.header_limit, core_->options.body_limit);
    state_ = state::warm;
    if (!x.input.empty()) {
        return true;
    }
    if (core_->has_too_many_warm()) {
        core_->give_back(std::move(exchange_));
        wait_cold();
        return false;
    }
    core_->warm.enter(*this, server_core::now());
    wait_bytes();
    return false;
}

void connection::let_cool() {
    state_ = state::cooling;
    core_->idle.enter(*this, server_core::now());
    error_code ignored;
    socket_.cancel(ignored);
}

void connection::request_is_late() {
    core_->told.rejected(rejection::too_slow);
    const auto given = problem(408, "the request did not arrive within " +
                                        std::to_string(core_->options.request_timeout.count()) + " ms");
    std::string text;
    append_head(text, given, {.date_line = core_->date_line(), .keep_alive = false});
    text += given.body;
    error_code ignored; // who is gone does not hear it
    const auto self = shared_from_this();
    const auto count = socket_.write_some(asio::buffer(text), ignored);
    core_->told.answered({.status = 408, .duration = core_->options.request_timeout, .bytes_sent = count});
    socket_.shutdown(socket::shutdown_send, ignored);
    close();
}

void connection::reader_is_late() {
    if (state_ == state::sending) {
        core_->told.rejected(rejection::reader_stalled);
        core_->told.note(severity::debug, "cut a reader that did not take its answer");
    }
    close();
}

/// Reads and throws away for a while: closed with unread bytes, the connection would be reset and the answer lost.
void connection::linger() {
    state_ = state::lingering;
    core_->lingering.enter(*this, server_core::now());
    error_code ignored;
    socket_.shutdown(socket::shutdown_send, ignored);
    read_away();
}

void connection::read_away() {
    exchange_->input.clear();
    const auto room = exchange_->input.room(core_->options.header_limit + input_beyond_head);
    socket_.async_read_some(room, [self = shared_from_this()](error_code ec, std::size_t /*count*/) {
        if (ec || self->state_ != state::lingering) {
            return self->close();
        }
        self->read_away();
    });
}

void connection::open_the_stream() {
    auto& x = *exchange_;
    auto& given = *x.given;
    stream_ = std::make_unique<open_stream>();
    stream_->key = given.stream->key;
    stream_->progress = server_core::now();
    given.headers.emplace_back("Cache-Control", "no-cache");
    append_head(x.head, given, {.date_line = core_->date_line(), .keep_alive = false, .has_length = false});
    core_->told.answered({.found = x.found,
                          .method = x.method,
                          .status = given.status,
                          .duration = stream_->progress - x.started,
                          .bytes_sent = x.head.size()});
    stream_->pending = x.head + core_->hub->add(*given.stream, x.stream_position, *this);
    core_->stream_opened(true);
    state_ = state::streaming;
    core_->streaming.enter(*this, stream_->progress);
    core_->give_back(std::move(exchange_));
    if (core_->stopping) {
        return close();
    }
    watch_reader();
    write_stream();
}

/// Whatever a reader of events sends is ignored; that it has gone is not.
void connection::watch_reader() {
    socket_.async_read_some(asio::buffer(stream_->ignored), [self = shared_from_this()](error_code ec, std::size_t) {
        if (ec || self->state_ != state::streaming) {
            return self->close();
        }
        self->watch_reader();
    });
}

void connection::take(std::string_view text) {
    const auto self = shared_from_this();
    auto& s = *stream_;
    if (s.pending.size() + text.size() > core_->options.stream_buffer_limit) {
        return cut_stream("cut a reader of events that was too far behind");
    }
    s.pending += text;
    write_stream();
}

void connection::write_stream() {
    auto& s = *stream_;
    while (!s.is_writing && !s.pending.empty()) {
        s.writing.swap(s.pending);
        s.pending.clear();
        error_code ec;
        s.written = socket_.write_some(asio::buffer(s.writing), ec);
        if (ec && ec != asio::error::would_block) {
            return close();
        }
        if (s.written == s.writing.size()) {
            s.progress = server_core::now();
            s.writing.clear();
            continue;
        }
        s.is_writing = true;
        asio::async_write(socket_, asio::buffer(s.writing) + s.written,
                          [self = shared_from_this()](error_code failed, std::size_t) {
                              if (failed || self->state_ != state::streaming) {
                                  return self->close();
                              }
                              self->stream_->is_writing = false;
                              self->stream_->progress = server_core::now();
                              self->stream_->writing.clear();
                              self->write_stream();
                          });
    }
}

void connection::heartbeat() {
    const auto now = server_core::now();
    core_->streaming.enter(*this, now);
    if (stream_->is_writing && now - stream_->progress >= core_->options.send_timeout) {
        return cut_stream("cut a reader of events that took nothing for too long");
    }
    take(":\n\n");
}

void connection::cut_stream(std::string_view why) {
    core_->told.rejected(rejection::reader_stalled);
    core_->told.note(severity::debug, std::string(why) + ", of " + stream_->key);
    close();
}

void connection::wind_up() {
    const auto self = shared_from_this();
    if (state_ == state::streaming) {
        return close();
    }
    error_code ignored;
    const bool nothing_in_hand = state_ == state::idle || state_ == state::warm || state_ == state::cooling;
    if (nothing_in_hand && served_ && socket_.available(ignored) == 0) {
        close();
    }
}

void connection::close() {
    if (state_ == state::closed) {
        return;
    }
    state_ = state::closed;
    if (stream_) {
        core_->hub->remove(stream_->key, *this);
        core_->stream_opened(false);
    }
    unlink();
    error_code ignored;
    socket_.close(ignored);
    if (exchange_ && !dispatching_) {
        core_->give_back(std::move(exchange_));
    }
    core_->connection_closed();
}

} // namespace moving::http
