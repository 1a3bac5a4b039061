// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/limits.hpp"
#include "protocol/error_code.hpp"
#include "record/batch.hpp"

namespace cb::broker {

/// The sequence after `sequence`; they run from 0 to 2^31-1 and start over.
constexpr std::int32_t next_sequence(std::int32_t sequence, std::int32_t by = 1) {
    return static_cast<std::int32_t>((static_cast<std::int64_t>(sequence) + by) & 0x7fffffff);
}

/// Whether `sequence` comes after `other`: less than half of the circle ahead of it.
constexpr bool sequence_comes_after(std::int32_t sequence, std::int32_t other) {
    const auto ahead = (static_cast<std::int64_t>(sequence) - other) & 0x7fffffff;
    return ahead != 0 && ahead < 0x40000000;
}

/// A transaction that ended with an abort: consumers that read committed data leave out its batches (KIP-98).
struct aborted_transaction {
    std::int64_t producer_id;
    std::int64_t first_offset;
    std::int64_t last_offset; ///< of the abort marker
};

/// What a partition knows of its producers: recognises resends, refuses gaps and fenced epochs, knows which
/// transactions are open. Follows Kafka's ProducerStateManager.
/// Owner: a partition's log; the broker's thread.
class producer_states {
public:
    struct verdict {
        protocol::error_code error = protocol::error_code::none;
        /// Set when the batch is here already: the offset that it got then.
        std::optional<std::int64_t> duplicate_of;
        std::int64_t duplicate_timestamp = -1;
    };
    /// What becomes of a batch that a client sends. Batches without a producer id always pass.
    [[nodiscard]] verdict check(const record::batch_header& batch) const;
    /// Notes a batch that was appended; its base offset is set.
    void appended(const record::batch_header& batch);
    /// Notes a marker that was appended at `offset`. Returns the transaction if one was open.
    std::optional<aborted_transaction> ended(std::int64_t producer_id, std::int16_t epoch, std::int64_t offset,
                                             std::int64_t timestamp_ms);

    /// Of this producer in this epoch; nothing when it is not known.
    [[nodiscard]] std::optional<std::int32_t> last_sequence(std::int64_t producer_id, std::int16_t epoch) const;
    /// First offset of the oldest open transaction.
    [[nodiscard]] std::optional<std::int64_t> first_open_offset() const;
    /// Forgets producers that were silent since before `timestamp_ms` and have nothing open.
    void expire(std::int64_t timestamp_ms);

    struct row {
        std::int64_t producer_id;
        std::int16_t epoch;
        std::int32_t last_sequence;
        std::int64_t last_timestamp;
        std::int64_t open_since_offset; ///< -1: no transaction
    };
    [[nodiscard]] std::vector<row> rows() const;

private:
    struct remembered {
        std::int32_t first_sequence;
        std::int32_t last_sequence;
        std::int64_t base_offset;
        std::int64_t timestamp;
    };
    /// The last batches of a producer, oldest first. In place: there may be a hundred thousand producers.
    class recent_batches {
    public:
        void push(const remembered& batch);
        void clear() { count_ = 0; }
        [[nodiscard]] bool empty() const { return count_ == 0; }
        [[nodiscard]] const remembered& back() const { return rows_[count_ - 1]; }
        [[nodiscard]] const remembered* begin() const { return rows_.data(); }
        [[nodiscard]] const remembered* end() const { return rows_.data() + count_; }

    private:
        std::array<remembered, limits::batches_remembered_per_producer> rows_{};
        std::size_t count_ = 0;
    };
    struct producer {
        std::int16_t epoch = -1;
        recent_batches batches;
        std::int64_t last_timestamp = -1;
        std::int64_t open_since_offset = -1;
    };
    std::map<std::int64_t, producer> producers_;
    /// First offset of each open transaction -> its producer: what the last stable offset is read from at every fetch.
    std::map<std::int64_t, std::int64_t> open_;
};

} // namespace cb::broker
