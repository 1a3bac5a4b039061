// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moving/store/session.hpp"

namespace moving::store {

/// The ids of the events that had their effect here, written in the transaction of the effect: an event that comes
/// again is known. Owner: whoever has the session; holds nothing.
class inbox {
public:
    explicit inbox(session& on) : on_(on) {}

    /// False: it is there already. Another transaction that writes the same id now is waited for.
    bool add_if_new(std::string_view event_id, std::string_view topic, std::int64_t partition, std::int64_t offset,
                    std::int64_t now_us);
    bool contains(std::string_view event_id);
    /// Those of `ids` that are not here, in their order.
    std::vector<std::string> missing_of(std::span<const std::string> ids);
    /// Removes up to `limit` that are older; how many it removed.
    std::int64_t drop_older_than(std::int64_t older_than_us, std::int64_t limit);

private:
    session& on_;
};

} // namespace moving::store
