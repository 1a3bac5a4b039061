// SPDX-License-Identifier: Apache-2.0
#include "record/batch.hpp"

#include <algorithm>

#include "record/packed_records.hpp"
#include "wire/crc32c.hpp"
#include "wire/cursor.hpp"

namespace cb::record {
namespace {

template <class Number>
void store(std::span<std::byte> batch, std::size_t at, Number value) {
    CB_ASSERT(at + sizeof(Number) <= batch.size());
    const auto big = wire::big_endian(value);
    std::memcpy(batch.data() + at, &big, sizeof(Number));
}

std::uint32_t checksum(wire::bytes_view batch) { return wire::crc32c(batch.subspan(position::attributes)); }

void renew_checksum(std::span<std::byte> batch) { store(batch, position::crc, checksum(batch)); }

/// Writes varints and fields to memory that is large enough: the builder's hot path, without a writer's links.
struct pen {
    std::byte* at;

    void varlong(std::int64_t v) {
        auto raw = (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
        while (raw >= 0x80) {
            *at++ = static_cast<std::byte>(raw | 0x80);
            raw >>= 7;
        }
        *at++ = static_cast<std::byte>(raw);
    }
    void bytes(wire::bytes_view v) {
        if (!v.empty()) {
            std::memcpy(at, v.data(), v.size());
            at += v.size();
        }
    }
    void nullable(const std::optional<wire::bytes_view>& v) {
        varlong(v ? static_cast<std::int64_t>(v->size()) : -1);
        if (v) {
            bytes(*v);
        }
    }
};

std::size_t nullable_size(const std::optional<wire::bytes_view>& bytes) {
    return bytes ? wire::varint_size(static_cast<std::int64_t>(bytes->size())) + bytes->size() : 1;
}

std::size_t body_size(const record_view& record) {
    auto size = std::size_t{1} + wire::varint_size(record.timestamp_delta) + wire::varint_size(record.offset_delta) +
                nullable_size(record.key) + nullable_size(record.value) +
                wire::varint_size(static_cast<std::int64_t>(record.headers.size()));
    for (const auto& header : record.headers) {
        size += nullable_size(wire::as_bytes(header.key)) + nullable_size(header.value);
    }
    return size;
}

} // namespace

result<batch_header> parse_header(wire::bytes_view bytes) {
    if (bytes.size() <= position::magic) {
        return fail(errc::malformed, "record batch shorter than its header");
    }
    const auto magic = static_cast<std::int8_t>(bytes[position::magic]);
    if (magic == 0 || magic == 1) {
        return fail(errc::unsupported, "message format " + std::to_string(magic) + " (only format 2 is served)");
    }
    if (magic != 2) {
        return fail(errc::malformed, "record batch with unknown magic " + std::to_string(magic));
    }
    if (bytes.size() < batch_header_bytes) {
        return fail(errc::malformed, "record batch shorter than its header");
    }
    wire::reader in(bytes);
    batch_header header;
    header.base_offset = in.i64();
    header.batch_length = in.i32();
    header.partition_leader_epoch = in.i32();
    header.magic = in.i8();
    header.crc = in.u32();
    header.attributes = in.i16();
    header.last_offset_delta = in.i32();
    header.base_timestamp = in.i64();
    header.max_timestamp = in.i64();
    header.producer_id = in.i64();
    header.producer_epoch = in.i16();
    header.base_sequence = in.i32();
    header.record_count = in.i32();
    if (header.batch_length < static_cast<std::int32_t>(batch_header_bytes - batch_overhead_bytes)) {
        return fail(errc::malformed, "record batch with length " + std::to_string(header.batch_length));
    }
    if (header.record_count < 0 || header.last_offset_delta < 0) {
        return fail(errc::malformed, "record batch with a negative count or offset delta");
    }
    return header;
}

result<batch_header> validate(wire::bytes_view batch, bool checksum_known) {
    auto header = parse_header(batch);
    if (!header) {
        return header;
    }
    if (header->total_bytes() != batch.size()) {
        return fail(errc::malformed, "record batch of " + std::to_string(header->total_bytes()) + " bytes in " +
                                         std::to_string(batch.size()));
    }
    if (!checksum_known && checksum(batch) != header->crc) {
        return fail(errc::malformed, "record batch with a wrong checksum");
    }
    return header;
}

batch_options batch_options::like(const batch_header& header) {
    batch_options options;
    options.base_offset = header.base_offset;
    options.partition_leader_epoch = header.partition_leader_epoch;
    options.attributes = static_cast<std::int16_t>(header.attributes & ~attribute::codec_mask);
    options.codec = header.codec();
    options.base_timestamp = header.base_timestamp;
    options.producer_id = header.producer_id;
    options.producer_epoch = header.producer_epoch;
    options.base_sequence = header.base_sequence;
    return options;
}

void batch_builder::add(const record_view& record) {
    const auto size = body_size(record);
    const auto whole = wire::varint_size(static_cast<std::int64_t>(size)) + size;
    pen to{out_.grow(whole)};
    to.varlong(static_cast<std::int64_t>(size));
    *to.at++ = static_cast<std::byte>(record.attributes);
    to.varlong(record.timestamp_delta);
    to.varlong(record.offset_delta);
    to.nullable(record.key);
    to.nullable(record.value);
    to.varlong(static_cast<std::int64_t>(record.headers.size()));
    for (const auto& header : record.headers) {
        to.nullable(wire::as_bytes(header.key));
        to.nullable(header.value);
    }
    CB_ASSERT(to.at == out_.bytes().data() + out_.size());
    added(record.offset_delta, record.timestamp_delta);
}

void batch_builder::added(std::int32_t offset_delta, std::int64_t timestamp_delta) {
    max_timestamp_delta_ = count_ == 0 ? timestamp_delta : std::max(max_timestamp_delta_, timestamp_delta);
    last_delta_ = offset_delta;
    ++count_;
}

void batch_builder::add_renumbered(const packed_records& from, std::size_t first, std::size_t end) {
    while (first < end) {
        const auto same_width = [&](std::size_t i) {
            return wire::varint_size(static_cast<std::int64_t>(count_ + (i - first))) == from[i].offset_delta_bytes;
        };
        auto behind = first;
        while (behind < end && same_width(behind)) {
            ++behind;
        }
        if (behind > first) {
            copy_run(from, first, behind);
            first = behind;
            continue;
        }
        // Its number gets narrower or wider, and with it the record and perhaps its length field.
        auto record = from.read(first);
        record.offset_delta = static_cast<std::int32_t>(count_);
        add(record);
        ++first;
    }
}

/// Records that stay as they are but for their numbers, whose width stays: one copy, then the numbers.
void batch_builder::copy_run(const packed_records& from, std::size_t first, std::size_t end) {
    const auto begin = from[first].begin;
    auto* const copied = out_.grow(from[end - 1].end - begin);
    std::memcpy(copied, from.bytes().data() + begin, from[end - 1].end - begin);
    for (auto i = first; i < end; ++i) {
        const auto delta = static_cast<std::int32_t>(count_);
        if (from[i].offset_delta != delta) {
            pen{copied + (from[i].offset_delta_at - begin)}.varlong(delta);
        }
        added(delta, from[i].timestamp_delta);
    }
}

result<wire::slice> batch_builder::build() {
    if (options_.codec != wire::codec::none) {
        auto packed = wire::compress(options_.codec, out_.view().subspan(batch_header_bytes));
        if (!packed) {
            return tl::unexpected(packed.error());
        }
        out_.shrink(batch_header_bytes);
        out_.append(*packed);
    }
    const auto batch = out_.bytes();
    store(batch, position::base_offset, options_.base_offset);
    store(batch, position::batch_length, static_cast<std::int32_t>(batch.size() - batch_overhead_bytes));
    store(batch, position::partition_leader_epoch, options_.partition_leader_epoch);
    store(batch, position::magic, std::int8_t{2});
    const auto flags = static_cast<std::int16_t>(options_.attributes | static_cast<std::int16_t>(options_.codec));
    store(batch, position::attributes, flags);
    store(batch, position::last_offset_delta, options_.last_offset_delta.value_or(std::max(last_delta_, 0)));
    store(batch, position::base_timestamp, options_.base_timestamp);
    store(batch, position::max_timestamp,
          options_.max_timestamp.value_or(options_.base_timestamp + max_timestamp_delta_));
    store(batch, position::producer_id, options_.producer_id);
    store(batch, position::producer_epoch, options_.producer_epoch);
    store(batch, position::base_sequence, options_.base_sequence);
    store(batch, position::record_count, static_cast<std::int32_t>(count_));
    renew_checksum(batch);
    return out_.take();
}

void set_base_offset(std::span<std::byte> batch, std::int64_t offset) { store(batch, position::base_offset, offset); }

void set_partition_leader_epoch(std::span<std::byte> batch, std::int32_t epoch) {
    store(batch, position::partition_leader_epoch, epoch);
}

void set_log_append_time(std::span<std::byte> batch, std::int64_t timestamp_ms) {
    wire::reader in(wire::bytes_view(batch).subspan(position::attributes));
    store(batch, position::attributes, static_cast<std::int16_t>(in.i16() | attribute::log_append_time));
    store(batch, position::max_timestamp, timestamp_ms);
    renew_checksum(batch);
}

void set_producer(std::span<std::byte> batch, std::int64_t producer_id, std::int16_t epoch,
                  std::int32_t base_sequence) {
    store(batch, position::producer_id, producer_id);
    store(batch, position::producer_epoch, epoch);
    store(batch, position::base_sequence, base_sequence);
    renew_checksum(batch);
}

wire::slice control_batch(std::int64_t base_offset, std::int64_t producer_id, std::int16_t producer_epoch, bool commit,
                          std::int32_t coordinator_epoch, std::int64_t timestamp_ms) {
    wire::writer key;
    key.i16(0); // version of the marker's key
    key.i16(commit ? 1 : 0);
    wire::writer value;
    value.i16(0); // version of the marker
    value.i32(coordinator_epoch);
    const auto key_bytes = key.take().flatten();
    const auto value_bytes = value.take().flatten();

    batch_options options;
    options.base_offset = base_offset;
    options.partition_leader_epoch = 0;
    options.attributes = attribute::transactional | attribute::control;
    options.base_timestamp = timestamp_ms;
    options.producer_id = producer_id;
    options.producer_epoch = producer_epoch;
    record_view marker;
    marker.key = key_bytes.view();
    marker.value = value_bytes.view();
    batch_builder builder(options);
    builder.add(marker);
    auto batch = builder.build();
    CB_ASSERT(batch.has_value());
    return *batch;
}

std::int64_t offset_behind(wire::bytes_view batches, std::int64_t otherwise) {
    while (!batches.empty()) {
        const auto header = parse_header(batches);
        CB_ASSERT(header.has_value() && header->total_bytes() <= batches.size());
        otherwise = header->last_offset() + 1;
        batches = batches.subspan(header->total_bytes());
    }
    return otherwise;
}

std::optional<bool> marker_commits(const batch_header& header, wire::bytes_view batch) {
    if (!header.control() || header.codec() != wire::codec::none || batch.size() < batch_header_bytes) {
        return std::nullopt;
    }
    wire::reader in(batch.subspan(batch_header_bytes));
    in.varint();  // length
    in.i8();      // attributes
    in.varlong(); // timestamp
    in.varint();  // offset
    in.varint();  // length of the key
    const auto version = in.i16();
    const auto type = in.i16();
    const bool known = in.ok() && version >= 0 && (type == 0 || type == 1);
    return known ? std::optional(type == 1) : std::nullopt;
}

wire::slice skip_batch(std::int64_t base_offset, std::int64_t last_offset, std::int32_t partition_leader_epoch,
                       std::int64_t timestamp_ms) {
    CB_ASSERT(base_offset <= last_offset);
    // A commit marker of nobody: producer id -1 ends no transaction, and every client steps over control batches.
    const auto marker = control_batch(base_offset, -1, -1, true, 0, timestamp_ms);
    std::vector<std::byte> out(marker.view().begin(), marker.view().end());
    const std::span<std::byte> batch(out);
    store(batch, position::last_offset_delta, static_cast<std::int32_t>(last_offset - base_offset));
    store(batch, position::partition_leader_epoch, partition_leader_epoch);
    renew_checksum(batch);
    return wire::slice::from(std::move(out));
}

} // namespace cb::record
