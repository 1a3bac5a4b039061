// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "net/event_loop.hpp"

namespace cb::app {

/// How many users a `chaosbroker load` has at once, asked of its control API every second, for `watch` to relate memory
/// to them. Owner: the command. It asks on a thread of its own: a run that does not answer holds up nobody, and means
/// that the number is not known.
class load_users {
public:
    /// Throws command_error for an address that is none.
    explicit load_users(const std::string& url);
    ~load_users();
    load_users(const load_users&) = delete;
    load_users& operator=(const load_users&) = delete;

    /// Safe from any thread. Nothing: no run answers.
    [[nodiscard]] std::optional<double> now() const;

private:
    boost::asio::awaitable<void> keep_asking();
    boost::asio::awaitable<double> ask();

    std::string host_;
    std::string port_;
    std::atomic<double> users_; ///< below zero: not known
    net::event_loop loop_;
};

} // namespace cb::app
