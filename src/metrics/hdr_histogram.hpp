// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "metrics/hdr_layout.hpp"

namespace cb::metrics {

/// Values that one place of a histogram does not tell apart, and how often they came.
struct hdr_bucket {
    std::int64_t lowest;
    std::int64_t highest;
    std::uint64_t count;
};

enum class hdr_packing : std::uint8_t {
    deflated, ///< the compressed form, as interval logs hold it
    plain,    ///< the same without zlib: several times cheaper to make, for a sender and a receiver on one machine
};

/// HdrHistogram: counts of values at a fixed relative precision, in the public layout and the public V2 encoding.
/// What does not fit is never clamped: it is counted in `out_of_range` and nowhere else.
/// Memory is taken as pages from the system and only those that values fall into are ever touched.
/// Owner: whoever records. Thread: one at a time. `record` takes nothing from the heap and never fails otherwise.
class hdr_histogram {
public:
    explicit hdr_histogram(const hdr_shape& shape);
    hdr_histogram(const hdr_histogram& other);
    hdr_histogram& operator=(const hdr_histogram& other);
    hdr_histogram(hdr_histogram&& other) noexcept = default;
    hdr_histogram& operator=(hdr_histogram&& other) noexcept = default;
    ~hdr_histogram() = default;

    [[nodiscard]] const hdr_shape& shape() const { return shape_; }

    /// False, and counted as out of range, when the value is negative or above what the layout reaches.
    bool record(std::int64_t value, std::uint64_t count = 1) noexcept {
        if (static_cast<std::uint64_t>(value) > layout_.largest_value()) [[unlikely]] {
            out_of_range_ += count;
            return false;
        }
        add_at(layout_.index_of(static_cast<std::uint64_t>(value)), count);
        return true;
    }

    /// Adds the other's counts, of any shape. Equal layouts lose nothing; otherwise each value counts as the middle of
    /// those that the other does not tell from it, so that nothing drifts.
    void merge(const hdr_histogram& other) noexcept;
    /// Empty again. Costs as much as the range of values that was touched.
    void reset() noexcept;

    [[nodiscard]] bool empty() const { return total_ == 0; }
    /// Values recorded, without those out of range.
    [[nodiscard]] std::uint64_t count() const { return total_; }
    [[nodiscard]] std::uint64_t out_of_range() const { return out_of_range_; }

    /// To the histogram's precision, as in every other implementation: the least that the smallest value may have been
    /// and the most that the largest may have been. 0 when empty.
    [[nodiscard]] std::int64_t min() const;
    [[nodiscard]] std::int64_t max() const;
    [[nodiscard]] double mean() const;
    [[nodiscard]] double standard_deviation() const;
    /// The value that so many percent of all are at or below, from 0 to 100. 0 when empty.
    [[nodiscard]] std::int64_t value_at_percentile(double percentile) const;
    /// How many were recorded at or below a value, those that are not told from it included.
    [[nodiscard]] std::uint64_t count_at_or_below(std::int64_t value) const;

    /// Every bucket that holds something, from low to high.
    template <class Visit>
    void for_each_bucket(Visit&& visit) const {
        for (auto i = lowest_index_; i <= highest_index_; ++i) {
            if (counts_[i] != 0) {
                visit(hdr_bucket{layout_.lowest_at(i), layout_.highest_at(i), counts_[i]});
            }
        }
    }

    /// HdrHistogram's V2 encoding. What was out of range is not in it: the format has no place for that.
    [[nodiscard]] std::string encode_v2(hdr_packing packing = hdr_packing::deflated) const;
    /// Both packings. Error: malformed, unsupported.
    static result<hdr_histogram> decode_v2(std::string_view bytes);

    /// Equal shapes and counts.
    bool operator==(const hdr_histogram& other) const;

private:
    struct pages_deleter {
        std::size_t bytes = 0;
        void operator()(std::uint64_t* pages) const noexcept;
    };
    using pages = std::unique_ptr<std::uint64_t[], pages_deleter>;
    static pages take_pages(std::size_t counts);

    void add_at(std::size_t index, std::uint64_t count) noexcept {
        counts_[index] += count;
        total_ += count;
        lowest_index_ = std::min(lowest_index_, index);
        highest_index_ = std::max(highest_index_, index);
    }
    [[nodiscard]] std::size_t first_used() const;
    [[nodiscard]] std::size_t last_used() const;
    [[nodiscard]] std::string packed_counts() const;
    result<void> unpack_counts(std::string_view bytes);

    static constexpr std::size_t nothing_touched = ~std::size_t{0};

    hdr_shape shape_;
    hdr_layout layout_;
    pages counts_;
    std::uint64_t total_ = 0;
    std::uint64_t out_of_range_ = 0;
    std::size_t lowest_index_ = nothing_touched; ///< above `highest_index_` while nothing is touched
    std::size_t highest_index_ = 0;
};

} // namespace cb::metrics
