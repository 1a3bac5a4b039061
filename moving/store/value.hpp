// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moving::store {

/// The text of a statement: a literal, or a text that lives as long as the program, because a session knows a prepared
/// statement by the address of its text. Placeholders are `:name`; arguments are given in the order in which the names
/// first appear (a name that appears twice takes one argument).
class sql {
public:
    consteval sql(const char* literal) : text_(literal) {} // NOLINT(google-explicit-constructor)
    static sql of_static(const std::string& text) { return sql(text.c_str(), 0); }
    [[nodiscard]] const char* text() const noexcept { return text_; }

private:
    sql(const char* text, int) : text_(text) {}
    const char* text_;
};

/// What is put into a placeholder: nothing, an integer, a text. A view: it is used before the call that it is given to
/// ends.
class argument {
public:
    argument(std::nullptr_t) {}      // NOLINT(google-explicit-constructor)
    argument(std::nullopt_t) {}      // NOLINT(google-explicit-constructor)
    template <std::integral Integer> // NOLINTNEXTLINE(google-explicit-constructor)
    argument(Integer number) : value_(static_cast<std::int64_t>(number)) {}
    argument(std::string_view text) : value_(text) {}                     // NOLINT(google-explicit-constructor)
    argument(const std::string& text) : value_(std::string_view(text)) {} // NOLINT(google-explicit-constructor)
    argument(const char* text) : value_(std::string_view(text)) {}        // NOLINT(google-explicit-constructor)
    template <class T>                                                    // NOLINTNEXTLINE(google-explicit-constructor)
    argument(const std::optional<T>& maybe) {
        if (maybe) {
            *this = argument(*maybe);
        }
    }

    using any = std::variant<std::monostate, std::int64_t, std::string_view>;
    [[nodiscard]] const any& value() const noexcept { return value_; }

private:
    any value_;
};

/// A row of an answer. Columns count from 0. To ask for a column that is not there or of another type is a mistake in
/// the program and throws `failure` (bug).
class row {
public:
    using cell = std::variant<std::monostate, std::int64_t, std::string>;

    explicit row(std::vector<cell> cells) : cells_(std::move(cells)) {}

    [[nodiscard]] std::size_t size() const noexcept { return cells_.size(); }
    [[nodiscard]] bool is_null(std::size_t column) const { return at(column).index() == 0; }
    [[nodiscard]] std::int64_t integer(std::size_t column) const;
    [[nodiscard]] const std::string& text(std::size_t column) const;
    /// The text moved out of the row.
    [[nodiscard]] std::string take_text(std::size_t column);
    [[nodiscard]] std::optional<std::int64_t> maybe_integer(std::size_t column) const;
    [[nodiscard]] std::optional<std::string> maybe_text(std::size_t column) const;

private:
    [[nodiscard]] const cell& at(std::size_t column) const;
    std::vector<cell> cells_;
};

using rows = std::vector<row>;

} // namespace moving::store
