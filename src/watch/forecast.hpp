// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

namespace cb::watch {

/// Memory over time (seconds) or over users.
struct memory_point {
    double at = 0;
    double bytes = 0;
};

/// Seconds from the last point until the limit is met, if memory goes on as it went. Nothing: no slope that stands out
/// of its own noise, too few points, or further away than a day. Pure.
std::optional<double> seconds_to_limit(std::span<const memory_point> points, double limit_bytes);

/// Users at which the limit is met. Nothing: memory does not follow the users, or they hardly changed.
std::optional<double> users_at_limit(std::span<const memory_point> points, double limit_bytes);

} // namespace cb::watch
