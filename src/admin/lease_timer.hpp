// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>

#include <boost/asio/steady_timer.hpp>

#include "base/clock.hpp"
#include "net/event_loop.hpp"

namespace cb::admin {

/// Wakes the control loop when a lease runs out. Owner: the application; its loop's thread.
class lease_timer {
public:
    /// `next_end` says when that is; `end_due` ends what is due.
    lease_timer(net::event_loop& loop, std::function<std::optional<mono_time>()> next_end,
                std::function<void()> end_due)
        : timer_(loop.context()), next_end_(std::move(next_end)), end_due_(std::move(end_due)) {}

    /// A lease was made, renewed or ended.
    void rearm() {
        const auto at = next_end_();
        if (!at) {
            timer_.cancel();
            return;
        }
        timer_.expires_at(*at);
        timer_.async_wait([this](const boost::system::error_code& code) {
            if (!code) {
                end_due_();
                rearm();
            }
        });
    }

private:
    boost::asio::steady_timer timer_;
    std::function<std::optional<mono_time>()> next_end_;
    std::function<void()> end_due_;
};

} // namespace cb::admin
