// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numbers>

#include "load/program.hpp"

namespace cb::load {

nanoseconds draw(const drawn_duration& from, random_source& random) {
    const auto rounded = [](double ns) { return nanoseconds(std::max<std::int64_t>(0, std::llround(ns))); };
    const auto mean = static_cast<double>(from.mean.count());
    switch (from.how) {
    case drawn_duration::shape::constant: return from.mean;
    case drawn_duration::shape::uniform:
        return rounded(static_cast<double>(from.least.count()) +
                       random.unit() * static_cast<double>((from.most - from.least).count()));
    case drawn_duration::shape::exponential: return rounded(-std::log1p(-random.unit()) * mean);
    case drawn_duration::shape::normal: {
        // Box and Muller; the second of the pair is thrown away, so that a draw depends on nothing before it.
        const double radius = std::sqrt(-2 * std::log1p(-random.unit()));
        const double angle = 2 * std::numbers::pi * random.unit();
        return rounded(mean + static_cast<double>(from.spread.count()) * radius * std::cos(angle));
    }
    }
    return from.mean;
}

} // namespace cb::load
