// SPDX-License-Identifier: Apache-2.0
#include "proxy/session.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/limits.hpp"
#include "protocol/header.hpp"
#include "wire/cursor.hpp"

namespace cb::proxy {

session::session(session_environment& environment, std::unique_ptr<net::byte_stream> stream,
                 broker::client_context client)
    : environment_(environment),
      stream_(std::move(stream)),
      client_(std::move(client)),
      frames_(limits::frame_bytes_min, limits::frame_bytes),
      resume_(environment.context) {
    if (environment_.credentials != nullptr) {
        authenticator_.emplace(*environment_.credentials);
    }
}

asio::awaitable<void> session::run(std::shared_ptr<session> self, std::function<void(connection_id)> ended) {
    auto outcome = co_await self->stream_->handshake();
    if (outcome && self->client_.principal.empty()) {
        const auto subject = self->stream_->peer_subject();
        self->client_.principal = subject.empty() ? "User:ANONYMOUS" : "User:" + subject;
    }
    while (outcome) {
        outcome = co_await self->read_frames();
    }
    if (outcome.error().kind != errc::closed && !self->closed_) {
        self->environment_.log.warning("connection ended", {{"connection", self->client_.connection.value()},
                                                            {"client", self->client_.client_host},
                                                            {"client_id", self->client_.client_id},
                                                            {"why", outcome.error().message}});
    }
    self->close(false);
    self->environment_.pipeline.connection_closed(self->client_.connection);
    ended(self->client_.connection);
}

void session::close(bool reset) {
    if (!closed_) {
        closed_ = true;
        stream_->close(reset);
        wake();
    }
}

asio::awaitable<result<void>> session::read_frames() {
    co_await wait_for_room();
    if (muted_until_ != mono_time{}) {
        co_await wait_while_muted();
    }
    auto ready = co_await stream_->wait_readable();
    if (!ready) {
        co_return ready;
    }
    const auto room = frames_.room(environment_.read_buffer);
    const auto count = stream_->read_now(room);
    if (!count) {
        co_return tl::unexpected(count.error());
    }
    auto cut = frames_.received(room.first(*count));
    while (cut && !closed_) {
        if (muted_until_ != mono_time{}) {
            co_await wait_while_muted();
        }
        auto frame = frames_.next();
        if (!frame) {
            break;
        }
        cut = co_await handle(std::move(*frame));
    }
    if (closed_) {
        co_return fail(errc::closed, "closed here");
    }
    flush();
    co_return cut;
}

asio::awaitable<result<void>> session::handle(wire::slice frame) {
    auto header = protocol::parse_request_header(frame);
    if (!header) {
        co_return tl::unexpected(header.error());
    }
    if (header->client_id && client_.client_id != *header->client_id) {
        client_.client_id = *header->client_id;
    }
    ++requests_;
    auto body = frame.subslice(header->size);
    const auto frame_bytes = frame.size();
    environment_.request_bytes.take(frame_bytes);
    const auto ticket = replies_.reserve();

    if (authenticator_ && authenticator_->wants(*header)) {
        auto reply = authenticator_->handle(*header, body);
        environment_.request_bytes.give(frame_bytes);
        if (!reply) {
            co_return tl::unexpected(reply.error());
        }
        if (authenticator_->done()) {
            client_.principal = "User:" + authenticator_->user();
        }
        send(ticket, *header, std::move(*reply));
        co_return result<void>{};
    }

    const pipeline_request request{*header, &client_, std::move(body)};
    const auto before = environment_.pipeline.delay_before(request);
    if (before > nanoseconds::zero()) {
        // Held here, so that later requests of this connection wait behind it, as they would at a slow broker.
        flush();
        co_await hold(before);
        if (closed_) {
            environment_.request_bytes.give(frame_bytes);
            co_return fail(errc::closed, "closed here");
        }
    }
    auto self = shared_from_this();
    auto reply = [self, ticket, head = *header, frame_bytes](pipeline_answer given) {
        self->answer(ticket, head, frame_bytes, std::move(given));
    };
    pipeline_reply on_reply(std::move(reply));
    auto submitted = environment_.pipeline.submit(request, std::move(on_reply));
    if (!submitted) {
        environment_.request_bytes.give(frame_bytes);
    }
    if (header->api != protocol::api_key::produce) {
        environment_.reschedule(); // writing never waits, so it brings no deadline
    }
    co_await wait_for_room();
    co_return submitted;
}

void session::answer(reply_queue::ticket ticket, const protocol::request_header& header, std::size_t frame_bytes,
                     pipeline_answer given) {
    environment_.request_bytes.give(frame_bytes);
    if (closed_) {
        return;
    }
    if (given.mute > nanoseconds::zero()) {
        muted_until_ = std::max(muted_until_, mono_time(std::chrono::steady_clock::now()) + given.mute);
    }
    switch (given.then) {
    case after_answer::send: break;
    case after_answer::silence: return; // the place stays taken: nothing may overtake a lost answer
    case after_answer::close: close(false); return;
    case after_answer::reset: close(true); return;
    }
    if (given.delay <= nanoseconds::zero()) {
        send(ticket, header, std::move(given.body));
        return;
    }
    auto timer = std::make_shared<asio::steady_timer>(environment_.context, given.delay);
    timer->async_wait([self = shared_from_this(), timer, ticket, header, body = std::move(given.body)](auto) mutable {
        if (!self->closed_) {
            self->send(ticket, header, std::move(body));
        }
    });
}

void session::send(reply_queue::ticket ticket, const protocol::request_header& header, wire::chain body) {
    wire::chain whole;
    if (!body.empty()) {
        wire::writer head;
        const bool tagged = protocol::response_header_version(header.api, header.version) >= 1;
        head.i32(static_cast<std::int32_t>(body.size() + (tagged ? 5 : 4)));
        head.i32(header.correlation_id);
        if (tagged) {
            head.uvarint(0);
        }
        whole.append(head.take());
        whole.append(std::move(body));
    }
    replies_.complete(ticket, std::move(whole));
    flush();
}

void session::flush() {
    auto ready = replies_.take_ready();
    if (closed_ || ready.empty()) {
        wake();
        return;
    }
    environment_.pipeline.before_send();
    unsent_.append(std::move(ready));
    if (draining_) {
        return;
    }
    const auto sent = stream_->write_now(unsent_);
    if (!sent) {
        close(false);
        return;
    }
    if (*sent == unsent_.size()) {
        unsent_ = {};
        wake();
        return;
    }
    unsent_ = net::drop_front(unsent_, *sent);
    draining_ = true;
    asio::co_spawn(environment_.context, drain(shared_from_this()), asio::detached);
}

asio::awaitable<void> session::drain(std::shared_ptr<session> self) {
    while (!self->unsent_.empty() && !self->closed_) {
        auto batch = std::exchange(self->unsent_, {});
        self->draining_bytes_ = batch.size();
        const auto sent = co_await self->stream_->write(std::move(batch));
        self->draining_bytes_ = 0;
        if (!sent) {
            self->close(false);
        }
        self->wake();
    }
    self->draining_ = false;
}

bool session::has_room() const {
    return closed_ || (replies_.waiting() < limits::requests_in_flight_per_connection &&
                       unsent_.size() + draining_bytes_ < limits::unsent_bytes_per_connection &&
                       !environment_.request_bytes.exhausted());
}

asio::awaitable<void> session::wait_for_room() {
    while (!has_room()) {
        if (environment_.request_bytes.exhausted()) {
            std::weak_ptr<session> weak = weak_from_this();
            auto resume = [weak] {
                if (const auto self = weak.lock()) {
                    self->wake();
                }
            };
            environment_.request_bytes.when_free(resume);
        }
        co_await pause(std::chrono::hours(24));
    }
}

/// Waits the whole time, unless the connection is closed meanwhile.
asio::awaitable<void> session::hold(nanoseconds delay) {
    const auto until = std::chrono::steady_clock::now() + delay;
    for (auto now = std::chrono::steady_clock::now(); now < until && !closed_; now = std::chrono::steady_clock::now()) {
        co_await pause(until - now);
    }
}

/// A client that is to pause and does not is not heard either.
asio::awaitable<void> session::wait_while_muted() {
    flush();
    for (mono_time now = std::chrono::steady_clock::now(); now < muted_until_ && !closed_;
         now = std::chrono::steady_clock::now()) {
        co_await pause(muted_until_ - now);
    }
    muted_until_ = {};
}

/// Ends early when somebody calls wake().
asio::awaitable<void> session::pause(nanoseconds delay) {
    boost::system::error_code ignored;
    auto token = asio::redirect_error(asio::use_awaitable, ignored);
    resume_.expires_after(delay);
    co_await resume_.async_wait(token);
}

void session::wake() { resume_.cancel(); }

} // namespace cb::proxy
