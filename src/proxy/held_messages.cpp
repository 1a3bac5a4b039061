// SPDX-License-Identifier: Apache-2.0
#include "proxy/held_messages.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace cb::proxy {

bool held_messages::hold(fault::held_message& message) {
    const auto size = message.message.bytes();
    if (count() >= messages_max_ || bytes_ + size > limits::held_bytes) {
        return false;
    }
    bytes_ += size;
    if (!message.reordered) {
        const auto due = message.due;
        by_time_.emplace(due, std::move(message));
        return true;
    }
    auto& into = windows_[{message.topic, message.partition}];
    if (into.messages.empty()) {
        into.due = message.due;
    }
    const auto full = static_cast<std::size_t>(message.reordered->window);
    into.messages.push_back(std::move(message));
    ++reordering_;
    if (into.messages.size() >= full) {
        release(into, ready_);
    }
    return true;
}

/// Shuffles a window (Fisher and Yates) so that at least two change places.
void held_messages::release(window& which, std::vector<fault::held_message>& into) {
    auto& list = which.messages;
    for (auto i = list.size(); i > 1; --i) {
        // Never its own place (Sattolo's variant): one cycle, so everybody moves.
        std::swap(list[i - 1], list[random_.below(i - 1)]);
    }
    std::move(list.begin(), list.end(), std::back_inserter(into));
    list.clear();
}

/// What full windows let go: to be delivered, or late from now on. Without `now` nothing waits any more.
std::vector<fault::held_message> held_messages::take_ready(std::optional<mono_time> now) {
    std::vector<fault::held_message> out;
    reordering_ -= ready_.size();
    for (auto& each : ready_) {
        if (now && each.late_by > nanoseconds(0)) {
            each.reordered.reset();
            each.due = *now + std::exchange(each.late_by, nanoseconds(0));
            const auto due = each.due;
            by_time_.emplace(due, std::move(each));
        } else {
            out.push_back(std::move(each));
        }
    }
    ready_.clear();
    return out;
}

std::vector<fault::held_message> held_messages::take_until(mono_time now, bool all) {
    for (auto& [where, each] : windows_) {
        if (!each.messages.empty() && (all || each.due <= now)) {
            release(each, ready_);
        }
    }
    auto out = take_ready(all ? std::nullopt : std::optional(now));
    const auto end = all ? by_time_.end() : by_time_.upper_bound(now);
    for (auto at = by_time_.begin(); at != end; ++at) {
        out.push_back(std::move(at->second));
    }
    by_time_.erase(by_time_.begin(), end);
    for (const auto& each : out) {
        leave(each);
    }
    return out;
}

std::vector<fault::held_message> held_messages::take_due(mono_time now) { return take_until(now, false); }

std::vector<fault::held_message> held_messages::take_transaction(std::int64_t producer_id, std::int16_t epoch) {
    std::vector<fault::held_message> out;
    const auto belongs = [&](const fault::held_message& each) {
        return each.transaction && each.transaction->producer_id == producer_id && each.transaction->epoch == epoch;
    };
    const auto take_from = [&](std::vector<fault::held_message>& list) {
        const auto rest =
            std::stable_partition(list.begin(), list.end(), [&](const auto& each) { return !belongs(each); });
        reordering_ -= static_cast<std::size_t>(list.end() - rest);
        std::move(rest, list.end(), std::back_inserter(out));
        list.erase(rest, list.end());
    };
    take_from(ready_);
    for (auto& [where, each] : windows_) {
        take_from(each.messages);
    }
    for (auto at = by_time_.begin(); at != by_time_.end();) {
        if (belongs(at->second)) {
            out.push_back(std::move(at->second));
            at = by_time_.erase(at);
        } else {
            ++at;
        }
    }
    for (const auto& each : out) {
        leave(each);
    }
    return out;
}

std::vector<fault::held_message> held_messages::take_all() { return take_until({}, true); }

void held_messages::each(const std::function<void(const fault::held_message&)>& what) const {
    for (const auto& [due, message] : by_time_) {
        what(message);
    }
    for (const auto& [where, each] : windows_) {
        for (const auto& message : each.messages) {
            what(message);
        }
    }
    for (const auto& message : ready_) {
        what(message);
    }
}

std::optional<mono_time> held_messages::next_deadline() const {
    if (!ready_.empty()) {
        return mono_time::min();
    }
    std::optional<mono_time> earliest;
    if (!by_time_.empty()) {
        earliest = by_time_.begin()->first;
    }
    for (const auto& [where, each] : windows_) {
        if (!each.messages.empty()) {
            earliest = earliest ? std::min(*earliest, each.due) : each.due;
        }
    }
    return earliest;
}

} // namespace cb::proxy
