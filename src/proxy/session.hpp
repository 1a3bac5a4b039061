// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "backend/backend.hpp"
#include "base/log.hpp"
#include "net/byte_budget.hpp"
#include "net/byte_stream.hpp"
#include "proxy/authenticator.hpp"
#include "proxy/reply_queue.hpp"
#include "proxy/request_pipeline.hpp"
#include "wire/frame_assembler.hpp"

namespace cb::proxy {

namespace asio = boost::asio;

/// What all sessions of a loop share. Owner: the gateway, which outlives its sessions.
struct session_environment {
    asio::io_context& context;
    request_pipeline& pipeline;
    log_sink& log;
    net::byte_budget& request_bytes;
    /// Lent to whichever session is reading right now.
    std::span<std::byte> read_buffer;
    /// Null: clients need no authentication.
    const credential_store* credentials = nullptr;
    /// A request may have brought a deadline that is earlier than all others.
    std::function<void()> reschedule;
};

/// One client's connection: cuts frames, hands requests to the pipeline, sends the answers in the order of the
/// requests.
///
///   bytes -> frame_assembler -> header -> (authenticator) -> request_pipeline -> backend
///   bytes <- reply_queue <----------------------------------- answer
///
/// Reading stops while too much is unanswered or unsent, so a client that never reads costs what the limits say.
/// Owner: itself while its coroutine runs, and the gateway's table. Thread: the loop's.
class session : public std::enable_shared_from_this<session> {
public:
    session(session_environment& environment, std::unique_ptr<net::byte_stream> stream, broker::client_context client);

    /// Reads until the connection ends. `ended` is called once, last.
    static asio::awaitable<void> run(std::shared_ptr<session> self, std::function<void(connection_id)> ended);

    void close(bool reset);
    [[nodiscard]] const broker::client_context& client() const { return client_; }
    [[nodiscard]] std::uint64_t requests() const { return requests_; }
    [[nodiscard]] std::size_t unanswered() const { return replies_.waiting(); }

private:
    asio::awaitable<result<void>> read_frames();
    asio::awaitable<result<void>> handle(wire::slice frame);
    asio::awaitable<void> wait_for_room();
    asio::awaitable<void> hold(nanoseconds delay);
    asio::awaitable<void> wait_while_muted();
    asio::awaitable<void> pause(nanoseconds delay);

    result<void> submit(const protocol::request_header& header, wire::slice body, reply_queue::ticket ticket);
    void answer(reply_queue::ticket ticket, const protocol::request_header& header, std::size_t frame_bytes,
                pipeline_answer answer);
    void send(reply_queue::ticket ticket, const protocol::request_header& header, wire::chain body);
    void flush();
    static asio::awaitable<void> drain(std::shared_ptr<session> self);
    void wake();
    [[nodiscard]] bool has_room() const;

    session_environment& environment_;
    std::unique_ptr<net::byte_stream> stream_;
    broker::client_context client_;
    wire::frame_assembler frames_;
    reply_queue replies_;
    std::optional<authenticator> authenticator_;
    wire::chain unsent_;
    bool draining_ = false;
    std::size_t draining_bytes_ = 0;
    bool closed_ = false;
    mono_time muted_until_{}; ///< nothing is read before; zero: not muted
    asio::steady_timer resume_;
    std::uint64_t requests_ = 0;
};

} // namespace cb::proxy
