// SPDX-License-Identifier: Apache-2.0
#include "proxy/gateway.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/limits.hpp"

namespace cb::proxy {
namespace {

/// Lent to the connection that reads right now: as much as a socket usually has.
constexpr std::size_t read_buffer_bytes = 256 * limits::kib;

} // namespace

gateway::gateway(net::event_loop& loop, request_pipeline& pipeline, log_sink& log, std::size_t connections_max)
    : loop_(loop),
      pipeline_(pipeline),
      log_(log),
      connections_max_(connections_max),
      read_buffer_(read_buffer_bytes),
      request_bytes_(limits::request_bytes_in_flight),
      deadline_(loop.context()) {}

gateway::~gateway() = default;

std::uint16_t gateway::listen(const listener_settings& settings) {
    auto made = std::make_unique<door>();
    auto& at = *made;
    at.settings = settings;
    at.environment = std::make_unique<session_environment>(
        session_environment{loop_.context(), pipeline_, log_, request_bytes_, read_buffer_, settings.credentials.get(),
                            [this] { reschedule(); }});
    at.listener = std::make_unique<net::listener>(
        loop_.context(), settings.address, [this, &at](net::tcp::socket socket) { accepted(at, std::move(socket)); },
        [this, &at](const std::string& reason) {
            log_.error("connections cannot be accepted",
                       {{"listener", at.settings.name}, {"why", reason}, {"connections", sessions_.size()}});
        });
    const auto port = at.listener->port();
    doors_.push_back(std::move(made));
    return port;
}

void gateway::accepted(door& at, net::tcp::socket socket) {
    if (sessions_.size() >= connections_max_) {
        if (!std::exchange(said_full_, true)) {
            log_.warning("connection refused: the limit is met",
                         {{"connections", sessions_.size()}, {"listener", at.settings.name}});
        }
        return; // the socket closes here
    }
    said_full_ = false;
    auto stream = at.settings.tls ? net::make_tls_stream(std::move(socket), *at.settings.tls)
                                  : net::make_tcp_stream(std::move(socket));
    broker::client_context client;
    client.connection = connection_id(next_connection_++);
    client.client_host = "/" + stream->peer().address().to_string();
    client.listener = at.settings.name;
    const bool advertised = !at.settings.advertised_host.empty();
    client.advertised_host = advertised ? at.settings.advertised_host : stream->local().address().to_string();
    client.advertised_port = at.settings.advertised_port != 0 ? at.settings.advertised_port : stream->local().port();
    const auto id = client.connection;
    auto made = std::make_shared<session>(*at.environment, std::move(stream), std::move(client));
    sessions_.emplace(id, made);
    auto ended = [this](connection_id which) { sessions_.erase(which); };
    std::function<void(connection_id)> on_end(ended);
    asio::co_spawn(loop_.context(), session::run(std::move(made), std::move(on_end)), asio::detached);
}

void gateway::start() {
    for (auto& each : doors_) {
        each->listener->start();
    }
    reschedule();
}

void gateway::stop() {
    stopping_ = true;
    deadline_.cancel();
    for (auto& each : doors_) {
        each->listener->close();
    }
    for (const auto& [id, each] : sessions_) {
        each->close(false);
    }
}

void gateway::reschedule() {
    auto earliest = mono_time::max();
    for (const auto& each : timed_) {
        if (const auto at = each.next(); at) {
            earliest = std::min(earliest, *at);
        }
    }
    if (earliest != armed_for_ && !stopping_) {
        armed_for_ = earliest;
        deadline_.expires_at(std::chrono::steady_clock::time_point(earliest.time_since_epoch()));
        wait_for_deadline();
    }
}

void gateway::wait_for_deadline() {
    deadline_.async_wait([this](const boost::system::error_code& cancelled) {
        if (cancelled || stopping_) {
            return;
        }
        armed_for_ = mono_time::max();
        for (const auto& each : timed_) {
            each.run();
        }
        reschedule();
    });
}

std::vector<connection_view> gateway::connections() const {
    std::vector<connection_view> out;
    out.reserve(sessions_.size());
    for (const auto& [id, each] : sessions_) {
        const auto& client = each->client();
        out.push_back({id.value(), client.client_host.substr(1), client.client_id, client.principal, client.listener,
                       each->requests(), each->unanswered()});
    }
    return out;
}

} // namespace cb::proxy
