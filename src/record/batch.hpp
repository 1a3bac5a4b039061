// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "wire/byte_buffer.hpp"
#include "wire/compression.hpp"
#include "wire/slice.hpp"

/// Kafka's record batch, format 2 (KIP-98): what producers send, logs keep and consumers read.
///
///   base_offset i64 | batch_length i32 | leader_epoch i32 | magic i8 | crc u32 | attributes i16 | last_offset_delta
///   i32 | base_timestamp i64 | max_timestamp i64 | producer_id i64 | producer_epoch i16 | base_sequence i32 | count
///   i32 | records, compressed together
///
/// The checksum covers everything from `attributes` on, so base offset and leader epoch change freely.
namespace cb::record {

constexpr std::size_t batch_header_bytes = 61;
/// base_offset and batch_length are not counted by batch_length.
constexpr std::size_t batch_overhead_bytes = 12;

/// Positions inside a batch, for those who change one in place.
namespace position {
constexpr std::size_t base_offset = 0;
constexpr std::size_t batch_length = 8;
constexpr std::size_t partition_leader_epoch = 12;
constexpr std::size_t magic = 16;
constexpr std::size_t crc = 17;
constexpr std::size_t attributes = 21;
constexpr std::size_t last_offset_delta = 23;
constexpr std::size_t base_timestamp = 27;
constexpr std::size_t max_timestamp = 35;
constexpr std::size_t producer_id = 43;
constexpr std::size_t producer_epoch = 51;
constexpr std::size_t base_sequence = 53;
constexpr std::size_t record_count = 57;
} // namespace position

namespace attribute {
constexpr std::int16_t codec_mask = 0x07;
constexpr std::int16_t log_append_time = 0x08;
constexpr std::int16_t transactional = 0x10;
constexpr std::int16_t control = 0x20;
constexpr std::int16_t delete_horizon = 0x40;
} // namespace attribute

struct batch_header {
    std::int64_t base_offset = 0;
    std::int32_t batch_length = 0;
    std::int32_t partition_leader_epoch = -1;
    std::int8_t magic = 2;
    std::uint32_t crc = 0;
    std::int16_t attributes = 0;
    std::int32_t last_offset_delta = 0;
    std::int64_t base_timestamp = 0;
    std::int64_t max_timestamp = 0;
    std::int64_t producer_id = -1;
    std::int16_t producer_epoch = -1;
    std::int32_t base_sequence = -1;
    std::int32_t record_count = 0;

    [[nodiscard]] wire::codec codec() const { return static_cast<wire::codec>(attributes & attribute::codec_mask); }
    [[nodiscard]] bool log_append_time() const { return (attributes & attribute::log_append_time) != 0; }
    [[nodiscard]] bool transactional() const { return (attributes & attribute::transactional) != 0; }
    [[nodiscard]] bool control() const { return (attributes & attribute::control) != 0; }
    [[nodiscard]] std::size_t total_bytes() const {
        return static_cast<std::size_t>(batch_length) + batch_overhead_bytes;
    }
    [[nodiscard]] std::int64_t last_offset() const { return base_offset + last_offset_delta; }
    bool operator==(const batch_header&) const = default;
};

/// Reads the 61 bytes; checks magic, length and the fields' ranges, not the checksum. Bytes behind the batch are
/// allowed, and fewer than the batch's are too: `total_bytes()` tells. Errors: malformed; unsupported for magic 0
/// and 1.
result<batch_header> parse_header(wire::bytes_view bytes);

/// parse_header, and the batch is whole and alone, and its checksum is right. `checksum_known`: somebody of us has
/// looked at it already, or has written it.
result<batch_header> validate(wire::bytes_view batch, bool checksum_known = false);

struct header_view {
    std::string_view key;
    std::optional<wire::bytes_view> value;
};

/// One record; its bytes belong to somebody else (a record_set, or whoever filled it in).
struct record_view {
    std::int8_t attributes = 0;
    std::int64_t timestamp_delta = 0;
    std::int32_t offset_delta = 0;
    std::optional<wire::bytes_view> key;
    std::optional<wire::bytes_view> value;
    std::vector<header_view> headers;
};

/// The records of a batch and the (decompressed) bytes that they point into.
struct record_set {
    wire::slice storage;
    std::vector<record_view> records;
};

/// Unpacks a whole batch. Errors: malformed (also when the count is not met exactly), limit for compression bombs,
/// unsupported for a codec that does not exist.
result<record_set> read_records(const batch_header& header, const wire::slice& batch);

struct batch_options {
    std::int64_t base_offset = 0;
    std::int32_t partition_leader_epoch = -1;
    std::int16_t attributes = 0; ///< flags without the codec
    wire::codec codec = wire::codec::none;
    std::int64_t base_timestamp = 0;
    std::int64_t producer_id = -1;
    std::int16_t producer_epoch = -1;
    std::int32_t base_sequence = -1;
    /// Without it the last record's delta; with it a batch covers offsets that hold no record any more.
    std::optional<std::int32_t> last_offset_delta;
    /// Without it base_timestamp plus the greatest delta.
    std::optional<std::int64_t> max_timestamp;

    /// All that a rewritten batch keeps of the old one.
    static batch_options like(const batch_header& header);
};

class packed_records;

/// Writes a batch. Value type that moves only; offsets and timestamps are taken as they are given.
class batch_builder {
public:
    /// `memory`: an empty buffer to write to.
    explicit batch_builder(const batch_options& options, wire::byte_buffer memory = {})
        : options_(options), out_(std::move(memory)) {
        out_.grow(batch_header_bytes); // written when the batch ends
    }

    void add(const record_view& record);
    /// The records [first, end) of another batch, byte for byte but for their offset deltas: these go on from count().
    void add_renumbered(const packed_records& from, std::size_t first, std::size_t end);
    [[nodiscard]] std::size_t count() const { return count_; }
    /// Ends the batch; the builder is used up. Error: limit, when the codec refuses.
    result<wire::slice> build();

private:
    void copy_run(const packed_records& from, std::size_t first, std::size_t end);
    void added(std::int32_t offset_delta, std::int64_t timestamp_delta);

    batch_options options_;
    wire::byte_buffer out_;
    std::size_t count_ = 0;
    std::int32_t last_delta_ = -1;
    std::int64_t max_timestamp_delta_ = 0;
};

/// The offset behind the whole batches of a log; `otherwise` when there are none.
std::int64_t offset_behind(wire::bytes_view batches, std::int64_t otherwise);

/// In place, in bytes that the caller alone owns.
void set_base_offset(std::span<std::byte> batch, std::int64_t offset);
void set_partition_leader_epoch(std::span<std::byte> batch, std::int32_t epoch);
/// Stamps the broker's time on a batch (message.timestamp.type=LogAppendTime) and renews the checksum.
void set_log_append_time(std::span<std::byte> batch, std::int64_t timestamp_ms);
/// New producer fields and checksum: how a sequence is remapped without touching the records.
void set_producer(std::span<std::byte> batch, std::int64_t producer_id, std::int16_t epoch, std::int32_t base_sequence);

/// The end of a transaction in a partition: a control batch with one marker (KIP-98).
wire::slice control_batch(std::int64_t base_offset, std::int64_t producer_id, std::int16_t producer_epoch, bool commit,
                          std::int32_t coordinator_epoch, std::int64_t timestamp_ms);

/// What such a batch says: true when the transaction is committed. None when it marks no end of a transaction.
std::optional<bool> marker_commits(const batch_header& header, wire::bytes_view batch);

/// A control batch without effect over [base_offset, last_offset]: carries a consumer past offsets that hold nothing to
/// show. A batch without records would do by the format, yet clients hang on it.
wire::slice skip_batch(std::int64_t base_offset, std::int64_t last_offset, std::int32_t partition_leader_epoch,
                       std::int64_t timestamp_ms);

} // namespace cb::record
