// SPDX-License-Identifier: Apache-2.0
#include "broker/time_index.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace cb::broker {

void time_index::push_back(std::int64_t time_ms) {
    auto block = end_++;
    for (std::size_t depth = 0;; ++depth, block /= fan_out) {
        if (depth == levels_.size()) {
            // A level on top begins with what the one below holds, which is this block and those before it.
            level made;
            if (depth > 0) {
                const auto& below = levels_.back();
                made.first = below.first / fan_out;
                for (std::size_t i = 0; i < below.maxima.size(); ++i) {
                    const auto in = (below.first + i) / fan_out - made.first;
                    made.maxima.resize(std::max<std::size_t>(made.maxima.size(), in + 1), INT64_MIN);
                    made.maxima[in] = std::max(made.maxima[in], below.maxima[i]);
                }
            } else {
                made.first = block;
                made.maxima.push_back(time_ms);
            }
            levels_.push_back(std::move(made));
        } else if (auto& here = levels_[depth]; here.maxima.empty()) {
            here.first = block;
            here.maxima.push_back(time_ms);
        } else if (here.holds(block)) {
            auto& max = here.maxima[block - here.first];
            max = std::max(max, time_ms);
        } else {
            here.maxima.push_back(time_ms);
        }
        if (depth + 1 == levels_.size() && levels_[depth].maxima.size() <= fan_out) {
            return;
        }
    }
}

void time_index::pop_front() {
    CB_ASSERT(begin_ < end_);
    ++begin_;
    auto first = begin_;
    for (auto& each : levels_) {
        // A block leaves with its last batch.
        while (!each.maxima.empty() && each.first < first) {
            each.maxima.pop_front();
            ++each.first;
        }
        first /= fan_out;
    }
}

std::optional<std::uint64_t> time_index::search(std::size_t depth, std::uint64_t block, std::int64_t time_ms) const {
    if (!levels_[depth].holds(block) || levels_[depth].at(block) < time_ms) {
        return std::nullopt;
    }
    if (depth == 0) {
        return block;
    }
    for (auto child = block * fan_out; child < (block + 1) * fan_out; ++child) {
        if (const auto found = search(depth - 1, child, time_ms); found) {
            return found;
        }
    }
    return std::nullopt;
}

std::optional<std::size_t> time_index::first_at_or_after(std::int64_t time_ms) const {
    if (levels_.empty()) {
        return std::nullopt;
    }
    const auto depth = levels_.size() - 1;
    const auto& top = levels_[depth];
    for (auto block = top.first; block < top.first + top.maxima.size(); ++block) {
        if (const auto found = search(depth, block, time_ms); found) {
            return *found - begin_;
        }
    }
    return std::nullopt;
}

/// A whole block's maximum is known; that of the first one, part of which may have left, is looked for below.
std::optional<std::int64_t> time_index::greatest(std::size_t depth, std::uint64_t block) const {
    if (!levels_[depth].holds(block)) {
        return std::nullopt;
    }
    if (depth == 0 || block != levels_[depth].first) {
        return levels_[depth].at(block);
    }
    std::optional<std::int64_t> out;
    for (auto child = block * fan_out; child < (block + 1) * fan_out; ++child) {
        out = std::max(out, greatest(depth - 1, child));
    }
    return out;
}

std::optional<std::int64_t> time_index::latest() const {
    std::optional<std::int64_t> out;
    if (!levels_.empty()) {
        const auto& top = levels_.back();
        for (auto block = top.first; block < top.first + top.maxima.size(); ++block) {
            out = std::max(out, greatest(levels_.size() - 1, block));
        }
    }
    return out;
}

} // namespace cb::broker
