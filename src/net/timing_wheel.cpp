// SPDX-License-Identifier: Apache-2.0
#include "net/timing_wheel.hpp"

#include <algorithm>
#include <bit>

namespace cb::net {

timing_wheel::timing_wheel(std::size_t rows, mono_time now) : start_(now), links_(rows), due_(rows) {
    heads_.fill(none);
}

void timing_wheel::set(row which, mono_time due) {
    if (is_set(which)) {
        unlink(which);
    }
    due_[which] = std::min(tick_of(due), now_tick_ + ticks_max);
    place(which);
}

void timing_wheel::cancel(row which) {
    if (is_set(which)) {
        unlink(which);
    }
}

void timing_wheel::place(row which) {
    const auto at = std::max(due_[which], earliest_);
    const auto distance = at - now_tick_;
    int level = 0;
    while (level + 1 < levels && distance >= (std::uint64_t{1} << shift[static_cast<std::size_t>(level + 1)])) {
        ++level;
    }
    const auto slot = slot_of(level, at);
    auto& head = heads_[slot];
    links_[which] = {head, none, std::uint32_t{slot} + 1};
    if (head != none) {
        links_[head].before = which;
    }
    head = which;
    ++set_count_;
    if (level == 0) {
        occupied_[slot / 64U] |= std::uint64_t{1} << (slot % 64U);
    } else {
        ++higher_count_;
    }
}

void timing_wheel::unlink(row which) {
    auto& at = links_[which];
    const auto slot = at.slot_plus_one - 1;
    (at.before == none ? heads_[slot] : links_[at.before].next) = at.next;
    if (at.next != none) {
        links_[at.next].before = at.before;
    }
    at.slot_plus_one = 0;
    --set_count_;
    if (slot >= first_slot[1]) {
        --higher_count_;
    } else if (heads_[slot] == none) {
        occupied_[slot / 64U] &= ~(std::uint64_t{1} << (slot % 64U));
    }
}

/// The lowest wheel has turned once: the next slot of the wheel above is spread over it, and so on upwards.
void timing_wheel::cascade() {
    for (int level = 1; level < levels; ++level) {
        auto& head = heads_[slot_of(level, now_tick_)];
        auto which = head;
        head = none;
        while (which != none) {
            const auto next = links_[which].next;
            --set_count_;
            --higher_count_;
            place(which);
            which = next;
        }
        if (((now_tick_ >> shift[static_cast<std::size_t>(level)]) & (slots_of(level) - 1)) != 0) {
            break;
        }
    }
}

void timing_wheel::step(std::uint64_t target) {
    now_tick_ = std::min(target, next_tick_of_interest(now_tick_ + 1));
    earliest_ = now_tick_;
    if ((now_tick_ & (slots_of(0) - 1)) == 0) {
        cascade();
    }
}

std::uint64_t timing_wheel::next_tick_of_interest(std::uint64_t from) const {
    constexpr auto nothing = ~std::uint64_t{0};
    if (set_count_ == 0) {
        return nothing;
    }
    const auto turn = (from + slots_of(0) - 1) & ~(slots_of(0) - 1);
    const auto last = higher_count_ > 0 ? turn : nothing;
    for (std::uint64_t step = 0; step <= slots_of(0);) {
        const auto slot = (from + step) & (slots_of(0) - 1);
        const auto rest = occupied_[slot / 64] >> (slot % 64);
        if (rest != 0) {
            return std::min(last, from + step + static_cast<std::uint64_t>(std::countr_zero(rest)));
        }
        step += 64 - slot % 64;
    }
    return last;
}

std::optional<mono_time> timing_wheel::next_due() const {
    if (set_count_ == 0) {
        return std::nullopt;
    }
    const auto next = next_tick_of_interest(now_tick_);
    return start_ + nanoseconds(static_cast<std::int64_t>((next + 1) << tick_bits));
}

} // namespace cb::net
