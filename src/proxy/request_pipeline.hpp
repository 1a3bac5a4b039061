// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "backend/backend.hpp"
#include "base/clock.hpp"
#include "protocol/header.hpp"

namespace cb::proxy {

/// A request on its way: header, who sent it, and the body behind the header.
struct pipeline_request {
    protocol::request_header header;
    const broker::client_context* client = nullptr;
    wire::slice body;
};

enum class after_answer : std::uint8_t {
    send,    ///< the answer leaves in its turn
    silence, ///< it never leaves, and nothing overtakes it
    close,   ///< the connection ends instead
    reset    ///< the connection ends with RST instead
};

/// What becomes of an answer. Empty body with `send`: the request has none (acks=0).
struct pipeline_answer {
    wire::chain body;
    after_answer then = after_answer::send;
    nanoseconds delay{0};
    nanoseconds mute{0}; ///< so long nothing more is read from this client
};

using pipeline_reply = std::function<void(pipeline_answer)>;

/// The way of a request: plan, backend, plan. Sessions hand requests in; what comes back says what to send and when.
/// Owner: the application. Thread: the data loop's.
class request_pipeline {
public:
    explicit request_pipeline(backend::backend& to) : backend_(to) {}
    virtual ~request_pipeline() = default;

    /// How long the request waits before it is handed in; later ones of its connection wait behind it.
    virtual nanoseconds delay_before(const pipeline_request& /*what*/) { return nanoseconds::zero(); }
    /// Error: the connection is of no use any more.
    virtual result<void> submit(const pipeline_request& what, pipeline_reply reply) {
        const bool produces = what.header.api == protocol::api_key::produce;
        auto on_reply = [this, produces, reply = std::move(reply)](wire::chain body) {
            reply({std::move(body), after_answer::send, nanoseconds::zero(),
                   produces ? backend_.produce_pause() : nanoseconds::zero()});
        };
        return backend_.submit({what.header.api, what.header.version, what.client, what.body}, std::move(on_reply));
    }
    virtual void connection_closed(connection_id connection) { backend_.connection_closed(connection); }
    /// Answers are about to leave: what must be written before is written now.
    virtual void before_send() {}

protected:
    backend::backend& backend_;
};

} // namespace cb::proxy
