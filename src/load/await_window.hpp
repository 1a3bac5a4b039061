// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/mapped_array.hpp"
#include "load/await_key.hpp"
#include "load/program.hpp"

namespace cb::load {

/// Counts of one await step; a double that turns out to answer a later await is taken back, so they are signed.
struct await_counts {
    std::int64_t doubled = 0;
    std::int64_t late = 0;
};

/// Brings events and awaits together, whichever comes first.
///
///   event ──► someone waits for its value? ── yes ──► all of them have their answer
///                      │ no
///                      ▼
///             its value had an answer: doubled · had a time-out: late · else it waits for its await
///
/// An event answers everybody who waits for its value when it comes, or else the first await that begins within the
/// window; an await that counts from another step takes only events that came since. Pure: time is a parameter. All
/// memory is set at the start and used as it fills; what has to be forgotten is counted. Owner: event_listener, on its
/// thread.
class await_window {
public:
    struct setting {
        std::size_t waiters = 0; ///< places of those who may wait at once, as `begin` and `end` name them
        std::size_t entries = 0; ///< values remembered besides those waited for
        nanoseconds keep{0};
        std::size_t steps = 0;
    };
    using waiter_index = std::uint32_t;
    struct waiter {
        std::uint32_t serial = 0; ///< which wait of this place; comes back with the answer
        step_index step = 0;
        std::optional<mono_time> since;
    };

    explicit await_window(setting how);

    /// Somebody waits. When an event that answers has been there, when it came: the wait is over.
    std::optional<mono_time> begin(waiter_index who, const waiter& what, const await_key& key, mono_time now);
    /// He does so no longer. `timed_out`: an event that comes now is late; else nobody expects it any more.
    void end(waiter_index who, std::uint32_t serial, bool timed_out, mono_time now);
    /// Nobody is there any more.
    void forget(waiter_index who, mono_time now) { end(who, waiters_[who].serial, false, now); }
    /// An event has come; `answer(waiter_index, serial, step)` is called for all who waited for it.
    template <class Answer>
    void event_came(const await_key& key, mono_time at, Answer&& answer);
    /// Forgets what is older than the window.
    void forget_old(mono_time now);

    [[nodiscard]] const std::vector<await_counts>& counts() const { return counts_; }
    /// Events that no await has taken while they were kept, or that came before what the await counts from.
    [[nodiscard]] std::uint64_t unclaimed() const { return unclaimed_; }
    /// Values that were forgotten before their time because the table was full: awaits may miss them.
    [[nodiscard]] std::uint64_t displaced() const { return displaced_; }
    [[nodiscard]] std::size_t remembered() const { return used_; }
    [[nodiscard]] static std::size_t bytes_per_entry();
    [[nodiscard]] static std::size_t bytes_per_waiter();

private:
    /// References are indices plus one; 0: none.
    using reference = std::uint32_t;
    enum class outcome : std::uint8_t { none, answered, missed };
    struct entry {
        await_key key;
        std::int64_t touched_ns;
        std::int64_t first_ns; ///< of the events that nobody has taken
        std::int64_t last_ns;
        reference next_in_bucket;
        reference older; ///< of those that nobody waits for
        reference newer;
        reference first_waiter;
        std::uint32_t untaken; ///< events that nobody has taken
        step_index step;       ///< of the await that had the outcome
        outcome was;
        bool first_was_late; ///< the first untaken event is counted as late; the rest then are as doubled
    };
    struct waiting_row {
        std::int64_t since_ns;
        reference of_entry; ///< 0: does not wait
        reference next;
        reference before;
        std::uint32_t serial;
        step_index step;
    };

    static constexpr std::int64_t no_time = INT64_MIN;

    [[nodiscard]] reference& bucket_of(const await_key& key);
    [[nodiscard]] reference find(const await_key& key);
    /// Found or made.
    reference entry_of(const await_key& key);
    reference make(const await_key& key);
    void drop(reference which);
    void link(reference which);
    void unlink(reference which);
    /// An entry that nobody waits for is the newest of those that may be forgotten.
    void touch(reference which, mono_time now);
    void keep(entry& at, mono_time when);
    std::optional<mono_time> take(entry& at, const waiter& by);
    void leave(waiting_row& row, entry& at);
    /// Nobody can take them any more.
    void give_up_untaken(entry& at);

    setting how_;
    mapped_array<entry> entries_;
    mapped_array<reference> buckets_;
    mapped_array<waiting_row> waiters_;
    reference free_ = 0;
    std::uint32_t touched_ = 0; ///< entries that were ever used
    std::size_t used_ = 0;
    reference oldest_ = 0;
    reference newest_ = 0;
    std::vector<await_counts> counts_;
    std::uint64_t unclaimed_ = 0;
    std::uint64_t displaced_ = 0;
};

template <class Answer>
void await_window::event_came(const await_key& key, mono_time at, Answer&& answer) {
    const auto which = entry_of(key);
    auto& found = entries_[which - 1];
    bool taken = false;
    for (auto next = found.first_waiter; next != 0;) {
        auto& row = waiters_[next - 1];
        const auto who = next - 1;
        next = row.next;
        if (row.since_ns != no_time && at.time_since_epoch().count() < row.since_ns) {
            continue; // it was on its way before the step began that it should answer
        }
        leave(row, found);
        give_up_untaken(found); // they came before what is awaited began
        found.was = outcome::answered;
        found.step = row.step;
        taken = true;
        answer(who, row.serial, row.step);
    }
    if (!taken) {
        keep(found, at);
    }
    touch(which, at);
}

} // namespace cb::load
