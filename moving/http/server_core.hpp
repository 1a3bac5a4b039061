// SPDX-License-Identifier: Apache-2.0
// What all connections of a server share. Internal to the server.
#pragma once
#include "moving/http/exchange.hpp"
#include "moving/http/server.hpp"
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

namespace moving::http {

class connection;

/// Owned by the server and its connections; all of it on the loop thread.
class server_core : public std::enable_shared_from_this<server_core> {
public:
    server_core(boost::asio::io_context& on, const router& by, executor& with, observer& tell, server_options options);

    [[nodiscard]] tl::expected<void, std::string> listen();
    void stop(std::chrono::milliseconds grace, std::function<void()> ended);
    /// Closes everything at once; the server is going.
    void abandon();

    /// Whether the caller is on the loop's thread while the loop runs.
    [[nodiscard]] bool on_loop_thread() const { return loop.get_executor().running_in_this_thread(); }
    [[nodiscard]] std::unique_ptr<exchange> take_exchange();
    void give_back(std::unique_ptr<exchange> used);
    [[nodiscard]] bool has_too_many_warm() const { return exchanges_out_ > options.warm_connections; }
    [[nodiscard]] std::string_view date_line() const { return date_line_; }
    void connection_closed();
    void stream_opened(bool opened);
    [[nodiscard]] static steady_time now() { return std::chrono::steady_clock::now(); }

    boost::asio::io_context& loop;
    const router& routes;
    executor& workers;
    observer& told;
    const server_options options;
    workplace nothing_at_hand;
    std::shared_ptr<event_hub> hub;

    waiting_line idle;
    waiting_line warm;
    waiting_line receiving;
    waiting_line handling;
    waiting_line sending;
    waiting_line lingering;
    waiting_line streaming;

    bool stopping = false;
    std::size_t open = 0;
    std::uint16_t port = 0;

private:
    void wait_for_connections();
    void accept_waiting(int most);
    void accepted(int file, const boost::asio::ip::tcp::endpoint& peer);
    void pause_accepting();
    void sweep_later();
    void sweep();
    template <typename What>
    void for_all(What what);
    void end_if_done();
    void renew_date();

    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::ip::tcp protocol_ = boost::asio::ip::tcp::v4();
    boost::asio::steady_timer sweep_timer_;
    boost::asio::steady_timer grace_timer_;
    std::vector<std::unique_ptr<exchange>> kept_;
    std::size_t exchanges_out_ = 0;
    std::string date_line_;
    std::time_t date_of_ = 0;
    std::size_t streams_ = 0;
    bool paused_ = false;
    bool told_pause_ = false;
    std::function<void()> ended_;
};

} // namespace moving::http
