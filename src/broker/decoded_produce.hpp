// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "protocol/produce.hpp"

namespace cb::broker {

/// A Produce request that was taken apart in front of the broker: neither encoded and decoded once more, nor are
/// checksums computed again that are known to be right.
struct decoded_produce {
    protocol::produce_request message;
    /// One for each partition of the message, in its order: the batch's checksum has been looked at, or was written by
    /// us. What a client's own bytes are taken for without a look is never set.
    std::vector<bool> checksum_known;
};

} // namespace cb::broker
