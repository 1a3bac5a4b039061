// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "wire/slice.hpp"

namespace cb::wire {

template <class Number>
constexpr Number big_endian(Number value) {
    static_assert(std::endian::native == std::endian::little, "written for little-endian machines");
    if constexpr (sizeof(Number) == 1) {
        return value;
    } else if constexpr (sizeof(Number) == 2) {
        return static_cast<Number>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
    } else if constexpr (sizeof(Number) == 4) {
        return static_cast<Number>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
    } else {
        return static_cast<Number>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
    }
}

/// Reads Kafka's primitive types in order. The first failure is latched: later reads return zeros and `ok()` stays
/// false, so a decoder checks once at its end. Never reads outside its bytes. Value type; the bytes must outlive it
/// unless it was made from a slice.
class reader {
public:
    explicit reader(bytes_view bytes) : bytes_(bytes) {}
    explicit reader(slice source) : source_(std::move(source)), bytes_(source_.view()) {}

    [[nodiscard]] bool ok() const { return problem_ == nullptr; }
    [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }
    [[nodiscard]] std::size_t position() const { return position_; }
    /// Latches a failure found by the caller; `problem` must be a literal.
    void fail(const char* problem) {
        if (problem_ == nullptr) {
            problem_ = problem;
            failed_at_ = position_;
            position_ = bytes_.size();
        }
    }
    /// Counts what a decoder makes out of these bytes, and fails beyond `most`: a few bytes can claim much memory.
    void count_elements(std::size_t count, std::size_t most) {
        elements_ += count;
        if (elements_ > most) {
            fail("more array elements than one message may have");
        }
    }
    /// What went wrong and at which byte; call only when not ok().
    [[nodiscard]] cb::error error() const;

    std::int8_t i8() { return number<std::int8_t>(); }
    std::int16_t i16() { return number<std::int16_t>(); }
    std::int32_t i32() { return number<std::int32_t>(); }
    std::int64_t i64() { return number<std::int64_t>(); }
    std::uint8_t u8() { return number<std::uint8_t>(); }
    std::uint16_t u16() { return number<std::uint16_t>(); }
    std::uint32_t u32() { return number<std::uint32_t>(); }
    std::uint64_t u64() { return number<std::uint64_t>(); }
    double f64() { return std::bit_cast<double>(number<std::uint64_t>()); }
    bool boolean() { return number<std::int8_t>() != 0; }

    /// Unsigned LEB128, at most 5 bytes.
    std::uint32_t uvarint() { return static_cast<std::uint32_t>(leb128(5)); }
    /// Zigzag, at most 5 bytes.
    std::int32_t varint() {
        const auto raw = static_cast<std::uint32_t>(leb128(5));
        return static_cast<std::int32_t>((raw >> 1) ^ (~(raw & 1) + 1));
    }
    /// Zigzag, at most 10 bytes.
    std::int64_t varlong() {
        const auto raw = leb128(10);
        return static_cast<std::int64_t>((raw >> 1) ^ (~(raw & 1) + 1));
    }

    bytes_view bytes(std::size_t count) {
        if (count > remaining()) {
            fail("ends before its stated length");
            return {};
        }
        const auto view = bytes_.subspan(position_, count);
        position_ += count;
        return view;
    }
    /// Shares the source's ownership when made from a slice; copies otherwise.
    slice take_slice(std::size_t count);
    void skip(std::size_t count) { bytes(count); }

private:
    template <class Number>
    Number number() {
        if (remaining() < sizeof(Number)) {
            fail("ends in the middle of a number");
            return 0;
        }
        Number value;
        std::memcpy(&value, bytes_.data() + position_, sizeof(Number));
        position_ += sizeof(Number);
        return big_endian(value);
    }
    std::uint64_t leb128(int bytes_max) {
        // Nearly all of them take one byte or two.
        if (remaining() >= 2) {
            const auto first = static_cast<std::uint64_t>(bytes_[position_]);
            const auto second = static_cast<std::uint64_t>(bytes_[position_ + 1]);
            if (first < 0x80) {
                ++position_;
                return first;
            }
            if (second < 0x80) {
                position_ += 2;
                return (first & 0x7f) | (second << 7);
            }
        }
        return long_leb128(bytes_max);
    }
    std::uint64_t long_leb128(int bytes_max);

    slice source_;
    bytes_view bytes_;
    std::size_t position_ = 0;
    std::size_t elements_ = 0;
    std::size_t failed_at_ = 0;
    const char* problem_ = nullptr;
};

/// Writes Kafka's primitive types into a buffer; large slices are linked, not copied, so a fetch answer is sent from
/// the log's own memory. Value type.
class writer {
public:
    /// A slice below this is cheaper to copy than to send as a piece of its own.
    static constexpr std::size_t link_from_bytes = 4096;

    void i8(std::int8_t v) { number(v); }
    void i16(std::int16_t v) { number(v); }
    void i32(std::int32_t v) { number(v); }
    void i64(std::int64_t v) { number(v); }
    void u8(std::uint8_t v) { number(v); }
    void u16(std::uint16_t v) { number(v); }
    void u32(std::uint32_t v) { number(v); }
    void u64(std::uint64_t v) { number(v); }
    void f64(double v) { number(std::bit_cast<std::uint64_t>(v)); }
    void boolean(bool v) { number(static_cast<std::int8_t>(v ? 1 : 0)); }
    void uvarint(std::uint32_t v) { leb128(v); }
    void varint(std::int32_t v) { leb128((static_cast<std::uint32_t>(v) << 1) ^ static_cast<std::uint32_t>(v >> 31)); }
    void varlong(std::int64_t v) { leb128((static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63)); }
    void bytes(bytes_view v) { own_.insert(own_.end(), v.begin(), v.end()); }
    void string_bytes(std::string_view v) { bytes(as_bytes(v)); }
    void append_slice(const slice& v);

    /// Bytes written so far, linked ones included.
    [[nodiscard]] std::size_t size() const { return own_.size() + linked_bytes_; }
    /// Overwrites four bytes written before any slice was linked in front of them.
    void patch_i32(std::size_t position, std::int32_t v);
    void reserve(std::size_t count) { own_.reserve(count); }
    /// The result; the writer is empty afterwards.
    chain take();

private:
    struct link {
        std::size_t own_position;
        slice piece;
    };
    template <class Number>
    void number(Number v) {
        const auto big = big_endian(v);
        const auto at = own_.size();
        own_.resize(at + sizeof(Number));
        std::memcpy(own_.data() + at, &big, sizeof(Number));
    }
    void leb128(std::uint64_t v) {
        while (v >= 0x80) {
            own_.push_back(static_cast<std::byte>(v | 0x80));
            v >>= 7;
        }
        own_.push_back(static_cast<std::byte>(v));
    }

    std::vector<std::byte> own_;
    std::vector<link> links_;
    std::size_t linked_bytes_ = 0;
};

/// Bytes that varint/varlong take for `v`.
std::size_t varint_size(std::int64_t v) noexcept;

} // namespace cb::wire
