// SPDX-License-Identifier: Apache-2.0
#include "moving/http/server.hpp"
#include "moving/http/server_core.hpp"

namespace moving::http {

server::server(boost::asio::io_context& loop, const router& routes, executor& workers, observer& told,
               server_options options)
    : core_(std::make_shared<server_core>(loop, routes, workers, told, std::move(options))) {}

server::~server() { core_->abandon(); }

tl::expected<void, std::string> server::listen() { return core_->listen(); }

std::uint16_t server::port() const { return core_->port; }

event_hub& server::events() { return *core_->hub; }

std::size_t server::open_connections() const { return core_->open; }

void server::stop(std::chrono::milliseconds grace, std::function<void()> ended) {
    core_->stop(grace, std::move(ended));
}

} // namespace moving::http
