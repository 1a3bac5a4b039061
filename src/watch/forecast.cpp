// SPDX-License-Identifier: Apache-2.0
#include "watch/forecast.hpp"

#include <algorithm>
#include <cmath>

namespace cb::watch {
namespace {

struct line {
    double slope = 0;
    double intercept = 0;
    double slope_error = 0;
};

constexpr std::size_t points_needed = 10;
/// A slope of fewer standard errors is not told from noise. Samples of memory are correlated, hence more than the
/// usual 2.
constexpr double errors_needed = 6;

std::optional<line> fit(std::span<const memory_point> points) {
    if (points.size() < points_needed) {
        return std::nullopt;
    }
    const auto count = static_cast<double>(points.size());
    double mean_at = 0;
    double mean_bytes = 0;
    for (const auto& each : points) {
        mean_at += each.at / count;
        mean_bytes += each.bytes / count;
    }
    double spread = 0;
    double product = 0;
    for (const auto& each : points) {
        spread += (each.at - mean_at) * (each.at - mean_at);
        product += (each.at - mean_at) * (each.bytes - mean_bytes);
    }
    if (spread <= 0) {
        return std::nullopt;
    }
    line out;
    out.slope = product / spread;
    out.intercept = mean_bytes - out.slope * mean_at;
    double residual = 0;
    for (const auto& each : points) {
        const double miss = each.bytes - out.intercept - out.slope * each.at;
        residual += miss * miss;
    }
    out.slope_error = std::sqrt(residual / (count - 2) / spread);
    return out;
}

/// A line that really goes up: by more than a page in all, and out of its noise.
std::optional<line> rising(std::span<const memory_point> points) {
    const auto found = fit(points);
    constexpr double page_bytes = 4096;
    if (!found || found->slope <= errors_needed * found->slope_error ||
        found->slope * std::abs(points.back().at - points.front().at) < page_bytes) {
        return std::nullopt;
    }
    return found;
}

} // namespace

std::optional<double> seconds_to_limit(std::span<const memory_point> points, double limit_bytes) {
    const auto found = rising(points);
    if (!found) {
        return std::nullopt;
    }
    const double seconds = (limit_bytes - points.back().bytes) / found->slope;
    constexpr double day_s = 24 * 3600;
    return seconds > day_s ? std::nullopt : std::optional(std::max(0.0, seconds));
}

std::optional<double> users_at_limit(std::span<const memory_point> points, double limit_bytes) {
    if (points.size() < points_needed) {
        return std::nullopt;
    }
    const auto [least, most] = std::minmax_element(
        points.begin(), points.end(), [](const auto& left, const auto& right) { return left.at < right.at; });
    constexpr double change_needed = 1.2;
    if (most->at < least->at * change_needed) {
        return std::nullopt;
    }
    const auto found = fit(points);
    if (!found || found->slope <= errors_needed * found->slope_error) {
        return std::nullopt;
    }
    return std::max(0.0, (limit_bytes - found->intercept) / found->slope);
}

} // namespace cb::watch
