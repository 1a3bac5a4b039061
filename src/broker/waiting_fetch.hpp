// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "broker/fetch_sessions.hpp"
#include "broker/node_state.hpp"
#include "protocol/fetch.hpp"

namespace cb::broker {

/// A fetch under way: answered at once when there is enough, otherwise kept until new data, its deadline or the end of
/// its connection.
/// Owner: the node's list of waiting fetches; partitions hold weak references. One thread.
class waiting_fetch : public std::enable_shared_from_this<waiting_fetch> {
public:
    waiting_fetch(node_state& state, std::int16_t version, connection_id connection,
                  const protocol::fetch_request& wanted, reply_function reply);

    /// Partitions of a request outside of a session, or a session's.
    std::vector<fetch_partition> partitions;
    std::int32_t session_id = 0;
    /// Only what changed since the last answer of the session stands in the answer.
    bool incremental = false;

    /// Answers if there is enough, else enters the node's table and registers with the partitions.
    void begin();
    /// A partition grew by so many bytes.
    void data_arrived(std::size_t bytes);
    /// Answers with what there is.
    void finish();

    [[nodiscard]] connection_id connection() const { return connection_; }
    [[nodiscard]] bool done() const { return done_; }
    /// Ends without an answer.
    void forget();

private:
    struct collected {
        protocol::fetch_response response;
        std::size_t bytes = 0;
        bool must_answer = false; ///< an error, or news of a session's partition
    };
    collected collect();
    void collect_partition(fetch_partition& from, collected& out, std::size_t& bytes_left);
    void send(collected what);
    void note_told(const protocol::fetch_response& response);
    void leave_table();

    node_state& state_;
    std::int16_t version_;
    connection_id connection_;
    std::size_t min_bytes_;
    std::size_t max_bytes_;
    bool read_committed_;
    mono_time deadline_;
    reply_function reply_;
    std::size_t arrived_ = 0;
    std::optional<waiting_fetch_table::iterator> place_;
    bool done_ = false;
};

} // namespace cb::broker
