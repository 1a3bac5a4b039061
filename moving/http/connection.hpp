// SPDX-License-Identifier: Apache-2.0
// One connection of a client. Internal to the server.
#pragma once
#include "moving/http/server_core.hpp"
#include <boost/asio/basic_stream_socket.hpp>

namespace moving::http {

/// Kept alive by what it waits for: an operation of its socket, or the completion of its request. Loop thread;
/// `deliver` from any. Between requests it has no buffers (see server_options::warm_time): callbacks, not a coroutine,
/// so that an idle one is this object and one wait.
class connection final : public answer_target,
                         public event_reader,
                         public waiter,
                         public std::enable_shared_from_this<connection> {
    using error_code = boost::system::error_code;
    using tcp = boost::asio::ip::tcp;

public:
    using socket = boost::asio::basic_stream_socket<tcp, boost::asio::io_context::executor_type>;

    connection(std::shared_ptr<server_core> core, socket from, const tcp::endpoint& peer);
    ~connection() override;

    void start();
    void deliver(answer&& given) override;
    void take(std::string_view text) override;

    // What the sweep finds overdue.
    void let_cool();
    void request_is_late();
    void reader_is_late();
    void heartbeat();

    /// The server stops: closes what has nothing in hand.
    void wind_up();
    void close();

private:
    enum class state : std::uint8_t { idle, warm, cooling, receiving, handling, sending, lingering, streaming, closed };
    struct open_stream;

    void wait_cold();
    void on_readable(error_code ec);
    void wait_bytes();
    void on_read(error_code ec, std::size_t count);
    /// Answers what has arrived, until bytes are missing or an answer takes time.
    void advance();
    [[nodiscard]] bool parse();
    void say_continue();
    void refuse(answer given, rejection why);
    void refuse(error_code ec);
    void dispatch();
    void find_answer();
    void on_answer(answer&& given);
    /// True when the answer is out and the next request may follow.
    [[nodiscard]] bool send();
    void write_rest();
    void on_written(error_code ec, std::size_t count);
    [[nodiscard]] bool sent();
    [[nodiscard]] bool next();
    void linger();
    void read_away();
    void open_the_stream();
    void write_stream();
    void watch_reader();
    void cut_stream(std::string_view why);

    std::shared_ptr<server_core> core_;
    socket socket_;
    std::unique_ptr<exchange> exchange_;
    std::unique_ptr<open_stream> stream_;
    tcp::endpoint peer_;
    state state_ = state::idle;
    bool dispatching_ = false;
    bool served_ = false;
};

} // namespace moving::http
