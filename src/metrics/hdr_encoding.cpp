// SPDX-License-Identifier: Apache-2.0
// HdrHistogram's V2 encoding, as the Java implementation defines it: big-endian header, then each count as a ZigZag
// LEB128 number, with a run of n > 1 zero counts as the number -n. The deflated form wraps that in zlib with a header
// of its own.
#include <bit>
#include <limits>
#include <utility>

#include <zlib.h>

#include "metrics/hdr_histogram.hpp"

namespace cb::metrics {
namespace {

constexpr std::uint32_t plain_cookie = 0x1c849313;
constexpr std::uint32_t deflated_cookie = 0x1c849314;
constexpr std::size_t plain_header_bytes = 40;
constexpr std::size_t deflated_header_bytes = 8;
/// The longest number: eight times seven bits and one whole byte.
constexpr std::size_t number_bytes_max = 9;

template <class Number>
void put(std::string& out, Number value) {
    for (auto shift = static_cast<int>(sizeof(Number)) * 8 - 8; shift >= 0; shift -= 8) {
        out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift));
    }
}

/// The caller has looked whether there are enough bytes.
template <class Number>
Number take(std::string_view& bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
        value = value << 8 | static_cast<unsigned char>(bytes[i]);
    }
    bytes.remove_prefix(sizeof(Number));
    return static_cast<Number>(value);
}

void put_number(std::string& out, std::int64_t number) {
    auto rest = static_cast<std::uint64_t>(number) << 1 ^ static_cast<std::uint64_t>(number >> 63);
    for (std::size_t i = 1; i < number_bytes_max && rest > 0x7f; ++i) {
        out.push_back(static_cast<char>(rest | 0x80));
        rest >>= 7;
    }
    out.push_back(static_cast<char>(rest));
}

/// False when the bytes end inside the number.
bool take_number(std::string_view& bytes, std::int64_t& number) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size() && i < number_bytes_max; ++i) {
        const auto byte = static_cast<unsigned char>(bytes[i]);
        const bool last = i + 1 == number_bytes_max;
        value |= static_cast<std::uint64_t>(last ? byte : byte & 0x7f) << (7 * i);
        if (last || byte < 0x80) {
            bytes.remove_prefix(i + 1);
            number = static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
            return true;
        }
    }
    return false;
}

/// zlib's window for so much input: a small one makes small histograms several times cheaper, and any reader takes it.
int window_bits(std::size_t bytes) { return std::clamp(static_cast<int>(std::bit_width(bytes)), 9, MAX_WBITS); }

std::string deflated(const std::string& plain) {
    z_stream stream{};
    const auto bits = window_bits(plain.size());
    // Cannot fail but for want of memory.
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits, std::clamp(bits - 7, 1, 8),
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::bad_alloc();
    }
    std::string out;
    put(out, deflated_cookie);
    put(out, std::uint32_t{0});
    const auto room = deflateBound(&stream, plain.size());
    out.resize(deflated_header_bytes + room);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + deflated_header_bytes);
    stream.avail_out = static_cast<uInt>(room);
    deflate(&stream, Z_FINISH);
    const auto written = stream.total_out;
    deflateEnd(&stream);
    out.resize(deflated_header_bytes + written);
    std::string length;
    put(length, static_cast<std::uint32_t>(written));
    out.replace(4, 4, length);
    return out;
}

/// What zlib makes of `bytes`, up to `bytes_max`. Ends at the stream's end, at damage, or when there is no more room.
struct inflated {
    std::string bytes;
    bool complete;
};

inflated inflate_up_to(std::string_view bytes, std::size_t bytes_max) {
    z_stream stream{};
    if (inflateInit(&stream) != Z_OK) {
        throw std::bad_alloc();
    }
    inflated out{std::string(bytes_max, '\0'), false};
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.bytes.data());
    stream.avail_out = static_cast<uInt>(bytes_max);
    out.complete = inflate(&stream, Z_FINISH) == Z_STREAM_END;
    out.bytes.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

struct plain_header {
    hdr_shape shape;
    std::uint32_t counts_bytes;
};

result<plain_header> read_plain_header(std::string_view bytes) {
    if (bytes.size() < plain_header_bytes) {
        return fail(errc::malformed, "a histogram ends inside its header");
    }
    if (take<std::uint32_t>(bytes) != plain_cookie) {
        return fail(errc::unsupported, "not a histogram of HdrHistogram's V2 encoding");
    }
    plain_header out{};
    out.counts_bytes = take<std::uint32_t>(bytes);
    // 1 is what hdr-histogram-js leaves here; a real shift is by whole buckets, at least 16.
    if (take<std::uint32_t>(bytes) > 1) {
        return fail(errc::unsupported, "a histogram whose values were shifted");
    }
    const auto digits = take<std::uint32_t>(bytes);
    out.shape.lowest = take<std::int64_t>(bytes);
    out.shape.highest = take<std::int64_t>(bytes);
    // A ratio follows that only histograms of floating point numbers use; some writers leave another number there.
    out.shape.digits = digits <= 5 ? static_cast<int>(digits) : 0;
    if (!out.shape.valid()) {
        return fail(errc::malformed, "a histogram claims an impossible shape");
    }
    if (out.counts_bytes > hdr_layout(out.shape).counts_length() * number_bytes_max) {
        return fail(errc::malformed, "a histogram claims more counts than its shape has");
    }
    return out;
}

/// The header is read before the rest is given room, so that a few bytes cannot ask for gigabytes.
result<std::string> inflate_histogram(std::string_view bytes) {
    if (bytes.size() < deflated_header_bytes) {
        return fail(errc::malformed, "a histogram ends inside its header");
    }
    bytes.remove_prefix(4);
    const auto length = take<std::uint32_t>(bytes);
    if (length > bytes.size()) {
        return fail(errc::malformed, "a compressed histogram is cut off");
    }
    bytes = bytes.substr(0, length);
    const auto head = inflate_up_to(bytes, plain_header_bytes);
    if (!head.complete && head.bytes.size() < plain_header_bytes) {
        return fail(errc::malformed, "a compressed histogram is damaged");
    }
    const auto header = read_plain_header(head.bytes);
    if (!header) {
        return tl::unexpected(header.error());
    }
    auto whole = inflate_up_to(bytes, plain_header_bytes + header->counts_bytes + 1);
    if (!whole.complete) {
        return fail(errc::malformed, "a compressed histogram is damaged");
    }
    return std::move(whole.bytes);
}

} // namespace

std::string hdr_histogram::packed_counts() const {
    std::string out;
    if (empty()) {
        return out;
    }
    const auto first = first_used();
    const auto end = last_used() + 1;
    if (first > 0) {
        put_number(out, first == 1 ? 0 : -static_cast<std::int64_t>(first));
    }
    for (auto i = first; i < end;) {
        if (counts_[i] != 0) {
            put_number(out, static_cast<std::int64_t>(counts_[i++]));
            continue;
        }
        const auto start = i;
        while (counts_[i] == 0) {
            ++i;
        }
        put_number(out, i - start == 1 ? 0 : -static_cast<std::int64_t>(i - start));
    }
    return out;
}

std::string hdr_histogram::encode_v2(hdr_packing packing) const {
    const auto counts = packed_counts();
    std::string out;
    out.reserve(plain_header_bytes + counts.size());
    put(out, plain_cookie);
    put(out, static_cast<std::uint32_t>(counts.size()));
    put(out, std::uint32_t{0});
    put(out, static_cast<std::uint32_t>(shape_.digits));
    put(out, shape_.lowest);
    put(out, shape_.highest);
    put(out, std::bit_cast<std::uint64_t>(1.0));
    out += counts;
    return packing == hdr_packing::plain ? out : deflated(out);
}

result<void> hdr_histogram::unpack_counts(std::string_view bytes) {
    std::size_t index = 0;
    while (!bytes.empty()) {
        std::int64_t number = 0;
        if (!take_number(bytes, number)) {
            return fail(errc::malformed, "a histogram ends inside a count");
        }
        const auto places = number < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(number) : 1;
        if (places > layout_.counts_length() - index) {
            return fail(errc::malformed, "a histogram has more counts than its shape has");
        }
        if (number > 0) {
            if (static_cast<std::uint64_t>(number) >
                static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) - total_) {
                return fail(errc::malformed, "a histogram counts more than 2^63 values");
            }
            add_at(index, static_cast<std::uint64_t>(number));
        }
        index += places;
    }
    return {};
}

result<hdr_histogram> hdr_histogram::decode_v2(std::string_view bytes) {
    std::string opened;
    auto cookie_bytes = bytes;
    if (bytes.size() >= 4 && take<std::uint32_t>(cookie_bytes) == deflated_cookie) {
        auto whole = inflate_histogram(bytes);
        if (!whole) {
            return tl::unexpected(whole.error());
        }
        opened = std::move(*whole);
        bytes = opened;
    }
    const auto header = read_plain_header(bytes);
    if (!header) {
        return tl::unexpected(header.error());
    }
    bytes.remove_prefix(plain_header_bytes);
    if (bytes.size() != header->counts_bytes) {
        return fail(errc::malformed, "a histogram's length is not what its header says");
    }
    hdr_histogram out(header->shape);
    if (auto filled = out.unpack_counts(bytes); !filled) {
        return tl::unexpected(filled.error());
    }
    return out;
}

} // namespace cb::metrics
