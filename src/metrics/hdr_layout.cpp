// SPDX-License-Identifier: Apache-2.0
#include "metrics/hdr_layout.hpp"

#include <limits>

#include "base/assert.hpp"

namespace cb::metrics {
namespace {

constexpr auto largest_int64 = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

int floor_log2(std::uint64_t value) { return 63 - std::countl_zero(value); }

int unit_magnitude_of(const hdr_shape& shape) { return floor_log2(static_cast<std::uint64_t>(shape.lowest)); }

/// The power of two of half a bucket's slots: as many slots as tell 2 * 10^digits values apart.
int half_magnitude_of(int digits) {
    std::uint64_t told_apart = 2;
    for (int i = 0; i < digits; ++i) {
        told_apart *= 10;
    }
    return floor_log2(std::bit_ceil(told_apart)) - 1;
}

int buckets_for(std::uint64_t highest, int first_bucket_bits) {
    auto first_without_place = std::uint64_t{1} << first_bucket_bits;
    int buckets = 1;
    while (first_without_place <= highest) {
        if (first_without_place > largest_int64 / 2) {
            return buckets + 1;
        }
        first_without_place <<= 1;
        ++buckets;
    }
    return buckets;
}

} // namespace

bool hdr_shape::valid() const {
    return digits >= 1 && digits <= 5 && lowest >= 1 && highest / 2 >= lowest &&
           unit_magnitude_of(*this) + half_magnitude_of(digits) <= 61;
}

hdr_layout::hdr_layout(const hdr_shape& shape) {
    CB_ASSERT(shape.valid());
    unit_magnitude_ = unit_magnitude_of(shape);
    half_magnitude_ = half_magnitude_of(shape.digits);
    leading_zeros_of_first_ = 63 - unit_magnitude_ - half_magnitude_;
    const auto slots = std::uint64_t{2} << half_magnitude_;
    first_bucket_mask_ = (slots - 1) << unit_magnitude_;
    const auto first_bucket_bits = half_magnitude_ + 1 + unit_magnitude_;
    const auto buckets = buckets_for(static_cast<std::uint64_t>(shape.highest), first_bucket_bits);
    counts_length_ = static_cast<std::size_t>(buckets + 1) * (slots / 2);
    const auto bits = first_bucket_bits + buckets - 1;
    largest_value_ = bits >= 63 ? largest_int64 : (std::uint64_t{1} << bits) - 1;
}

std::int64_t hdr_layout::lowest_at(std::size_t index) const {
    const auto half = std::size_t{1} << half_magnitude_;
    if (index < half) {
        return static_cast<std::int64_t>(index << unit_magnitude_);
    }
    const auto bucket = static_cast<int>(index >> half_magnitude_) - 1;
    return static_cast<std::int64_t>(((index & (half - 1)) + half) << (bucket + unit_magnitude_));
}

std::int64_t hdr_layout::width_at(std::size_t index) const {
    const auto above_first = static_cast<int>(index >> half_magnitude_) - 1;
    return std::int64_t{1} << (unit_magnitude_ + (above_first > 0 ? above_first : 0));
}

} // namespace cb::metrics
