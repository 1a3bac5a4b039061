// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/limits.hpp"
#include "protocol/walker.hpp"

namespace cb::protocol {

/// Names a field of a message: "responses[].partitions[].error_code", "topics[0].name". Names are Kafka's, in any case,
/// with or without underscores; `[]` is every element, `[3]` one of them; an array named without brackets is the array
/// as a whole. Value type; refers to the tables only.
class field_path {
public:
    /// Error: not_found, naming the part and what would be right.
    static result<field_path> parse(const message_descriptor& message, std::string_view text);

    /// The path leads to exactly this.
    [[nodiscard]] bool names(std::span<const walk_step> where) const;
    /// The path leads to something inside of this.
    [[nodiscard]] bool passes(std::span<const walk_step> where) const;
    [[nodiscard]] const field_descriptor& field() const { return *steps_[size_ - 1].field; }
    [[nodiscard]] bool has(const field_descriptor& part) const;
    /// One value of a whole-number type: number_at and put_number can be used on it.
    [[nodiscard]] bool is_number() const;
    [[nodiscard]] std::string to_string() const;

    /// The path one level deeper; `element` for the elements of an array.
    [[nodiscard]] field_path then(const field_descriptor& field, bool element) const;
    field_path() = default;

private:
    static constexpr std::int32_t itself = -1;
    static constexpr std::int32_t any = -2;
    static bool fits(const walk_step& wanted, const walk_step& found) {
        const bool element = found.index >= 0;
        return wanted.field == found.field && (wanted.index == found.index || (wanted.index == any && element));
    }
    [[nodiscard]] bool begins_like(std::span<const walk_step> where) const;

    std::array<walk_step, limits::nesting> steps_{};
    std::size_t size_ = 0;
};

/// Kafka's name as we write it: "MaxWaitMs" -> "max_wait_ms".
std::string snake_case(std::string_view kafka_name);

/// Calls `found(const visited&)` for each value, array or struct that the path names, in order; it returns walk_on, of
/// which only stop matters. Steps over everything else. Errors as walk().
template <class Found>
result<std::size_t> find_fields(const message_descriptor& message, std::int16_t version, wire::bytes_view body,
                                const field_path& path, Found&& found) {
    struct path_visitor final : walk_visitor {
        path_visitor(const field_path& p, Found& f) : path(p), found(f) {}
        walk_on visit(const visited& here) override {
            const bool end = here.event == walk_event::array_end || here.event == walk_event::struct_end;
            if (end || here.event == walk_event::unknown_tag) {
                return walk_on::into;
            }
            if (path.names(here.path)) {
                return found(here) == walk_on::stop ? walk_on::stop : walk_on::over;
            }
            return path.passes(here.path) ? walk_on::into : walk_on::over;
        }
        const field_path& path;
        Found& found;
    };
    path_visitor visitor(path, found);
    return walk(message, version, body, visitor);
}

/// The first number that the path names; nothing when the message holds none (an empty array, an older version).
/// Errors as walk().
result<std::optional<std::int64_t>> first_number(const message_descriptor& message, std::int16_t version,
                                                 wire::bytes_view body, const field_path& path);

} // namespace cb::protocol
