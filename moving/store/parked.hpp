// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moving/store/session.hpp"

namespace moving::store {

struct parked_event {
    std::string id;
    std::string topic;
    std::int64_t partition = 0;
    std::int64_t offset = 0;
    std::string key;
    std::string payload;
    std::string traceparent;
    std::int64_t attempts = 0; ///< how often its effect was tried
    std::int64_t due_us = 0;
    std::string reason; ///< why it was not possible, the last time
};

/// Events whose effect is not possible yet: they are tried again. Owner: whoever has the session; holds nothing.
class parked {
public:
    explicit parked(session& on) : on_(on) {}

    /// False: it is parked already, and that stays as it is.
    bool put(const parked_event& event);
    /// Due by now, the longest waiting first.
    std::vector<parked_event> due(std::int64_t now_us, std::int64_t limit);
    /// One more attempt was in vain.
    void postpone(std::string_view id, std::int64_t due_us, std::string_view reason);
    /// False: it is not there (any more).
    bool remove(std::string_view id);
    std::int64_t count();

private:
    session& on_;
};

} // namespace moving::store
