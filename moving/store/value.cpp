// SPDX-License-Identifier: Apache-2.0
#include "moving/store/value.hpp"

#include "moving/store/trouble.hpp"

namespace moving::store {
namespace {

[[noreturn]] void wrong_column(std::size_t column, std::string_view wanted) {
    throw failure(
        {trouble_kind::bug, "column " + std::to_string(column) + " of an answer is not " + std::string(wanted)});
}

} // namespace

const row::cell& row::at(std::size_t column) const {
    if (column >= cells_.size()) {
        wrong_column(column, "there: it has " + std::to_string(cells_.size()));
    }
    return cells_[column];
}

std::int64_t row::integer(std::size_t column) const {
    const auto* const number = std::get_if<std::int64_t>(&at(column));
    return number != nullptr ? *number : (wrong_column(column, "an integer"), 0);
}

const std::string& row::text(std::size_t column) const {
    const auto* const text = std::get_if<std::string>(&at(column));
    if (text == nullptr) {
        wrong_column(column, "a text");
    }
    return *text;
}

std::string row::take_text(std::size_t column) {
    return std::move(const_cast<std::string&>(text(column))); // our own, and we are not const
}

std::optional<std::int64_t> row::maybe_integer(std::size_t column) const {
    return is_null(column) ? std::nullopt : std::optional(integer(column));
}

std::optional<std::string> row::maybe_text(std::size_t column) const {
    return is_null(column) ? std::nullopt : std::optional(text(column));
}

} // namespace moving::store
