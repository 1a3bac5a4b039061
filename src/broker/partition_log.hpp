// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "broker/producer_state.hpp"
#include "broker/time_index.hpp"
#include "record/batch.hpp"
#include "wire/slice.hpp"

namespace cb::broker {

/// Bytes that all partitions together may hold. Owner: the broker; one thread.
class memory_budget {
public:
    explicit memory_budget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
    [[nodiscard]] bool fits(std::size_t bytes) const { return bytes <= bytes_max_ && taken_ <= bytes_max_ - bytes; }
    void take(std::size_t bytes) { taken_ += bytes; }
    void give(std::size_t bytes) { taken_ -= bytes; }
    [[nodiscard]] std::size_t taken() const { return taken_; }
    [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }

private:
    std::size_t bytes_max_;
    std::size_t taken_ = 0;
};

struct log_position {
    std::int64_t offset = -1;
    std::int64_t timestamp_ms = -1;
};

/// The log of one partition, in memory: batches stand one behind the other in chunks; what is read out are slices of
/// the chunks themselves, which live on while somebody sends them.
///
///   chunks_  [ batch batch batch | batch batch … ]   index_: offset, time, place of each batch
///              ^ log start                    ^ log end
///
/// Owner: its partition; the broker's thread.
class partition_log {
public:
    explicit partition_log(memory_budget& budget) : budget_(budget) {}
    ~partition_log();
    partition_log(const partition_log&) = delete;
    partition_log& operator=(const partition_log&) = delete;

    /// Appends one whole, valid batch at the end; gives it its offsets. With `append_time_ms` the batch is stamped with
    /// the broker's time. Error: limit, when the memory of all logs is used up.
    result<log_position> append(wire::bytes_view batch, std::optional<std::int64_t> append_time_ms);
    /// Appends the end of a transaction. Also when memory is used up: without its marker the transaction would stay
    /// open, and what is undecided is never given back.
    void append_marker(std::int64_t producer_id, std::int16_t epoch, bool commit, std::int64_t now_ms);

    struct read_limits {
        std::int64_t end_offset; ///< batches from here on are not shown
        std::size_t bytes_max;
        bool at_least_one; ///< the first batch comes even when it is larger
    };
    /// Whole batches from the one that holds `offset` on. `offset` lies within [start, end].
    [[nodiscard]] wire::chain read(std::int64_t offset, const read_limits& limits) const;
    /// The offset behind the batches in the first `bytes` of a read from `offset`.
    [[nodiscard]] std::int64_t offset_behind(std::int64_t offset, std::size_t bytes) const;
    /// Bytes that a read from `offset` could give.
    [[nodiscard]] std::size_t bytes_from(std::int64_t offset) const;

    [[nodiscard]] std::int64_t start_offset() const { return start_offset_; }
    [[nodiscard]] std::int64_t end_offset() const { return end_offset_; }
    /// Up to here everything is decided: committed, aborted, or never in a transaction.
    [[nodiscard]] std::int64_t last_stable_offset() const;
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] std::vector<aborted_transaction> aborted_between(std::int64_t first, std::int64_t end) const;

    /// The first record whose time is not before `timestamp_ms`, in log order.
    [[nodiscard]] std::optional<log_position> find_by_time(std::int64_t timestamp_ms) const;
    [[nodiscard]] std::optional<log_position> latest_by_time() const;

    /// Moves the start; whole batches before it are given back.
    void delete_before(std::int64_t offset);
    /// Drops the oldest batches: those without which at least `bytes_max` are held still, and those older than
    /// `before_ms`. What is undecided stays.
    void retain(std::optional<std::size_t> bytes_max, std::optional<std::int64_t> before_ms);

    [[nodiscard]] producer_states& producers() { return producers_; }
    [[nodiscard]] const producer_states& producers() const { return producers_; }

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
    result<log_position> append(wire::bytes_view batch, std::optional<std::int64_t> append_time_ms, at_limit then);
    std::span<std::byte> reserve(std::size_t size, at_limit then);
    void drop_front();
    void forget_aborted_before_start();
    [[nodiscard]] std::size_t find(std::int64_t offset) const;
    [[nodiscard]] wire::slice batch_at(const entry& at) const;

    memory_budget& budget_;
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
