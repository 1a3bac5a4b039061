// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

namespace cb::analysis {

/// Whether a series moves in one direction.
struct trend {
    double slope = 0;  ///< per step of the series: the median of the slopes of all pairs (Theil 1950, Sen 1968)
    double change = 0; ///< over the whole series, relative to its median; 0 when the median is 0
    double z = 0;      ///< of Mann-Kendall's test: beyond ±3 the direction is hardly chance (independent samples)
};

/// At least three values; fewer have no trend. O(n²): for some hundred seconds.
trend trend_of(std::span<const double> series);

double median_of(std::span<const double> values);

} // namespace cb::analysis
