// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace cb::mainjob {

/// How the messages are sent. None of it may change what the rules hit.
struct sending {
    int producers = 1;          ///< each a client with a connection and, when there are several, a client id of its own
    int linger_ms = -1;         ///< -1: as the client has it
    int batch_messages_max = 0; ///< 0: as the client has it
    bool idempotent = true;     ///< if not, nothing is sent twice: what was not answered stays unknown
    std::string java_libraries; ///< empty: librdkafka produces
};

struct job_options {
    std::int64_t messages = 5000; ///< a phase
    int share = 20;               ///< percent of each effect
    std::int64_t delay_ms = 1000; ///< of late messages
    std::uint64_t seed = 1;
    std::string only;    ///< the one phase to run; empty: all
    std::string draw_by; ///< empty: the mix; otherwise four rules that draw by this
    int lose_ack = 0;    ///< percent of Produce requests that are not answered
    sending how;
};

} // namespace cb::mainjob
