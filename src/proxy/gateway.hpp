// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "net/event_loop.hpp"
#include "net/listener.hpp"
#include "proxy/session.hpp"

namespace cb::proxy {

struct listener_settings {
    std::string name = "main";
    net::host_and_port address;
    /// What clients are told; without it the address that they connected to.
    std::string advertised_host;
    std::uint16_t advertised_port = 0;
    /// Null: plain TCP.
    std::shared_ptr<asio::ssl::context> tls;
    /// Null: nobody is asked for a name.
    std::shared_ptr<const credential_store> credentials;
};

/// What a connection is doing, for the control API.
struct connection_view {
    std::uint64_t id;
    std::string peer;
    std::string client_id;
    std::string principal;
    std::string listener;
    std::uint64_t requests;
    std::size_t unanswered;
};

/// Accepts clients and keeps their sessions; also the clockwork that calls whoever has something due.
/// Owner: the application. Thread: the data loop's, but for the constructor.
class gateway {
public:
    /// Things with deadlines: `next` says when, `run` does it.
    struct timed {
        std::function<std::optional<mono_time>()> next;
        std::function<void()> run;
    };

    gateway(net::event_loop& loop, request_pipeline& pipeline, log_sink& log, std::size_t connections_max);
    ~gateway();

    /// Opens a listener; throws boost::system::system_error when its address cannot be had.
    std::uint16_t listen(const listener_settings& settings);
    void add_timed(timed what) { timed_.push_back(std::move(what)); }
    void start();
    /// Closes listeners and connections.
    void stop();
    /// Something with a deadline may be due earlier than was thought.
    void reschedule();

    [[nodiscard]] std::vector<connection_view> connections() const;
    [[nodiscard]] std::size_t connection_count() const { return sessions_.size(); }

private:
    struct door {
        listener_settings settings;
        std::unique_ptr<session_environment> environment;
        std::unique_ptr<net::listener> listener;
    };
    void accepted(door& at, net::tcp::socket socket);
    void wait_for_deadline();

    net::event_loop& loop_;
    request_pipeline& pipeline_;
    log_sink& log_;
    std::size_t connections_max_;
    bool said_full_ = false;
    std::vector<std::byte> read_buffer_;
    net::byte_budget request_bytes_;
    std::vector<std::unique_ptr<door>> doors_;
    std::unordered_map<connection_id, std::shared_ptr<session>> sessions_;
    std::uint64_t next_connection_ = 1;
    std::vector<timed> timed_;
    asio::steady_timer deadline_;
    mono_time armed_for_ = mono_time::max();
    bool stopping_ = false;
};

} // namespace cb::proxy
