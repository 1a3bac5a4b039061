// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <compare>
#include <optional>

#include "load/program.hpp"

namespace cb::load {
namespace {

std::optional<double> as_number(std::string_view text) {
    double value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    return code == std::errc{} && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                    : std::nullopt;
}

std::partial_ordering compare(std::string_view left, std::string_view right) {
    const auto a = as_number(left);
    const auto b = a ? as_number(right) : std::nullopt;
    return b ? *a <=> *b : std::partial_ordering(left <=> right);
}

} // namespace

bool holds(const condition& asked, user_view& user) {
    std::string left;
    render(asked.left, user, left);
    if (asked.is == condition::relation::exists) {
        return !left.empty();
    }
    std::string right;
    render(asked.right, user, right);
    const auto order = compare(left, right);
    switch (asked.is) {
    case condition::relation::equal: return order == 0;
    case condition::relation::not_equal: return order != 0;
    case condition::relation::less: return order < 0;
    case condition::relation::less_or_equal: return order <= 0;
    case condition::relation::greater: return order > 0;
    case condition::relation::greater_or_equal: return order >= 0;
    case condition::relation::exists: break;
    }
    return false;
}

} // namespace cb::load
