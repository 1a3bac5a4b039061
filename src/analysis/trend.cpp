// SPDX-License-Identifier: Apache-2.0
#include "analysis/trend.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace cb::analysis {

double median_of(std::span<const double> values) {
    if (values.empty()) {
        return 0;
    }
    std::vector<double> sorted(values.begin(), values.end());
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    if (sorted.size() % 2 == 1) {
        return *middle;
    }
    return (*middle + *std::max_element(sorted.begin(), middle)) / 2;
}

trend trend_of(std::span<const double> series) {
    trend out;
    const auto n = series.size();
    if (n < 3) {
        return out;
    }
    double score = 0;
    std::vector<double> slopes;
    slopes.reserve(n * (n - 1) / 2);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = i + 1; j < n; ++j) {
            const double rise = series[j] - series[i];
            score += rise > 0 ? 1 : rise < 0 ? -1 : 0;
            slopes.push_back(rise / static_cast<double>(j - i));
        }
    }
    out.slope = median_of(slopes);
    const double median = median_of(series);
    out.change = median != 0 ? out.slope * static_cast<double>(n - 1) / median : 0;
    // The variance of the score, less what ties take away (Kendall 1975).
    const auto term = [](double count) { return count * (count - 1) * (2 * count + 5); };
    std::map<double, double> ties;
    for (const double value : series) {
        ties[value] += 1;
    }
    double variance = term(static_cast<double>(n));
    for (const auto& [value, count] : ties) {
        variance -= term(count);
    }
    variance /= 18;
    if (variance > 0 && score != 0) {
        out.z = (score - (score > 0 ? 1 : -1)) / std::sqrt(variance);
    }
    return out;
}

} // namespace cb::analysis
