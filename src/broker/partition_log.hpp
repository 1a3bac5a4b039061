// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "broker/producer_state.hpp"
#include "broker/stored_log.hpp"
#include "broker/time_index.hpp"
#include "record/batch.hpp"
#include "wire/slice.hpp"

namespace cb::broker {

class partition_log;

/// Bytes that all partitions together may hold in memory. Logs that are on disk as well give back their oldest part
/// when others need room, those first that got nothing new for longest. Owner: the broker; one thread.
class memory_budget {
public:
    explicit memory_budget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
    [[nodiscard]] bool fits(std::size_t bytes) const { return bytes <= bytes_max_ && taken_ <= bytes_max_ - bytes; }
    void take(std::size_t bytes) { taken_ += bytes; }
    void give(std::size_t bytes) { taken_ -= bytes; }
    [[nodiscard]] std::size_t taken() const { return taken_; }
    [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }

    using evictable_logs = std::list<partition_log*>;
    /// Makes room for `bytes` as far as that can be had.
    void make_room(std::size_t bytes);
    evictable_logs::iterator add_evictable(partition_log& log) { return evictable_.insert(evictable_.end(), &log); }
    void got_new(evictable_logs::iterator at) { evictable_.splice(evictable_.end(), evictable_, at); }
    void remove_evictable(evictable_logs::iterator at) { evictable_.erase(at); }

private:
    std::size_t bytes_max_;
    std::size_t taken_ = 0;
    evictable_logs evictable_; ///< longest without anything new first
};

struct log_position {
    std::int64_t offset = -1;
    std::int64_t timestamp_ms = -1;
};

/// The log of one partition: batches stand one behind the other in chunks of memory; what is read out are slices of the
/// chunks themselves, which live on while somebody sends them.
///
///   chunks_  [ batch batch batch | batch batch … ]   index_: offset, time, place of each batch
///              ^ log start                    ^ log end
///
/// With a `stored_log` every batch is on disk before it is in memory, and memory holds the newest part only:
///
///   stored_  [ batch batch batch batch | batch batch batch ]
///   chunks_                        [ batch | batch batch … ]     older parts are read from disk
///
/// Owner: its partition; the broker's thread.
class partition_log {
public:
    /// Told, before records go for good, where the log starts from now on. Error: they stay.
    using start_listener = std::function<result<void>(std::int64_t offset, bool files_go)>;

    explicit partition_log(memory_budget& budget) : budget_(budget) {}
    partition_log(memory_budget& budget, std::unique_ptr<stored_log> on_disk, start_listener start_moves);
    ~partition_log();
    partition_log(const partition_log&) = delete;
    partition_log& operator=(const partition_log&) = delete;

    /// Appends one whole, valid batch at the end; gives it its offsets. With `append_time_ms` the batch is stamped with
    /// the broker's time. `segment_bytes`: of a file on disk. Errors: limit, when the memory of all logs is used up and
    /// there is no disk; io.
    result<log_position> append(wire::bytes_view batch, std::optional<std::int64_t> append_time_ms,
                                std::size_t segment_bytes = default_segment_bytes);
    /// Appends the end of a transaction. Also when memory is used up: without its marker the transaction would stay
    /// open, and what is undecided is never given back. Error: io.
    result<void> append_marker(std::int64_t producer_id, std::int16_t epoch, bool commit, std::int64_t now_ms);
    /// Reads what is on disk; afterwards offsets, producers and transactions are as they were. Error: io.
    result<stored_log::recovery> recover(std::int64_t start_offset);

    struct read_limits {
        std::int64_t end_offset; ///< batches from here on are not shown
        std::size_t bytes_max;
        bool at_least_one; ///< the first batch comes even when it is larger
    };
    /// Whole batches from the one that holds `offset` on. `offset` lies within [start, end]. Error: io.
    [[nodiscard]] result<wire::chain> read(std::int64_t offset, const read_limits& limits) const;
    /// Bytes that a read from `offset` could give.
    [[nodiscard]] std::size_t bytes_from(std::int64_t offset) const;

    [[nodiscard]] std::int64_t start_offset() const { return start_offset_; }
    [[nodiscard]] std::int64_t end_offset() const { return end_offset_; }
    /// Up to here everything is decided: committed, aborted, or never in a transaction.
    [[nodiscard]] std::int64_t last_stable_offset() const;
    [[nodiscard]] std::size_t bytes() const { return stored_ ? stored_->bytes() : bytes_; }
    [[nodiscard]] std::vector<aborted_transaction> aborted_between(std::int64_t first, std::int64_t end) const;

    /// The first record whose time is not before `timestamp_ms`, in log order. Error: io.
    [[nodiscard]] result<std::optional<log_position>> find_by_time(std::int64_t timestamp_ms) const;
    [[nodiscard]] result<std::optional<log_position>> latest_by_time() const;

    /// Moves the start; whole batches before it are given back, on disk whole files. Error: io.
    result<void> delete_before(std::int64_t offset);
    /// Drops the oldest batches: those without which at least `bytes_max` are held still, and those older than
    /// `before_ms`; on disk file by file, as Kafka does. What is undecided stays. Error: io.
    result<void> retain(std::optional<std::size_t> bytes_max, std::optional<std::int64_t> before_ms);

    /// Gives back the oldest chunk in memory, which is on disk as well; false when there is none.
    bool evict_oldest();
    /// Takes the log off the disk, before it is destroyed. Error: io.
    result<void> remove_from_disk();
    [[nodiscard]] stored_log* on_disk() { return stored_.get(); }

    [[nodiscard]] producer_states& producers() { return producers_; }
    [[nodiscard]] const producer_states& producers() const { return producers_; }

    static constexpr std::size_t default_segment_bytes = std::size_t{1} << 30;

private:
    struct chunk {
        std::shared_ptr<std::byte[]> memory;
        std::size_t capacity = 0;
        std::size_t used = 0;
        std::size_t batches = 0; ///< still in the index
    };
    struct entry {
        std::int64_t base_offset;
        std::int64_t last_offset;
        std::int64_t max_timestamp;
        std::uint64_t chunk; ///< counted from the log's beginning
        std::uint32_t position;
        std::uint32_t size;
    };
    /// What an entry takes: itself and its time.
    static constexpr std::size_t entry_bytes = sizeof(entry) + sizeof(std::int64_t);
    enum class at_limit : std::uint8_t { refuse, exceed };
    result<log_position> append(wire::bytes_view batch, std::optional<std::int64_t> append_time_ms,
                                std::size_t segment_bytes, at_limit then);
    void note_transactions(const record::batch_header& header, wire::bytes_view batch);
    [[nodiscard]] std::int64_t memory_from() const { return index_.empty() ? end_offset_ : index_.front().base_offset; }
    [[nodiscard]] wire::chain read_memory(std::int64_t offset, const read_limits& limits) const;
    [[nodiscard]] result<std::optional<wire::slice>> batch_by_time(std::int64_t timestamp_ms) const;
    result<void> move_start(std::int64_t offset);
    void leave_memory();
    std::span<std::byte> reserve(std::size_t size, at_limit then);
    void drop_front();
    void forget_aborted_before_start();
    [[nodiscard]] std::size_t find(std::int64_t offset) const;
    [[nodiscard]] wire::slice batch_at(const entry& at) const;

    memory_budget& budget_;
    std::unique_ptr<stored_log> stored_; ///< null: memory is all there is
    start_listener start_moves_;
    std::optional<memory_budget::evictable_logs::iterator> evictable_;
    std::deque<chunk> chunks_;
    std::uint64_t first_chunk_ = 0;
    std::deque<entry> index_;
    time_index times_; ///< max_timestamp of each entry of index_
    std::int64_t start_offset_ = 0;
    std::int64_t end_offset_ = 0;
    std::size_t bytes_ = 0;
    producer_states producers_;
    /// In the order of their markers, thus of their last offsets.
    std::deque<aborted_transaction> aborted_;
};

} // namespace cb::broker
