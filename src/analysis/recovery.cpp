// SPDX-License-Identifier: Apache-2.0
#include "analysis/recovery.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/trend.hpp"

namespace cb::analysis {

namespace {

/// A median absolute deviation times this is the standard deviation of a normal distribution.
constexpr double to_standard_deviation = 1.4826;

} // namespace

band band_of(std::span<const double> steady, double slack, double floor) {
    const double median = median_of(steady);
    std::vector<double> off;
    off.reserve(steady.size());
    for (const double value : steady) {
        off.push_back(std::abs(value - median));
    }
    const double spread = to_standard_deviation * median_of(off);
    return {median + std::max({3 * spread, (slack - 1) * median, floor})};
}

std::optional<std::size_t> seconds_to_recover(std::span<const std::optional<double>> after, const band& usual,
                                              std::size_t lasting) {
    std::size_t in_a_row = 0;
    for (std::size_t i = 0; i < after.size(); ++i) {
        in_a_row = after[i] && *after[i] <= usual.most ? in_a_row + 1 : 0;
        if (in_a_row == lasting) {
            return i + 1 - lasting;
        }
    }
    return std::nullopt;
}

} // namespace cb::analysis
