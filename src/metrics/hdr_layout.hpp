// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace cb::metrics {

/// What a histogram can hold, in HdrHistogram's words: values from `lowest` (told apart from 0) to at least `highest`,
/// each kept to `digits` significant decimal digits.
struct hdr_shape {
    std::int64_t lowest = 1;
    std::int64_t highest = 3'600'000'000'000;
    int digits = 3;

    bool operator==(const hdr_shape&) const = default;
    /// lowest >= 1, highest >= 2 * lowest, digits 1 to 5, and all of it within 63 bits.
    [[nodiscard]] bool valid() const;
};

/// Latencies in nanoseconds, told apart from a microsecond on, up to an hour. Three digits (192 KiB) for totals, two
/// (27 KiB) for what is kept a second.
constexpr hdr_shape latency_shape_ns(int digits) { return {1'000, 3'600'000'000'000, digits}; }

/// Where a value is counted: HdrHistogram's public layout, so that counts are exchanged by index with every other
/// implementation. Buckets double; each is cut into `sub_bucket_count` slots, of which the lower half is the bucket
/// before.
class hdr_layout {
public:
    /// The shape is valid.
    explicit hdr_layout(const hdr_shape& shape);

    [[nodiscard]] std::size_t counts_length() const { return counts_length_; }
    /// The largest value that has a place; at least the shape's `highest`.
    [[nodiscard]] std::uint64_t largest_value() const { return largest_value_; }

    [[nodiscard]] std::size_t index_of(std::uint64_t value) const {
        const auto bucket = leading_zeros_of_first_ - std::countl_zero(value | first_bucket_mask_);
        return (static_cast<std::size_t>(bucket) << half_magnitude_) + (value >> (bucket + unit_magnitude_));
    }
    /// The values that are counted at an index: from `lowest_at`, `width_at` of them.
    [[nodiscard]] std::int64_t lowest_at(std::size_t index) const;
    [[nodiscard]] std::int64_t width_at(std::size_t index) const;
    [[nodiscard]] std::int64_t highest_at(std::size_t index) const { return lowest_at(index) + (width_at(index) - 1); }
    [[nodiscard]] std::int64_t middle_at(std::size_t index) const { return lowest_at(index) + width_at(index) / 2; }

    /// The same value has the same index, as far as both reach.
    [[nodiscard]] bool same_places(const hdr_layout& other) const {
        return unit_magnitude_ == other.unit_magnitude_ && half_magnitude_ == other.half_magnitude_;
    }

private:
    int unit_magnitude_;
    int half_magnitude_;
    int leading_zeros_of_first_;
    std::uint64_t first_bucket_mask_;
    std::size_t counts_length_;
    std::uint64_t largest_value_;
};

} // namespace cb::metrics
