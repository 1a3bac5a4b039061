// SPDX-License-Identifier: Apache-2.0
// Where the server tells what happens: the service part makes metrics and log lines of it.
#pragma once
#include "moving/http/route.hpp"
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace moving::http {

struct exchange_facts {
    /// Null when no route was found or the request could not be understood.
    const route* found = nullptr;
    verb method = verb::other;
    int status = 0;
    /// From the whole request to the last byte given to the kernel.
    std::chrono::nanoseconds duration{0};
    std::uint64_t bytes_sent = 0;
    /// Of the request while the server still had it: empty when the executor took it. Valid during the call only.
    std::string_view traceparent = {};
    std::string_view target = {};
};

enum class rejection : std::uint8_t {
    malformed,      ///< no HTTP, or HTTP that breaks its own rules
    too_large,      ///< head or body over its limit
    too_slow,       ///< a request that did not arrive in time
    reader_stalled, ///< an answer or a stream that was not read
    queue_full,     ///< the executor had no room
    no_file_left,   ///< accepting paused: the file limit is reached
};

[[nodiscard]] std::string_view name_of(rejection why);

enum class severity : std::uint8_t { debug, info, warning, error };

/// Called on the loop thread; must be quick and must not throw. Every function has a body so that tests take what they
/// need.
class observer {
public:
    virtual ~observer() = default;
    virtual void answered(const exchange_facts& /*facts*/) {}
    /// How many are open, now and of them streams; told when it changes.
    virtual void connections(std::size_t /*open*/, std::size_t /*streams*/) {}
    virtual void rejected(rejection /*why*/) {}
    /// A sentence for the log.
    virtual void note(severity /*how*/, std::string_view /*sentence*/) {}
};

} // namespace moving::http
