// SPDX-License-Identifier: Apache-2.0
#include "moving/text/places.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace moving::text {

namespace {

// Sorted by name: found by halving.
constexpr std::array<place, 40> all{{
    {"Aix-en-Provence", 43.53, 5.45},
    {"Amiens", 49.89, 2.30},
    {"Angers", 47.47, -0.55},
    {"Annecy", 45.90, 6.13},
    {"Avignon", 43.95, 4.81},
    {"Bayonne", 43.49, -1.47},
    {"Besancon", 47.24, 6.02},
    {"Bordeaux", 44.84, -0.58},
    {"Bourges", 47.08, 2.40},
    {"Brest", 48.39, -4.49},
    {"Caen", 49.18, -0.37},
    {"Cannes", 43.55, 7.02},
    {"Chambery", 45.57, 5.92},
    {"Clermont-Ferrand", 45.78, 3.08},
    {"Dijon", 47.32, 5.04},
    {"Grenoble", 45.19, 5.72},
    {"La Rochelle", 46.16, -1.15},
    {"Le Havre", 49.49, 0.11},
    {"Le Mans", 48.00, 0.20},
    {"Lille", 50.63, 3.06},
    {"Limoges", 45.83, 1.26},
    {"Lyon", 45.76, 4.84},
    {"Marseille", 43.30, 5.37},
    {"Metz", 49.12, 6.18},
    {"Montpellier", 43.61, 3.88},
    {"Mulhouse", 47.75, 7.34},
    {"Nancy", 48.69, 6.18},
    {"Nantes", 47.22, -1.55},
    {"Nice", 43.70, 7.27},
    {"Nimes", 43.84, 4.36},
    {"Orleans", 47.90, 1.91},
    {"Paris", 48.86, 2.35},
    {"Pau", 43.30, -0.37},
    {"Perpignan", 42.69, 2.90},
    {"Poitiers", 46.58, 0.34},
    {"Reims", 49.26, 4.03},
    {"Rennes", 48.11, -1.68},
    {"Strasbourg", 48.57, 7.75},
    {"Toulouse", 43.60, 1.44},
    {"Tours", 47.39, 0.69},
}};
static_assert(std::is_sorted(all.begin(), all.end(), [](const place& a, const place& b) { return a.name < b.name; }));

constexpr double earth_radius_km = 6371.0;

double radians(double degrees) noexcept { return degrees * std::numbers::pi / 180.0; }

} // namespace

std::span<const place> places() noexcept { return all; }

std::span<const std::string_view> place_names() {
    static const auto names = [] {
        std::array<std::string_view, all.size()> out;
        std::transform(all.begin(), all.end(), out.begin(), [](const place& each) { return each.name; });
        return out;
    }();
    return names;
}

const place* find_place(std::string_view name) noexcept {
    const auto found =
        std::lower_bound(all.begin(), all.end(), name, [](const place& a, std::string_view b) { return a.name < b; });
    return found != all.end() && found->name == name ? &*found : nullptr;
}

// The haversine formula: exact enough for towns.
int distance_km(const place& from, const place& to) noexcept {
    const double half_latitude = std::sin(radians(to.latitude - from.latitude) / 2);
    const double half_longitude = std::sin(radians(to.longitude - from.longitude) / 2);
    const double chord = half_latitude * half_latitude + std::cos(radians(from.latitude)) *
                                                             std::cos(radians(to.latitude)) * half_longitude *
                                                             half_longitude;
    return static_cast<int>(std::lround(2 * earth_radius_km * std::asin(std::sqrt(chord))));
}

int points_for(const place& from, const place& to, int litres) noexcept {
    return std::clamp(5 + distance_km(from, to) / 20 + litres / 20, 5, 100);
}

} // namespace moving::text
