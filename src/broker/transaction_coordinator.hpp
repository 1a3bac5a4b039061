// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "broker/group.hpp"

namespace cb::broker {

/// Kafka's states. The prepare states last only where a kill met them: what was decided is done after the restart.
enum class transaction_state : std::uint8_t {
    empty,
    ongoing,
    complete_commit,
    complete_abort,
    prepare_commit,
    prepare_abort
};

/// As Kafka's tools print it: "CompleteCommit".
std::string_view to_string(transaction_state state) noexcept;

struct producer_identity {
    std::int64_t id = -1;
    std::int16_t epoch = -1;

    bool operator==(const producer_identity&) const = default;
};

/// One transactional id and its present transaction. Owner: the coordinator.
struct transaction {
    std::string transactional_id;
    producer_identity producer;
    /// The identity before the last change of epoch: a client that resends its EndTxn is recognised by it.
    producer_identity previous;
    /// In a prepare state: what the markers carry.
    producer_identity ending_as;
    transaction_state state = transaction_state::empty;
    nanoseconds timeout{0};
    mono_time started_at;
    std::int64_t started_at_ms = -1;
    std::set<topic_partition> partitions;
    std::set<std::string> groups;
};

/// What the coordinator asks of the rest of the broker when a transaction ends.
struct transaction_effects {
    /// Writes the commit or abort marker to a partition.
    std::function<void(const topic_partition& where, producer_identity producer, bool commit)> write_marker;
    /// Lets a group's pending positions count, or forgets them.
    std::function<void(const std::string& group, std::int64_t producer_id, bool commit)> end_group;
    /// The transaction's row changed: told to whoever keeps it over a restart. A row in a prepare state must be kept
    /// before the first marker is written, or half of the markers could be of a commit and half of an abort.
    std::function<void(const transaction& changed)> changed;
    /// Ids below `next` may be given out from now on.
    std::function<void(std::int64_t next)> ids_reserved;
};

struct transaction_settings {
    nanoseconds timeout_max = std::chrono::minutes(15); ///< Kafka's transaction.max.timeout.ms
};

/// Gives out producer ids and drives transactions (KIP-98, KIP-360, KIP-890). On one node the end of a transaction is
/// one step: the decision is kept, markers are appended, positions count, the state is complete. Owner: the node; the
/// broker's thread.
class transaction_coordinator {
public:
    transaction_coordinator(transaction_settings settings, transaction_effects effects)
        : settings_(settings), effects_(std::move(effects)) {}

    struct init_answer {
        error_code error = error_code::none;
        producer_identity producer;
    };
    /// InitProducerId. Without a transactional id a fresh identity. With one: ends what an earlier instance left open,
    /// and fences it by the next epoch. `current` is what the client believes to be (KIP-360), ids of -1 when new.
    init_answer init_producer(const std::optional<std::string>& transactional_id, nanoseconds timeout,
                              producer_identity current);

    error_code add_partition(const std::string& transactional_id, producer_identity producer,
                             const topic_partition& where, mono_time now, std::int64_t wall_ms);
    error_code add_group(const std::string& transactional_id, producer_identity producer, const std::string& group,
                         mono_time now, std::int64_t wall_ms);
    /// May this producer write to `where` in its transaction? With `add` (KIP-890, Produce 12) the partition joins by
    /// being written to.
    error_code check_write(const std::string& transactional_id, producer_identity producer,
                           const topic_partition& where, bool add, mono_time now, std::int64_t wall_ms);

    struct end_answer {
        error_code error = error_code::none;
        /// KIP-890 (EndTxn 5): the identity for the next transaction.
        producer_identity producer;
    };
    end_answer end(const std::string& transactional_id, producer_identity producer, bool commit, bool bump_epoch);

    [[nodiscard]] const transaction* find(const std::string& transactional_id) const;
    [[nodiscard]] const std::map<std::string, transaction>& all() const { return transactions_; }
    void topic_removed(const std::string& topic);
    /// A row read back from disk at start; its time has gone on meanwhile.
    void restore(transaction row, mono_time now, std::int64_t wall_ms);
    /// Ids below it may have been given out before.
    void restore_producer_ids(std::int64_t next) {
        next_producer_id_ = std::max(next_producer_id_, next);
        reserved_below_ = std::max(reserved_below_, next);
    }
    [[nodiscard]] std::int64_t producer_ids_reserved_below() const { return reserved_below_; }
    /// Brings to an end what was decided and not done when the broker was killed. After all logs and groups are there.
    void finish_decided();

    [[nodiscard]] std::optional<mono_time> next_deadline() const;
    /// Aborts transactions that ran out of time.
    void advance(mono_time now);

private:
    error_code check(const std::string& transactional_id, producer_identity producer, transaction** found);
    void begin_if_needed(transaction& row, mono_time now, std::int64_t wall_ms);
    void finish(transaction& row, bool commit, producer_identity marker);
    void carry_out(transaction& row);
    std::int64_t take_producer_id();
    /// The next epoch, or a new id when epochs are used up. Returns the identity for the marker of what is open.
    producer_identity bump(transaction& row);

    transaction_settings settings_;
    transaction_effects effects_;
    std::map<std::string, transaction> transactions_;
    std::int64_t next_producer_id_ = 1;
    std::int64_t reserved_below_ = 1;
};

} // namespace cb::broker
