// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openssl/ssl.h>

#include "base/mapped_array.hpp"
#include "load/answer_reader.hpp"
#include "load/endpoint.hpp"
#include "load/user_scheduler.hpp"
#include "net/poller.hpp"

namespace cb::load {

/// Sends the requests of http steps and reads their answers. Each user has a connection of its own to each target it
/// talks to, or takes one from a pool for each request. A connection is a row; it borrows memory for bytes only while
/// an answer has come in part or a request has gone in part. Owner: the worker; one thread.
class http_driver {
public:
    struct setting {
        std::vector<endpoint> endpoints; ///< of workload::targets
        source_ports sources;
        std::uint32_t pool_size = 0; ///< of this worker, to each target; 0: connections are the users' own
        bool reset_on_close = false; ///< thousands of connections closed at once would wait in TIME_WAIT otherwise
    };

    http_driver(const workload& work, setting how, std::size_t users_max, net::poller& poller);
    ~http_driver();
    http_driver(const http_driver&) = delete;
    http_driver& operator=(const http_driver&) = delete;

    /// The scheduler that gets what has ended. Before the first request.
    void report_to(user_scheduler& scheduler) { scheduler_ = &scheduler; }

    void begin(user_index user, const http_request& request);
    std::optional<mono_time> abandon(user_index user);
    void user_gone(user_index user);

    /// Of the poller, for a token of ours.
    void handle(std::uint64_t token, std::uint32_t events);
    /// Reports what ended at once, and reads on where a turn was over. True: there is more to do at once.
    bool run_pending();

    [[nodiscard]] std::uint64_t open_connections() const { return open_; }
    [[nodiscard]] std::uint64_t connects() const { return connects_; }
    [[nodiscard]] std::size_t borrowed_buffers() const { return buffers_.size() - free_buffers_.size(); }
    /// Tokens of this driver are below it.
    static constexpr std::uint32_t connections_max = 0xfffffff0;
    [[nodiscard]] static std::size_t bytes_per_connection();
    [[nodiscard]] static std::size_t bytes_per_user();

private:
    using connection_index = std::uint32_t;
    static constexpr std::uint32_t none = 0xffffffff;

    enum class stage : std::uint8_t { closed, connecting, handshaking, idle, writing, reading };
    struct connection {
        answer_reader reader;
        SSL* tls;
        int descriptor;
        user_index user; ///< whose request is under way; unspecified when idle or closed
        std::uint32_t generation;
        std::uint32_t input;  ///< buffer plus one; 0: none
        std::uint32_t output; ///< buffer plus one; 0: none
        std::uint32_t next_idle;
        std::uint16_t target;
        stage at;
        bool used; ///< has carried an answer
        bool busy; ///< a user has it
    };
    /// The request of a user that is under way.
    struct request_row {
        const http_request* request;
        std::int64_t sent_ns; ///< 0: not yet
        std::uint32_t connection_plus_one;
        user_index next_waiting; ///< for a connection of the pool; plus one
        user_index before_waiting;
        std::uint32_t serial; ///< tells one request of the user from the next
        bool waiting;
    };
    /// Connections and waiting users of one target, when there is a pool.
    struct pool {
        connection_index idle = none;   ///< the one that was used last comes first
        connection_index closed = none; ///< or was never opened
        user_index first_waiting = 0;   ///< plus one
        user_index last_waiting = 0;
    };
    struct ended_at_once {
        user_index user;
        std::uint32_t serial;
        std::string kind;
    };
    struct unread {
        connection_index which;
        std::uint32_t generation;
        bool closed_by_peer;
    };

    [[nodiscard]] bool pooled() const { return how_.pool_size > 0; }
    void give(connection_index which, user_index user);
    void open(connection_index which);
    const char* connect(connection& at, connection_index which);
    void start_tls(connection_index which);
    void handshake(connection_index which);
    void write_request(connection_index which);
    void flush(connection_index which);
    void read(connection_index which, bool peer_has_closed);
    void take_answer(connection_index which, std::string_view bytes, mono_time now, bool peer_has_closed,
                     bool& goes_on);
    void fail_later(connection_index which, std::string kind);
    void finish(connection_index which, bool keep, mono_time now);
    void closed_by_peer(connection_index which, const char* why);
    /// The user's step fails; the connection is closed.
    void fail(connection_index which, const std::string& kind);
    void close(connection_index which);
    /// After an answer or a failure: the next user that waits, or the list of those that are free.
    void release(connection_index which);
    void wait_in_line(user_index user, std::uint16_t target);
    void leave_line(user_index user);
    [[nodiscard]] std::ptrdiff_t receive(connection& at, bool& would_block, int& error);
    [[nodiscard]] std::ptrdiff_t transmit(connection& at, std::string_view bytes, bool& would_block, int& error);
    std::uint32_t borrow();
    void give_back(std::uint32_t& buffer_plus_one);

    const workload& work_;
    setting how_;
    net::poller& poller_;
    user_scheduler* scheduler_ = nullptr;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> tls_{nullptr, &SSL_CTX_free};
    mapped_array<connection> connections_;
    mapped_array<request_row> requests_;
    std::vector<pool> pools_;
    std::vector<std::string> buffers_;
    std::vector<std::uint32_t> free_buffers_;
    std::vector<ended_at_once> ended_;
    std::vector<unread> unread_;
    std::vector<char> scratch_;
    std::string request_;
    std::string answer_;
    std::uint64_t open_ = 0;
    std::uint64_t connects_ = 0;
};

} // namespace cb::load
