// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.hpp"

namespace cb::load {

/// What the texts of one user may refer to. Owner: the engine, for the length of one call.
class user_view {
public:
    virtual ~user_view() = default;
    /// Counts arrivals over all workers from 0, so that a number stands for the same user whoever runs it.
    [[nodiscard]] virtual std::uint64_t number() const = 0;
    /// What a step saved; empty before it did.
    [[nodiscard]] virtual std::string_view saved(std::uint16_t slot) const = 0;
    /// A column of the row that the user drew of a feed; `feed` is an index into program::feeds.
    [[nodiscard]] virtual std::string_view column(std::uint16_t feed, std::uint16_t column) const = 0;
    /// Passes of an enclosing loop, from 0.
    [[nodiscard]] virtual std::int64_t counter(std::uint16_t slot) const = 0;
    /// The user's own; the same for the same seed and number.
    [[nodiscard]] virtual random_source& random() = 0;
    [[nodiscard]] virtual std::int64_t wall_ms() const = 0;
};

/// How a value is written into the text around it.
enum class escaping : std::uint8_t {
    none,
    json,   ///< inside a JSON string
    path,   ///< inside a path or query: all but unreserved characters becomes %XX
    form,   ///< a value of application/x-www-form-urlencoded
    header, ///< control characters are dropped
};

/// A text with `${…}` in it, cut into pieces once.
struct text_template {
    struct literal {
        std::string text; ///< escaped already
    };
    struct saved_value {
        std::uint16_t slot;
    };
    struct feed_column {
        std::uint16_t feed;
        std::uint16_t column;
    };
    struct loop_counter {
        std::uint16_t slot;
    };
    struct random_number {
        std::int64_t least;
        std::int64_t most;
    };
    enum class builtin : std::uint8_t { user, uuid, now_ms, now };

    struct piece {
        std::variant<literal, saved_value, feed_column, loop_counter, random_number, builtin> what;
        escaping how = escaping::none;
    };
    std::vector<piece> pieces;

    /// Says the same of every user.
    [[nodiscard]] bool is_constant() const {
        return pieces.empty() || (pieces.size() == 1 && std::holds_alternative<literal>(pieces.front().what));
    }
};

/// Appends a value as it must stand in such a place.
void escape(std::string_view value, escaping how, std::string& out);

/// Appends the text as this user has it.
void render(const text_template& text, user_view& user, std::string& out);

} // namespace cb::load
