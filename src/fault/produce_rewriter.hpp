// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <unordered_map>

#include "base/limits.hpp"
#include "fault/ledger.hpp"
#include "fault/plan.hpp"
#include "record/packed_records.hpp"
#include "wire/buffer_pool.hpp"

namespace cb::fault {

/// Which producer a batch belongs to, in which partition.
struct producer_partition {
    std::int64_t producer_id = -1;
    std::int16_t epoch = -1;
    std::string topic;
    std::int32_t partition = 0;

    auto operator<=>(const producer_partition&) const = default;
};

/// A message that owns its bytes: held back, to be delivered later.
struct owned_message {
    wire::slice key;
    wire::slice value;
    bool has_key = false;
    bool has_value = false;
    std::vector<std::pair<std::string, std::optional<wire::slice>>> headers;
    std::int64_t timestamp_ms = 0;

    static owned_message copy(const record::record_view& from, std::int64_t timestamp_ms);
    /// Views into this message.
    [[nodiscard]] record::record_view view() const;
    [[nodiscard]] std::size_t bytes() const;
};

struct held_message {
    std::uint64_t id = 0; ///< in the journal of what is held; 0: in none
    std::string topic;
    std::int32_t partition = 0;
    owned_message message;
    mono_time due;
    /// Closed when the message is delivered.
    std::vector<ledger_sequence> entries;
    /// Of a transactional producer: the message stays inside its transaction.
    std::optional<producer_partition> transaction;
    std::string transactional_id;
    /// Waits for others of its partition rather than for a time alone.
    std::optional<reorder_effect> reordered;
    /// Of a reordered one that is late as well: from when its window lets it go.
    nanoseconds late_by{0};
    /// The producer's sequence under which its delivery was begun.
    std::optional<std::int32_t> sequence;
    bool of_earlier_life = false;
    /// An earlier life began its delivery, and the log does not know that producer any more: if it fails now, nobody
    /// knows.
    bool perhaps_delivered = false;
};

/// What became of one batch of an idempotent producer: its resend must become the same.
struct remembered_batch {
    std::int32_t client_base = 0;
    std::int32_t client_count = 0;
    std::int32_t stored_base = 0;
    std::int32_t stored = 0;
    bool same = false;     ///< as the client sent it
    wire::slice rewritten; ///< what was stored otherwise
    bool noted = false;    ///< handed out as a note: it is known over a restart
};
/// One of no records (`client_count` 0) says where the producer stands.
struct sequence_note {
    producer_partition producer;
    remembered_batch batch;
};

struct rewrite_result {
    /// What to store. The same slice as came in when nothing was done.
    wire::slice batch;
    bool changed = false;
    /// The checksum of `batch` has been looked at or written here; the broker need not.
    bool checksum_known = false;
    /// Records left to store; at 0 the batch is answered here.
    std::int32_t stored = 0;
    std::vector<held_message> held;
    std::vector<ledger_sequence> entries; ///< to close when the broker has answered
    /// Of an idempotent producer's batch that was changed: to be kept before it is forwarded. Its own is the last;
    /// before it those of batches that passed as they were, whose resends it makes ambiguous.
    std::vector<sequence_note> notes;
};

/// The last sequence that the log holds of a producer, in a partition; nothing when it knows none. Modulo 2^31.
using last_sequence_function = std::function<std::optional<std::int32_t>(const producer_partition& whose)>;

enum class key_form : std::uint8_t { full, hash, none };

/// Applies the rules to the batches that producers send. Pure: no clock, no sockets; remembers what it must to keep a
/// producer's sequences without gaps and its resends the same.
///
/// Sequences: a client counts its records; what is stored may be fewer or more. Per producer, epoch and partition the
/// map from the client's to the stored sequence is kept, and of the last five batches what became of them, so that a
/// resend is the same batch again (DESIGN 6).
///
/// Owner: the request pipeline; one thread.
class produce_rewriter {
public:
    produce_rewriter(ledger& entries, key_form keys, last_sequence_function last_stored,
                     std::size_t sequence_maps_max = limits::sequence_maps)
        : ledger_(entries), keys_(keys), last_stored_(std::move(last_stored)), sequence_maps_max_(sequence_maps_max) {}

    /// `batch` is one client batch for (topic, partition); `rules` those that plan::select gave.
    /// A batch that is not valid passes unchanged: the broker refuses it.
    rewrite_result rewrite(const std::vector<const compiled_rule*>& rules, std::uint64_t seed,
                           const request_context& who, const std::string& topic, std::int32_t partition,
                           const wire::slice& batch, mono_time now);

    /// Nothing of the batch is to be stored, and its sender is told that it was: what comes behind it must follow all
    /// the same. A batch that was stored before stays what it was.
    rewrite_result swallow(const request_context& who, const std::string& topic, std::int32_t partition,
                           const wire::slice& batch);

    /// True when this producer's batches must be looked at although no rule wants them: its sequences have moved.
    [[nodiscard]] bool has_moved(std::int64_t producer_id) const { return moved_.contains(producer_id); }
    [[nodiscard]] bool has_moved(const wire::slice& batch) const;
    [[nodiscard]] bool anyone_moved() const { return !moved_.empty(); }
    /// The broker refused the batch: nothing of it was stored, and its sequence is free again.
    /// Returns its note if it had one: it holds no more.
    std::optional<sequence_note> refused(const std::string& topic, std::int32_t partition,
                                         const wire::slice& client_batch);
    /// What was noted before a restart, in its order.
    void restore(const sequence_note& what);
    /// All that would have to be restored.
    void each_note(const std::function<void(const sequence_note&)>& what) const;
    /// The sequence that a message written on behalf of this producer gets now (released inside a transaction).
    std::int32_t take_sequence(const producer_partition& who);
    /// It was not written after all.
    void put_back_sequence(const producer_partition& who, std::int32_t sequence);
    /// It was written, in an earlier life.
    void sequence_was_taken(const producer_partition& who, std::int32_t sequence);
    /// Where a producer stands that has taken sequences.
    sequence_note position_of(const producer_partition& who);

private:
    struct sequence_state {
        std::int32_t next_client = 0;
        std::int32_t next_stored = 0;
        std::deque<remembered_batch> batches;
        bool noted = false;                           ///< some note of it was handed out, or restored
        std::list<producer_partition>::iterator used; ///< in recently_used_
    };
    /// One batch under judgement.
    struct work {
        std::vector<rule_at_partition> rules;
        std::uint64_t seed;
        const request_context& who;
        const std::string& topic;
        std::int32_t partition;
        const record::batch_header& header;
        mono_time now;
        std::uint64_t first_ordinal;
        std::int32_t stored_base;
        producer_partition producer;
    };
    /// A message that something happened to, or is about to.
    struct judged {
        std::size_t index = 0; ///< in its batch
        message_draft draft;
        std::vector<ledger_sequence> entries;
    };
    class candidate;
    using ordinals_key = std::tuple<std::string, std::string, std::int32_t>;

    std::uint64_t take_ordinals(std::string_view client_id, const std::string& topic, std::int32_t partition,
                                std::uint64_t count);
    sequence_state& sequences_of(const producer_partition& who, std::int32_t client_base);
    sequence_state& sequences_as_stored(const producer_partition& who);
    void forget_longest_unused();
    static sequence_note position(const producer_partition& who, const sequence_state& state);
    static const remembered_batch* find_resent(const sequence_state& in, const record::batch_header& header);
    rewrite_result resend(const remembered_batch& earlier, const wire::slice& batch, bool checksum_known) const;
    void note(sequence_state& in, const work& at, rewrite_result& what);
    [[nodiscard]] bool stored_before(const work& at) const;
    void judge_all(const work& at);
    void judge_record(const work& at, const place& where, candidate& message);
    std::string_view apply(const work& at, const compiled_rule& rule, identity fate, candidate& message);
    bool rebuild(const work& at, rewrite_result& out);
    bool rewrite_records(const work& at, const wire::slice& batch, rewrite_result& out);
    void hold(const work& at, const judged& message, std::vector<held_message>& into) const;
    ledger_entry entry_for(const work& at, const compiled_rule& rule, candidate& message) const;

    ledger& ledger_;
    key_form keys_;
    last_sequence_function last_stored_;
    std::size_t sequence_maps_max_;
    // Of the batch at hand; members, so that their memory is used again.
    record::packed_records records_;
    std::vector<judged> judged_; ///< those that something happened to, in the order of the batch
    wire::buffer_pool pool_{limits::rewrite_buffers, limits::rewrite_buffer_bytes};
    std::map<ordinals_key, std::uint64_t> ordinals_;
    std::map<producer_partition, sequence_state> sequences_;
    std::list<producer_partition> recently_used_;          ///< the latest in front
    std::unordered_map<std::int64_t, std::int16_t> moved_; ///< producers whose stored sequences differ, and their epoch
};

/// The ledger's form of a key.
std::optional<std::string> key_text(key_form form, const std::optional<wire::bytes_view>& key);
/// The trace id of a traceparent header, empty without.
std::string trace_id_of(const record::record_view& record);
std::uint64_t record_hash(const record::record_view& record);

} // namespace cb::fault
