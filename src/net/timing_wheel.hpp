// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/assert.hpp"
#include "base/clock.hpp"
#include "base/mapped_array.hpp"

namespace cb::net {

/// One timer for each of a fixed number of rows, for hundreds of thousands of them: setting, moving and cancelling cost
/// a few writes, and nothing is allocated after the start. Hashed hierarchical wheel (Varghese and Lauck 1987, scheme
/// 7): four wheels whose hands turn 2^10, 2^8, 2^8 and 2^8 ticks; a timer falls from wheel to wheel as it nears.
///
/// A timer fires when its tick has passed, so never early and at most one tick (65 µs) late by the wheel's doing.
/// Owner: one loop; one thread.
class timing_wheel {
public:
    using row = std::uint32_t;
    static constexpr int tick_bits = 16; ///< nanoseconds, as a power of two
    static constexpr nanoseconds tick{1 << tick_bits};

    timing_wheel(std::size_t rows, mono_time now);

    /// Sets or moves the timer of a row. What is due in the past fires at the next `advance`.
    void set(row which, mono_time due);
    void cancel(row which);
    [[nodiscard]] bool is_set(row which) const { return links_[which].slot_plus_one != 0; }

    /// Fires what is due: calls `fired(row)` for each, which may set and cancel any timer. Rows of one tick come in no
    /// particular order.
    template <class Fired>
    void advance(mono_time now, Fired fired) {
        const auto target = tick_of(now);
        while (now_tick_ < target) {
            earliest_ = now_tick_ + 1;
            // Taken off one by one: a fired row may cancel its neighbour.
            for (auto& head = heads_[slot_of(0, now_tick_)]; head != none;) {
                const auto which = head;
                unlink(which);
                fired(which);
            }
            step(target);
        }
    }

    /// When `advance` should be called next; nothing when no timer is set. May be earlier than the first timer: its
    /// wheel must turn first.
    [[nodiscard]] std::optional<mono_time> next_due() const;
    [[nodiscard]] std::size_t count() const { return set_count_; }
    static constexpr std::size_t bytes_per_row() { return sizeof(link) + sizeof(std::uint64_t); }

private:
    static constexpr row none = 0xffffffff;
    static constexpr int levels = 4;
    static constexpr std::array<int, levels> bits{10, 8, 8, 8};
    static constexpr std::array<int, levels> shift{0, 10, 18, 26};
    static constexpr std::array<std::uint16_t, levels> first_slot{0, 1024, 1280, 1536};
    static constexpr std::size_t slot_count = 1792;
    static constexpr std::uint64_t ticks_max = (std::uint64_t{1} << 34) - 1; ///< 13 days; a later timer fires then

    /// Zeros, as rows come from the system, mean "not set".
    struct link {
        row next;
        row before;
        std::uint32_t slot_plus_one;
    };

    static constexpr std::uint64_t slots_of(int level) {
        return std::uint64_t{1} << bits[static_cast<std::size_t>(level)];
    }
    static std::uint16_t slot_of(int level, std::uint64_t at) {
        const auto i = static_cast<std::size_t>(level);
        return static_cast<std::uint16_t>(first_slot[i] + ((at >> shift[i]) & (slots_of(level) - 1)));
    }
    [[nodiscard]] std::uint64_t tick_of(mono_time at) const {
        const auto since = at - start_;
        return since.count() <= 0 ? 0 : static_cast<std::uint64_t>(since.count()) >> tick_bits;
    }
    void place(row which);
    void unlink(row which);
    void cascade();
    /// To the next tick that has something to do, at most `target`.
    void step(std::uint64_t target);
    /// The next tick, from `from` on, with a timer of the lowest wheel or a turn of the next one.
    [[nodiscard]] std::uint64_t next_tick_of_interest(std::uint64_t from) const;

    mono_time start_;
    std::uint64_t now_tick_ = 0; ///< the tick whose slot fires next; all before it have fired
    std::uint64_t earliest_ = 0; ///< where a timer of the past goes: not into the slot that is being emptied
    std::size_t set_count_ = 0;
    std::size_t higher_count_ = 0; ///< of the wheels above the lowest
    std::array<row, slot_count> heads_;
    std::array<std::uint64_t, 16> occupied_{}; ///< a bit for each slot of the lowest wheel
    mapped_array<link> links_;
    mapped_array<std::uint64_t> due_; ///< ticks
};

} // namespace cb::net
