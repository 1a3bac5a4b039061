// SPDX-License-Identifier: Apache-2.0
#include "record/packed_records.hpp"

#include <limits>

#include "base/limits.hpp"
#include "wire/cursor.hpp"

namespace cb::record {
namespace {

enum class headers : std::uint8_t { kept, checked_only };

/// A length-prefixed field of a record; -1 is null.
std::optional<wire::bytes_view> nullable_bytes(wire::reader& in) {
    const auto size = in.varint();
    if (size < 0) {
        return std::nullopt;
    }
    return in.bytes(static_cast<std::size_t>(size));
}

void read_headers(wire::reader& in, record_view& record, headers wanted) {
    const auto count = in.varint();
    // A header takes two bytes at least, so a larger count is a lie: no memory is taken for it.
    if (count < 0 || static_cast<std::size_t>(count) > in.remaining() / 2) {
        in.fail("record with an impossible count of headers");
        return;
    }
    if (wanted == headers::kept) {
        record.headers.reserve(static_cast<std::size_t>(count));
    }
    for (std::int32_t i = 0; i < count && in.ok(); ++i) {
        const auto key = nullable_bytes(in);
        if (!key) {
            in.fail("record header without a key");
            return;
        }
        const auto value = nullable_bytes(in);
        if (wanted == headers::kept) {
            record.headers.push_back(header_view{wire::as_text(*key), value});
        }
    }
}

record_place read_record(wire::reader& in, record_view& record, headers wanted) {
    record_place place;
    place.begin = static_cast<std::uint32_t>(in.position());
    const auto length = in.varint();
    if (length < 0 || static_cast<std::size_t>(length) > in.remaining()) {
        in.fail("record longer than its batch");
        return place;
    }
    const auto end = in.position() + static_cast<std::size_t>(length);
    record.attributes = in.i8();
    record.timestamp_delta = in.varlong();
    place.offset_delta_at = static_cast<std::uint32_t>(in.position());
    record.offset_delta = in.varint();
    place.offset_delta_bytes = static_cast<std::uint32_t>(in.position()) - place.offset_delta_at;
    record.key = nullable_bytes(in);
    record.value = nullable_bytes(in);
    record.headers.clear();
    read_headers(in, record, wanted);
    if (in.ok() && in.position() != end) {
        in.fail("record with another length than it states");
    }
    place.end = static_cast<std::uint32_t>(end);
    place.offset_delta = record.offset_delta;
    place.timestamp_delta = record.timestamp_delta;
    return place;
}

/// The records' bytes, decompressed, when as many as stated can be in them.
result<wire::slice> plain_records(const batch_header& header, const wire::slice& batch) {
    static_assert(limits::decompressed_batch_bytes <= std::numeric_limits<std::uint32_t>::max());
    if (batch.size() != header.total_bytes()) {
        return fail(errc::malformed, "record batch is cut");
    }
    auto storage = batch.subslice(batch_header_bytes);
    if (header.codec() != wire::codec::none) {
        auto plain = wire::decompress(header.codec(), storage.view(), limits::decompressed_batch_bytes);
        if (!plain) {
            return tl::unexpected(plain.error());
        }
        storage = wire::slice::from(std::move(*plain));
    }
    // A record takes seven bytes at least.
    if (static_cast<std::size_t>(header.record_count) > storage.size() / 7 + 1) {
        return fail(errc::malformed, "record batch with an impossible count of records");
    }
    return storage;
}

/// Calls `each(reader)` for every record, and checks that they fill the bytes exactly.
template <class Each>
result<void> for_every_record(const batch_header& header, const wire::slice& storage, const Each& each) {
    wire::reader in(storage.view());
    for (std::int32_t i = 0; i < header.record_count; ++i) {
        each(in);
        if (!in.ok()) {
            return tl::unexpected(in.error());
        }
    }
    if (in.remaining() != 0) {
        return fail(errc::malformed, "record batch with bytes behind its last record");
    }
    return {};
}

} // namespace

result<packed_records> packed_records::read(const batch_header& header, const wire::slice& batch) {
    packed_records out;
    if (auto done = out.assign(header, batch); !done) {
        return tl::unexpected(done.error());
    }
    return out;
}

result<void> packed_records::assign(const batch_header& header, const wire::slice& batch) {
    clear();
    auto storage = plain_records(header, batch);
    if (!storage) {
        return tl::unexpected(storage.error());
    }
    storage_ = std::move(*storage);
    places_.reserve(static_cast<std::size_t>(header.record_count));
    record_view scratch;
    const auto note = [&](wire::reader& in) { places_.push_back(read_record(in, scratch, headers::checked_only)); };
    return for_every_record(header, storage_, note);
}

record_view packed_records::read(std::size_t i) const {
    record_view out;
    read(i, out);
    return out;
}

void packed_records::read(std::size_t i, record_view& into) const {
    const auto& at = places_[i];
    wire::reader in(bytes().subspan(at.begin, at.end - at.begin));
    read_record(in, into, headers::kept);
    CB_ASSERT(in.ok()); // it was read before
}

result<record_set> read_records(const batch_header& header, const wire::slice& batch) {
    auto storage = plain_records(header, batch);
    if (!storage) {
        return tl::unexpected(storage.error());
    }
    record_set set;
    set.storage = std::move(*storage);
    set.records.reserve(static_cast<std::size_t>(header.record_count));
    const auto keep = [&](wire::reader& in) { read_record(in, set.records.emplace_back(), headers::kept); };
    if (auto done = for_every_record(header, set.storage, keep); !done) {
        return tl::unexpected(done.error());
    }
    return set;
}

} // namespace cb::record
