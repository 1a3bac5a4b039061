// SPDX-License-Identifier: Apache-2.0
#include "load/await_window.hpp"

#include <bit>
#include <utility>

#include "base/assert.hpp"

namespace cb::load {
namespace {

std::int64_t ns_of(mono_time at) { return at.time_since_epoch().count(); }

} // namespace

await_window::await_window(setting how)
    : how_(how),
      entries_(how.entries + how.waiters),
      buckets_(std::bit_ceil(how.entries + how.waiters + 1)),
      waiters_(how.waiters),
      counts_(how.steps) {}

std::size_t await_window::bytes_per_entry() { return sizeof(entry) + 2 * sizeof(reference); }
std::size_t await_window::bytes_per_waiter() { return sizeof(waiting_row); }

await_window::reference& await_window::bucket_of(const await_key& key) {
    return buckets_[key.low & (buckets_.size() - 1)];
}

await_window::reference await_window::find(const await_key& key) {
    auto at = bucket_of(key);
    while (at != 0 && !(entries_[at - 1].key == key)) {
        at = entries_[at - 1].next_in_bucket;
    }
    return at;
}

await_window::reference await_window::entry_of(const await_key& key) {
    const auto found = find(key);
    return found != 0 ? found : make(key);
}

await_window::reference await_window::make(const await_key& key) {
    if (free_ == 0 && touched_ == entries_.size()) {
        // There are more entries than can have somebody waiting, so one that nobody waits for is there.
        CB_ASSERT(oldest_ != 0);
        ++displaced_;
        drop(oldest_);
    }
    const auto which = free_ != 0 ? free_ : ++touched_;
    if (which == free_) {
        free_ = entries_[which - 1].next_in_bucket;
    }
    auto& bucket = bucket_of(key);
    entries_[which - 1] = entry{key, 0, 0, 0, bucket, 0, 0, 0, 0, 0, outcome::none, false};
    bucket = which;
    ++used_;
    link(which);
    return which;
}

void await_window::drop(reference which) {
    auto& gone = entries_[which - 1];
    give_up_untaken(gone);
    unlink(which);
    auto* at = &bucket_of(gone.key);
    while (*at != which) {
        at = &entries_[*at - 1].next_in_bucket;
    }
    *at = gone.next_in_bucket;
    gone.next_in_bucket = free_;
    free_ = which;
    --used_;
}

void await_window::link(reference which) {
    auto& at = entries_[which - 1];
    at.older = newest_;
    at.newer = 0;
    (newest_ != 0 ? entries_[newest_ - 1].newer : oldest_) = which;
    newest_ = which;
}

void await_window::unlink(reference which) {
    const auto& at = entries_[which - 1];
    (at.older != 0 ? entries_[at.older - 1].newer : oldest_) = at.newer;
    (at.newer != 0 ? entries_[at.newer - 1].older : newest_) = at.older;
}

void await_window::touch(reference which, mono_time now) {
    auto& at = entries_[which - 1];
    at.touched_ns = ns_of(now);
    if (at.first_waiter == 0) {
        unlink(which);
        link(which);
    }
}

void await_window::keep(entry& at, mono_time when) {
    switch (at.was) {
    case outcome::none: break;
    case outcome::answered: ++counts_[at.step].doubled; break;
    case outcome::missed:
        ++counts_[at.step].late;
        at.was = outcome::answered; // it has come after all, and what follows doubles it
        at.first_was_late = true;
        break;
    }
    if (at.untaken++ == 0) {
        at.first_ns = ns_of(when);
    }
    at.last_ns = ns_of(when);
}

void await_window::give_up_untaken(entry& at) {
    if (at.was == outcome::none) {
        unclaimed_ += at.untaken; // else they are counted already
    }
    at.untaken = 0;
    at.first_was_late = false;
}

/// The first event that answers. The others of its value are doubles, or came too early for what this await counts
/// from; of three and more only the first and the last are known by their time.
std::optional<mono_time> await_window::take(entry& at, const waiter& by) {
    if (at.untaken == 0) {
        return std::nullopt;
    }
    const auto answers = [&](std::int64_t ns) { return !by.since || ns >= ns_of(*by.since); };
    const bool first = answers(at.first_ns);
    if (!first && !answers(at.last_ns)) {
        give_up_untaken(at);
        return std::nullopt;
    }
    if (at.was != outcome::none) {
        --(first && at.first_was_late ? counts_[at.step].late : counts_[at.step].doubled);
    } else if (first) {
        counts_[by.step].doubled += at.untaken - 1;
    } else {
        unclaimed_ += at.untaken - 1;
    }
    at.was = outcome::answered;
    at.step = by.step;
    at.untaken = 0;
    at.first_was_late = false;
    return mono_time(nanoseconds(first ? at.first_ns : at.last_ns));
}

std::optional<mono_time> await_window::begin(waiter_index who, const waiter& what, const await_key& key,
                                             mono_time now) {
    auto& row = waiters_[who];
    if (row.of_entry != 0) {
        end(who, row.serial, false, now);
    }
    const auto which = entry_of(key);
    auto& found = entries_[which - 1];
    if (const auto came = take(found, what)) {
        touch(which, now);
        return came;
    }
    if (found.first_waiter == 0) {
        unlink(which); // nobody forgets what is waited for
    } else {
        waiters_[found.first_waiter - 1].before = who + 1;
    }
    row = {what.since ? ns_of(*what.since) : no_time, which, found.first_waiter, 0, what.serial, what.step};
    found.first_waiter = who + 1;
    found.touched_ns = ns_of(now);
    return std::nullopt;
}

void await_window::leave(waiting_row& row, entry& at) {
    (row.before != 0 ? waiters_[row.before - 1].next : at.first_waiter) = row.next;
    if (row.next != 0) {
        waiters_[row.next - 1].before = row.before;
    }
    const auto which = std::exchange(row.of_entry, 0);
    if (at.first_waiter == 0) {
        link(which);
    }
}

void await_window::end(waiter_index who, std::uint32_t serial, bool timed_out, mono_time now) {
    auto& row = waiters_[who];
    if (row.of_entry == 0 || row.serial != serial) {
        return; // its answer is on the way
    }
    const auto which = row.of_entry;
    auto& at = entries_[which - 1];
    leave(row, at);
    if (timed_out) {
        give_up_untaken(at);
        at.was = outcome::missed;
        at.step = row.step;
    }
    touch(which, now);
}

void await_window::forget_old(mono_time now) {
    const auto until = ns_of(now) - how_.keep.count();
    while (oldest_ != 0 && entries_[oldest_ - 1].touched_ns < until) {
        drop(oldest_);
    }
}

} // namespace cb::load
