// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace cb::broker {

/// The times of a log's batches, in log order, which need not be the order of time: finds the first that is not before
/// a given time in a logarithmic number of steps. Batches come at the end and leave at the front.
///
///   level 1   [ max of 16 blocks ]  …          a block's maximum may be that of a batch that has left: then the
///   level 0   [ max of 16 batches ] …          search finds nothing in it and goes on, once a level at most
///
/// Owner: a partition's log; one thread.
class time_index {
public:
    void push_back(std::int64_t time_ms);
    void pop_front();
    [[nodiscard]] std::size_t size() const { return end_ - begin_; }

    /// The place, counted from the front, of the first time at or after `time_ms`.
    [[nodiscard]] std::optional<std::size_t> first_at_or_after(std::int64_t time_ms) const;
    /// The greatest time; nothing when there is none.
    [[nodiscard]] std::optional<std::int64_t> latest() const;

private:
    static constexpr std::uint64_t fan_out = 16;
    /// Maxima of aligned blocks; level 0 are the times themselves. Numbers count from the beginning of the log.
    struct level {
        std::uint64_t first = 0;
        std::deque<std::int64_t> maxima;
        [[nodiscard]] bool holds(std::uint64_t block) const { return block >= first && block - first < maxima.size(); }
        [[nodiscard]] std::int64_t at(std::uint64_t block) const { return maxima[block - first]; }
    };
    [[nodiscard]] std::optional<std::uint64_t> search(std::size_t depth, std::uint64_t block,
                                                      std::int64_t time_ms) const;
    [[nodiscard]] std::optional<std::int64_t> greatest(std::size_t depth, std::uint64_t block) const;

    std::vector<level> levels_;
    std::uint64_t begin_ = 0;
    std::uint64_t end_ = 0;
};

} // namespace cb::broker
