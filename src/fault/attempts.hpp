// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>

#include "base/limits.hpp"
#include "fault/produce_rewriter.hpp"

namespace cb::fault {

/// The how-manieth attempt a batch of an idempotent producer is, told by its sequence; of others nobody can tell a
/// resend from a new batch. Owner: the request pipeline; one thread.
class attempts {
public:
    explicit attempts(std::size_t producers_max = limits::sequence_maps) : producers_max_(producers_max) {}

    /// Counts this one; 1 for the first, and for what is not idempotent.
    std::int32_t note(const std::string& topic, std::int32_t partition, const wire::slice& batch);

private:
    struct seen {
        std::int32_t base_sequence = 0;
        std::int32_t times = 0;
    };
    std::size_t producers_max_;
    std::map<producer_partition, std::deque<seen>> producers_;
};

} // namespace cb::fault
