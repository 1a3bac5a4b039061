// SPDX-License-Identifier: Apache-2.0
// The server's limits, each with its reason.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace moving::http {

struct server_options {
    std::string address = "0.0.0.0";
    /// 0: the kernel chooses; `server::port` tells.
    std::uint16_t port = 0;
    /// Waiting to be accepted; the kernel caps it at net.core.somaxconn. A burst of users must not be refused.
    int backlog = 65535;
    /// A request's line and headers. What services send each other needs a few hundred bytes.
    std::size_t header_limit = 8 * 1024;
    /// The largest body of the five services is below 4 KiB; this is room for lists.
    std::size_t body_limit = 64 * 1024;
    /// From a request's first byte to its last: a slow client holds a buffer for so long at most.
    std::chrono::milliseconds request_timeout{10'000};
    /// A connection between two requests. Longer than the idle time-out of common clients and balancers (60 s), so that
    /// they close first and no request meets a closing connection.
    std::chrono::milliseconds idle_timeout{75'000};
    /// An answer or a stream of which the reader takes nothing for so long is cut.
    std::chrono::milliseconds send_timeout{10'000};
    /// After an answer a connection keeps its buffers for this time: a client that asks again at once costs less. Then
    /// they go back to the pool.
    std::chrono::milliseconds warm_time{1'000};
    /// How long an answered connection with unread bytes is read and thrown away before it is closed: closing at once
    /// would reset it, and the client might lose the answer.
    std::chrono::milliseconds linger_time{2'000};
    /// Comments on quiet streams: proxies cut what is silent for 30 s or 60 s.
    std::chrono::milliseconds heartbeat{15'000};
    /// What a stream's reader may be behind before it is cut.
    std::size_t stream_buffer_limit = 64 * 1024;
    /// So many connections have buffers at most, beside those with a request in hand: more go cold with their answer.
    /// What they cost (about 3 KiB each) is what many idle connections could not give back to the system.
    std::size_t warm_connections = 512;
    /// Sets of buffers kept for the next requests.
    std::size_t kept_buffers = 128;
    /// SO_SNDBUF of the connections when not 0: tests of slow readers set it, or their kernel would take all.
    int send_buffer_bytes = 0;
};

} // namespace moving::http
