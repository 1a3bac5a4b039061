// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 server: one event loop, any number of connections.
#pragma once
#include "moving/http/event_stream.hpp"
#include "moving/http/executor.hpp"
#include "moving/http/observer.hpp"
#include "moving/http/router.hpp"
#include "moving/http/server_options.hpp"
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>

namespace moving::http {

class server_core;

/// Lives on the loop's thread: all members but `events().publish` are called there, or before the loop runs. Loop,
/// router, executor and observer outlive it. Made with make_unique or as a member; destroying it closes every
/// connection.
class server {
public:
    server(boost::asio::io_context& loop, const router& routes, executor& workers, observer& told,
           server_options options);
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    /// Binds and listens (SO_REUSEPORT: replicas share a port); otherwise a sentence that says why not.
    [[nodiscard]] tl::expected<void, std::string> listen();
    [[nodiscard]] std::uint16_t port() const;

    [[nodiscard]] event_hub& events();
    [[nodiscard]] std::size_t open_connections() const;

    /// Stops accepting, answers what is in hand with `Connection: close`, ends streams; after `grace` what is left is
    /// cut. Calls `ended` once, on the loop, when no connection is open.
    void stop(std::chrono::milliseconds grace, std::function<void()> ended);

private:
    std::shared_ptr<server_core> core_;
};

} // namespace moving::http
