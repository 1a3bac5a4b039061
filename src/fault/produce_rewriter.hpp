// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <list>
#include <map>
#include <unordered_map>

#include "base/limits.hpp"
#include "fault/ledger.hpp"
#include "fault/plan.hpp"

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
};

struct rewrite_result {
    /// What to store. The same slice as came in when nothing was done.
    wire::slice batch;
    bool changed = false;
    /// Records left to store; at 0 the batch is answered here.
    std::int32_t stored = 0;
    std::vector<held_message> held;
    std::vector<ledger_sequence> entries; ///< to close when the broker has answered
};

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
    produce_rewriter(ledger& entries, key_form keys, std::size_t sequence_maps_max = limits::sequence_maps)
        : ledger_(entries), keys_(keys), sequence_maps_max_(sequence_maps_max) {}

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
    [[nodiscard]] bool anyone_moved() const { return !moved_.empty(); }
    /// The broker refused the batch: nothing of it was stored, and its sequence is free again.
    void refused(const std::string& topic, std::int32_t partition, const wire::slice& client_batch);
    /// The sequence that a message written on behalf of this producer gets now (released inside a transaction).
    std::int32_t take_sequence(const producer_partition& who);

private:
    struct remembered {
        std::int32_t client_base = 0;
        std::int32_t client_count = 0;
        std::int32_t stored_base = 0;
        std::int32_t stored = 0;
        bool same = false;     ///< as the client sent it
        wire::slice rewritten; ///< what was stored otherwise
    };
    struct sequence_state {
        std::int32_t next_client = 0;
        std::int32_t next_stored = 0;
        std::deque<remembered> batches;
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
    struct judged {
        message_draft draft;
        std::vector<ledger_sequence> entries;
    };
    using ordinals_key = std::tuple<std::string, std::string, std::int32_t>;

    std::uint64_t take_ordinals(std::string_view client_id, const std::string& topic, std::int32_t partition,
                                std::uint64_t count);
    sequence_state& sequences_of(const producer_partition& who, std::int32_t client_base);
    void forget_longest_unused();
    static const remembered* find_resent(const sequence_state& in, const record::batch_header& header);
    rewrite_result resend(const remembered& earlier, const wire::slice& batch) const;
    void note(sequence_state& in, const work& at, const rewrite_result& what);
    std::vector<judged> judge_all(const work& at, const record::record_set& records);
    void judge_record(const work& at, const place& where, std::uint64_t ordinal, const record::record_view& sent,
                      judged& message);
    std::string_view apply(const work& at, const compiled_rule& rule, identity fate, std::uint64_t ordinal,
                           const record::record_view& sent, judged& message);
    bool rebuild(const work& at, const std::vector<judged>& messages, rewrite_result& out) const;
    void hold(const work& at, const judged& message, std::vector<held_message>& into) const;
    ledger_entry entry_for(const work& at, const compiled_rule& rule, std::uint64_t ordinal,
                           const record::record_view& sent, const message_draft& before) const;

    ledger& ledger_;
    key_form keys_;
    std::size_t sequence_maps_max_;
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
