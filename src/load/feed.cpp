// SPDX-License-Identifier: Apache-2.0
#include "load/feed.hpp"

#include <algorithm>
#include <numeric>

#include "base/assert.hpp"
#include "base/random.hpp"

namespace cb::load {

feed_table::feed_table(std::string name, order how, std::vector<std::string> columns,
                       const std::vector<std::vector<std::string>>& rows, std::uint64_t seed)
    : name_(std::move(name)),
      how_(how),
      seed_(stable_hash(name_, seed)),
      columns_(std::move(columns)),
      rows_(rows.size()) {
    CB_ASSERT(!rows.empty() && rows.size() <= UINT32_MAX);
    starts_.reserve(rows_ * columns_.size() + 1);
    for (const auto& row : rows) {
        CB_ASSERT(row.size() == columns_.size());
        for (const auto& cell : row) {
            starts_.push_back(static_cast<std::uint32_t>(text_.size()));
            text_ += cell;
        }
    }
    CB_ASSERT(text_.size() <= UINT32_MAX);
    starts_.push_back(static_cast<std::uint32_t>(text_.size()));
    if (how_ == order::shuffle) {
        shuffled_.resize(rows_);
        std::iota(shuffled_.begin(), shuffled_.end(), 0U);
        random_source random(seed_);
        for (std::size_t left = rows_; left > 1; --left) { // Fisher and Yates
            std::swap(shuffled_[left - 1], shuffled_[random.below(left)]);
        }
    }
}

std::optional<std::uint16_t> feed_table::column(std::string_view name) const {
    const auto found = std::find(columns_.begin(), columns_.end(), name);
    if (found == columns_.end()) {
        return std::nullopt;
    }
    return static_cast<std::uint16_t>(found - columns_.begin());
}

std::string_view feed_table::at(std::uint32_t row, std::uint16_t column) const {
    CB_ASSERT(row < rows_ && column < columns_.size());
    const auto cell = std::size_t{row} * columns_.size() + column;
    return std::string_view(text_).substr(starts_[cell], starts_[cell + 1] - starts_[cell]);
}

std::optional<std::uint32_t> feed_table::draw(std::uint64_t number) const {
    switch (how_) {
    case order::circular: return static_cast<std::uint32_t>(number % rows_);
    case order::random: return static_cast<std::uint32_t>(random_source(hash_join(seed_, number)).below(rows_));
    case order::queue: return number < rows_ ? std::optional(static_cast<std::uint32_t>(number)) : std::nullopt;
    case order::shuffle: return number < rows_ ? std::optional(shuffled_[number]) : std::nullopt;
    }
    return std::nullopt;
}

} // namespace cb::load
