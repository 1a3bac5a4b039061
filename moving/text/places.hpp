// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace moving::text {

/// A town that goods can be moved between. Announcements name towns of this list only: a name that is not in it is a
/// mistake of whoever typed it, or was changed on the way.
struct place {
    std::string_view name;
    double latitude;  ///< degrees north
    double longitude; ///< degrees east
};

std::span<const place> places() noexcept;
const place* find_place(std::string_view name) noexcept;
/// The names alone, in the order of `places`.
std::span<const std::string_view> place_names();

/// Along the great circle, on a sphere of 6371 km.
int distance_km(const place& from, const place& to) noexcept;

/// What the transport costs, in points: something to begin with, more with distance and size. Between 5 and 100, so
/// that an account's first 200 points pay for two moves at least.
int points_for(const place& from, const place& to, int litres) noexcept;

} // namespace moving::text
