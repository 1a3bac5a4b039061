// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace cb::analysis {

/// What is usual of a series that is better when it is smaller: up to `most`.
struct band {
    double most = 0;
};

/// Of a steady series: its median and three times its spread (the median absolute deviation, which one outlier does not
/// move, scaled to a standard deviation), and at least `slack` times the median or `floor` more, so that a series
/// without spread does not call each tick unusual.
band band_of(std::span<const double> steady, double slack, double floor);

/// After how many seconds a series is back in the band and stays there for `lasting` of them in a row. What has no
/// value in a second (nothing was measured) is not back. Nothing: it never was, as far as the series goes.
std::optional<std::size_t> seconds_to_recover(std::span<const std::optional<double>> after, const band& usual,
                                              std::size_t lasting);

} // namespace cb::analysis
