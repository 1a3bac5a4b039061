// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/assert.hpp"
#include "wire/slice.hpp"

namespace cb::proxy {

/// Answers leave in the order of their requests, whatever is ready first. Pure bookkeeping, no sockets.
///
///     arrival:   7      8      9            8 is answered early and waits;
///              [    ] [done] [    ]         when 7 is done, both leave.
///
/// Owner: a session; one thread.
class reply_queue {
public:
    using ticket = std::uint64_t;

    /// A place for the next request's answer.
    ticket reserve() {
        places_.emplace_back();
        return first_ + places_.size() - 1;
    }
    /// The answer is there. Empty bytes: the request has none (acks=0), others pass.
    void complete(ticket at, wire::chain bytes) {
        CB_ASSERT(at >= first_ && at - first_ < places_.size());
        auto& its_place = places_[at - first_];
        CB_ASSERT(!its_place.bytes.has_value());
        its_place.bytes = std::move(bytes);
    }
    /// All answers that may leave now, in order.
    wire::chain take_ready() {
        wire::chain out;
        while (!places_.empty() && places_.front().bytes.has_value()) {
            out.append(std::move(*places_.front().bytes));
            places_.pop_front();
            ++first_;
        }
        return out;
    }
    [[nodiscard]] std::size_t waiting() const { return places_.size(); }

private:
    struct place {
        std::optional<wire::chain> bytes;
    };
    std::deque<place> places_;
    ticket first_ = 0;
};

} // namespace cb::proxy
