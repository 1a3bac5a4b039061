// SPDX-License-Identifier: Apache-2.0
#include "metrics/hdr_histogram.hpp"

#include <cmath>
#include <cstring>
#include <new>

#include <sys/mman.h>

namespace cb::metrics {

void hdr_histogram::pages_deleter::operator()(std::uint64_t* pages) const noexcept { ::munmap(pages, bytes); }

/// Straight from the system: the heap would hand out pages that were used before, and would have to clear them.
hdr_histogram::pages hdr_histogram::take_pages(std::size_t counts) {
    const auto bytes = counts * sizeof(std::uint64_t);
    void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) {
        throw std::bad_alloc();
    }
    return {static_cast<std::uint64_t*>(mapped), pages_deleter{bytes}};
}

hdr_histogram::hdr_histogram(const hdr_shape& shape)
    : shape_(shape), layout_(shape), counts_(take_pages(layout_.counts_length())) {}

hdr_histogram::hdr_histogram(const hdr_histogram& other) : hdr_histogram(other.shape_) { merge(other); }

hdr_histogram& hdr_histogram::operator=(const hdr_histogram& other) {
    if (this != &other) {
        *this = hdr_histogram(other);
    }
    return *this;
}

void hdr_histogram::merge(const hdr_histogram& other) noexcept {
    out_of_range_ += other.out_of_range_;
    const bool by_index = layout_.same_places(other.layout_);
    for (auto i = other.lowest_index_; i <= other.highest_index_; ++i) {
        const auto count = other.counts_[i];
        if (count == 0) {
            continue;
        }
        if (by_index && i < layout_.counts_length()) {
            add_at(i, count);
        } else {
            record(other.layout_.middle_at(i), count);
        }
    }
}

void hdr_histogram::reset() noexcept {
    if (lowest_index_ <= highest_index_) {
        std::memset(&counts_[lowest_index_], 0, (highest_index_ - lowest_index_ + 1) * sizeof(std::uint64_t));
    }
    total_ = 0;
    out_of_range_ = 0;
    lowest_index_ = nothing_touched;
    highest_index_ = 0;
}

/// Touched is not used: a count of 0 touches as well.
std::size_t hdr_histogram::first_used() const {
    auto i = lowest_index_;
    while (counts_[i] == 0) {
        ++i;
    }
    return i;
}

std::size_t hdr_histogram::last_used() const {
    auto i = highest_index_;
    while (counts_[i] == 0) {
        --i;
    }
    return i;
}

std::int64_t hdr_histogram::min() const { return empty() ? 0 : layout_.lowest_at(first_used()); }

std::int64_t hdr_histogram::max() const { return empty() ? 0 : layout_.highest_at(last_used()); }

double hdr_histogram::mean() const {
    if (empty()) {
        return 0;
    }
    double sum = 0;
    for (auto i = lowest_index_; i <= highest_index_; ++i) {
        sum += static_cast<double>(counts_[i]) * static_cast<double>(layout_.middle_at(i));
    }
    return sum / static_cast<double>(total_);
}

double hdr_histogram::standard_deviation() const {
    if (empty()) {
        return 0;
    }
    const auto middle = mean();
    double squares = 0;
    for (auto i = lowest_index_; i <= highest_index_; ++i) {
        const auto off = static_cast<double>(layout_.middle_at(i)) - middle;
        squares += off * off * static_cast<double>(counts_[i]);
    }
    return std::sqrt(squares / static_cast<double>(total_));
}

/// The next smaller percentile is taken, as the Java implementation does: 99.9 has no exact double, and must not ask
/// for one value more than 99.9 % for that.
std::int64_t hdr_histogram::value_at_percentile(double percentile) const {
    if (empty()) {
        return 0;
    }
    const auto asked = std::clamp(std::nextafter(percentile, -INFINITY), 0.0, 100.0);
    const auto rank = std::ceil(asked * static_cast<double>(total_) / 100.0);
    const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rank));
    std::uint64_t seen = 0;
    for (auto i = lowest_index_; i <= highest_index_; ++i) {
        seen += counts_[i];
        if (seen >= wanted) {
            return percentile <= 0 ? layout_.lowest_at(i) : layout_.highest_at(i);
        }
    }
    return max();
}

std::uint64_t hdr_histogram::count_at_or_below(std::int64_t value) const {
    if (value < 0 || empty()) {
        return 0;
    }
    if (static_cast<std::uint64_t>(value) > layout_.largest_value()) {
        return total_;
    }
    const auto end = std::min(highest_index_, layout_.index_of(static_cast<std::uint64_t>(value)));
    std::uint64_t seen = 0;
    for (auto i = lowest_index_; i <= end; ++i) {
        seen += counts_[i];
    }
    return seen;
}

bool hdr_histogram::operator==(const hdr_histogram& other) const {
    if (shape_ != other.shape_ || total_ != other.total_ || out_of_range_ != other.out_of_range_) {
        return false;
    }
    if (empty()) {
        return true;
    }
    const auto first = first_used();
    const auto last = last_used();
    return first == other.first_used() && last == other.last_used() &&
           std::equal(&counts_[first], &counts_[last] + 1, &other.counts_[first]);
}

} // namespace cb::metrics
