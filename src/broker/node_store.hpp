// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "broker/group_coordinator.hpp"
#include "broker/journal_records.hpp"
#include "broker/node.hpp"
#include "broker/partition_log.hpp"
#include "broker/stored_log.hpp"
#include "broker/transaction_coordinator.hpp"
#include "storage/journal.hpp"

namespace cb::broker {

struct node_state;
struct topic;

/// All of a node that is on disk:
///
///   journal/0000000003                   topics, offsets, groups, transactions: a record a change
///   logs/<topic id>/<partition>/*.log    records, in Kafka's segment files
///
/// Records are written as they are appended; the journal is written by `commit`, before an answer leaves. Whether that
/// also outlives a power cut, and when, is the flush setting. An error of the journal, or of a flush, is final:
/// `commit` gives it from then on, and nothing may be answered any more. Owner: the node. Thread: the broker's.
class node_store final : public group_keeper {
public:
    node_store(storage::disk& on, flush_setting flush, const clock& time, log_sink& log)
        : disk_(on), flush_(flush), time_(time), log_(log) {}

    /// Reads all that is there into `state`, which is empty. Throws std::runtime_error with a sentence when it cannot
    /// be read, or is not ours.
    void recover(node_state& state);

    /// The log of a partition, still empty, and who is told when its start moves.
    [[nodiscard]] std::unique_ptr<stored_log> log_of(const protocol::uuid& topic, std::int32_t partition);
    [[nodiscard]] partition_log::start_listener start_listener_of(const protocol::uuid& topic, std::int32_t partition);

    void cluster_named(const std::string& cluster_id) { add(cluster_record{cluster_id}); }
    /// Made, grown or configured anew.
    void topic_changed(const topic& which);
    /// Its files go.
    void topic_removed(topic& which);
    void transaction_changed(const transaction& row);
    void producer_ids_reserved(std::int64_t next) { add(producer_ids_record{next}); }

    void offset_changed(const std::string& group, const topic_partition& where, const committed_offset* what) override;
    void offset_pending(const std::string& group, std::int64_t producer_id, const topic_partition& where,
                        const committed_offset& what) override;
    void pending_ended(const std::string& group, std::int64_t producer_id) override;
    void group_at_rest(const group& which) override;
    void group_removed(const std::string& group) override;

    /// Something that must be on disk could not be written.
    void failed(const error& why) { fail_for_good(tl::unexpected(why)); }
    /// All that was done so far is kept as the flush setting says: to be called before an answer leaves.
    result<void> commit();
    /// Everything outlives a power cut.
    result<void> flush();
    [[nodiscard]] std::optional<mono_time> next_deadline() const { return next_flush_; }
    void advance(mono_time now);

private:
    void add(const journal_record& what);
    result<void> fail_for_good(const result<void>& done);
    result<void> sync_everything();
    result<void> sync_logs();
    void write_state(storage::journal& into) const;
    void recover_logs(node_state& state);
    void remove_orphans(node_state& state);

    storage::disk& disk_;
    flush_setting flush_;
    const clock& time_;
    log_sink& log_;
    node_state* state_ = nullptr;
    std::unique_ptr<storage::journal> journal_;
    std::vector<stored_log*> dirty_;
    std::map<std::pair<std::string, std::int32_t>, std::int64_t> log_starts_; ///< while reading: by topic id
    bool anything_unsynced_ = false;
    std::optional<mono_time> next_flush_;
    std::optional<error> failed_;
};

} // namespace cb::broker
