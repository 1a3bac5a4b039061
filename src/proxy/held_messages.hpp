// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "fault/produce_rewriter.hpp"

namespace cb::proxy {

/// Messages that were acknowledged and are not delivered yet: late ones by their time, reordered ones when enough of
/// their partition have come together, those of a transaction at the latest when it ends. No clock, no sockets.
/// Owner: the request pipeline; one thread.
class held_messages {
public:
    explicit held_messages(std::uint64_t seed, std::size_t messages_max = limits::held_messages)
        : random_(seed), messages_max_(messages_max) {}

    /// False at the limit: the message was not taken, and must be delivered at once instead.
    bool hold(fault::held_message& message);
    /// What is due at `now`, in the order of delivery. A reordered message that is late as well begins to be so when
    /// its window lets it go.
    std::vector<fault::held_message> take_due(mono_time now);
    /// Of this producer's transaction, in the order of their times.
    std::vector<fault::held_message> take_transaction(std::int64_t producer_id, std::int16_t epoch);
    /// Everything: at the end, or when rules are cleared with --release.
    std::vector<fault::held_message> take_all();

    /// Each of them, in no order.
    void each(const std::function<void(const fault::held_message&)>& what) const;

    [[nodiscard]] std::optional<mono_time> next_deadline() const;
    [[nodiscard]] std::size_t count() const { return by_time_.size() + reordering_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    using place = std::pair<std::string, std::int32_t>;
    /// Waiting for its window to fill.
    struct window {
        std::vector<fault::held_message> messages;
        mono_time due;
    };
    void release(window& which, std::vector<fault::held_message>& into);
    std::vector<fault::held_message> take_ready(std::optional<mono_time> now);
    std::vector<fault::held_message> take_until(mono_time now, bool all);
    void leave(const fault::held_message& message) { bytes_ -= message.message.bytes(); }

    random_source random_;
    std::size_t messages_max_;
    std::multimap<mono_time, fault::held_message> by_time_;
    std::map<place, window> windows_;
    std::vector<fault::held_message> ready_; ///< windows that are full, to be taken next
    std::size_t reordering_ = 0;
    std::size_t bytes_ = 0;
};

} // namespace cb::proxy
