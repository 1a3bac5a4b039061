// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "broker/node.hpp"
#include "broker/transaction_coordinator.hpp"
#include "fault/produce_rewriter.hpp"
#include "storage/journal.hpp"
#include "wire/cursor.hpp"

namespace cb::proxy {

/// What of the faults outlives the broker (with --data): messages that were acknowledged and are still held, and what
/// became of the batches of idempotent producers, so that a resend after `kill -9` maps to the same sequences.
///
///   rewritten   before a changed batch is forwarded: what became of it, and what of it is held
///   refused     that batch was not taken after all: its sequences are free again
///   delivering  before held messages are forwarded: under which sequence of which producer; -1: it did not come to it
///   gone        delivered, or dropped
///
/// After a kill a message whose delivery had begun is in the log if the log's last sequence of that producer says so:
/// so it is delivered once.
/// An error is final: `commit` gives it from then on, and nothing may be answered any more.
/// Owner: the application. Thread: the data loop's.
class fault_journal {
public:
    /// What was found at start.
    struct found {
        broker::producer_identity own; ///< under which held messages are delivered; id -1: none yet
        std::vector<fault::sequence_note> notes;
        std::vector<std::vector<ledger_sequence>> note_entries; ///< of each note: entries that it may have left open
        std::map<std::uint64_t, fault::held_message> held;      ///< by id; due on this life's clock
    };
    /// Throws std::runtime_error with a sentence when it cannot be read.
    fault_journal(storage::disk& on, broker::flush_setting flush, const clock& time,
                  std::uint64_t small_bytes = storage::journal::small_bytes);

    found take_found() { return std::move(found_at_start_); }
    /// Who can tell all that is to be kept when the journal begins anew.
    using state_writer = std::function<void(fault_journal& into)>;
    void set_state(state_writer state) { state_ = std::move(state); }

    void own_producer(broker::producer_identity own);
    /// Gives the held messages their ids. Returns when it is kept as the flush setting says; an error: it is not, and
    /// the batch must not be forwarded.
    result<void> rewritten(const std::vector<fault::sequence_note>& notes, const std::vector<ledger_sequence>& entries,
                           std::vector<fault::held_message>& held);
    void refused(const fault::sequence_note& note);
    // Kept already, written again because the journal begins anew.
    void still_noted(const fault::sequence_note& note);
    void still_held(const fault::held_message& message);
    /// Returns when it is kept as the flush setting says; an error: it is not, and nothing may be forwarded.
    result<void> delivering(const std::vector<fault::held_message>& messages);
    /// The delivery of that message came to nothing, and its sequence is free for others.
    void not_delivered(std::uint64_t id);
    void gone(std::uint64_t id);

    /// To be called before an answer leaves.
    result<void> commit();
    result<void> flush();
    [[nodiscard]] std::optional<mono_time> next_deadline() const { return next_flush_; }
    void advance(mono_time now);

private:
    enum class kind : std::uint8_t { own_producer, rewritten, delivering, gone, refused };
    result<void> replay(wire::bytes_view record);
    void add_rewritten(const fault::sequence_note* note, const std::vector<ledger_sequence>& entries,
                       std::span<const fault::held_message> held);
    result<void> keep_now();
    void note_failure(const result<void>& done);
    [[nodiscard]] result<void> verdict() const { return failed_ ? tl::unexpected(*failed_) : result<void>(); }
    void forget_refused(const fault::producer_partition& who, std::int32_t client_base, std::int32_t client_count);
    void write_message(wire::writer& out, const fault::held_message& message) const;
    fault::held_message read_message(wire::reader& in) const;

    broker::flush_setting flush_;
    const clock& time_;
    found found_at_start_;
    std::unique_ptr<storage::journal> journal_;
    state_writer state_;
    std::uint64_t next_id_ = 1;
    bool unsynced_ = false;
    std::optional<mono_time> next_flush_;
    std::optional<error> failed_;
};

/// Broker and faults, with what is kept of the one before what is kept of the other: that a held message is gone must
/// not outlive a power cut that takes the message out of the log. `faults` may be null.
inline result<void> keep_in_order(broker::node& node, fault_journal* faults) {
    auto kept = node.commit();
    return kept && faults != nullptr ? faults->commit() : kept;
}

} // namespace cb::proxy
