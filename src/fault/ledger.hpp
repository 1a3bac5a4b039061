// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/assert.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/strong_id.hpp"

namespace cb::fault {

enum class entry_state : std::uint8_t {
    open,    ///< decided, not yet finished: its request is under way, or the message is held back
    done,    ///< happened
    undone,  ///< did not happen after all: the broker refused the request, or an abort dropped the message
    unknown, ///< the broker was killed before anybody knew
};

std::string_view to_string(entry_state state) noexcept;

/// One injected fault. Names the message, never its value.
struct ledger_entry {
    ledger_sequence sequence;
    wall_time_ms time_ms = 0;
    std::string rule;
    std::string effect;
    entry_state state = entry_state::open;
    std::string reason; ///< of what is undone, when it is neither the broker's refusal nor an abort
    std::int32_t attempt = 1;
    connection_id connection;
    std::string client_id;
    std::string api;
    std::string topic;
    std::int32_t partition = -1;
    std::int64_t offset = -1;          ///< where it is stored, once known; of a late message when it is delivered
    std::int64_t sequence_number = -1; ///< the client's, of idempotent producers
    std::int64_t ordinal = -1;         ///< the how-manieth of its client in its partition
    std::optional<std::string> key;    ///< as --ledger-keys says
    std::uint64_t record_hash = 0;     ///< of key and value as they were sent
    std::int64_t bytes_before = -1;
    std::int64_t bytes_after = -1;
    std::string trace_id; ///< of a traceparent header (W3C), when there is one
};

/// The entry as one line of JSON, without a newline: the form of files, REST and events.
std::string to_json(const ledger_entry& entry);

/// What to_json wrote. Error: malformed.
result<ledger_entry> parse_ledger_entry(std::string_view line);

/// Every injected fault, the last N of them at hand. An entry is opened before its effect can be seen.
/// Owner: the application. Thread: the data loop's; others ask the loop.
class ledger {
public:
    /// Told each entry when it is opened and again when it is closed. False: it could not be written.
    using sink = std::function<bool(const ledger_entry& entry)>;

    ledger(std::size_t entries_max, const clock& time) : entries_max_(entries_max), time_(time) {}

    void set_sink(sink to) { sink_ = std::move(to); }
    /// If the ledger cannot be written, nothing is injected.
    [[nodiscard]] bool writable() const { return writable_; }
    /// What the sink had taken could not be written after all.
    void write_failed() { writable_ = false; }

    ledger_sequence open(ledger_entry entry);
    /// Closes an entry; `offset` where the message stands, -1 to leave it.
    void close(ledger_sequence which, entry_state state, std::int64_t offset = -1, std::string_view reason = {});
    /// An entry that is at hand or still open; null for others. Valid until the next call.
    [[nodiscard]] const ledger_entry* find(ledger_sequence which) const;

    /// Goes on where an earlier life of the broker ended; `open` is what it had not closed.
    void restore(std::uint64_t next, std::vector<ledger_entry> open);
    /// New entries get numbers above this one. What was kept elsewhere may name entries that a power cut took out of
    /// the ledger's file: they must not come to mean others.
    void number_above(ledger_sequence used) { next_ = std::max(next_, used.value() + 1); }
    /// Of those restored, what nobody has claimed: their fate is unknown.
    void close_unclaimed(const std::unordered_set<ledger_sequence>& claimed);

    [[nodiscard]] std::uint64_t last_sequence() const { return next_ - 1; }
    /// Entries from `first` on, at most `limit`, those that are still at hand.
    [[nodiscard]] std::vector<ledger_entry> since(std::uint64_t first, std::size_t limit,
                                                  const std::string& rule) const;
    /// The first sequence number at or after this time.
    [[nodiscard]] std::uint64_t first_since(wall_time_ms time_ms) const;

private:
    std::size_t entries_max_;
    const clock& time_;
    std::deque<ledger_entry> entries_;
    /// Fallen out of the last N and not closed yet: as many as messages are held at most.
    std::unordered_map<ledger_sequence, ledger_entry> still_open_;
    std::uint64_t next_ = 1;
    sink sink_;
    bool writable_ = true;
};

} // namespace cb::fault
