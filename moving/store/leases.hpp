// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "moving/store/session.hpp"

namespace moving::store {

/// What one instance does for all replicas: it holds the lease of that name for a while. Owner: whoever has the
/// session; holds nothing.
class leases {
public:
    explicit leases(session& on) : on_(on) {}

    /// True: `holder` has it until `now_us + for_us`. False: somebody else has it.
    bool take_or_renew(std::string_view name, std::string_view holder, std::int64_t now_us, std::int64_t for_us);
    /// Gives it back, if it is the holder's.
    void release(std::string_view name, std::string_view holder);

private:
    session& on_;
};

} // namespace moving::store
