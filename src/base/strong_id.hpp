// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace cb {

/// A number that means one thing: a `partition_id` cannot be passed where a `producer_id` is due.
/// Arithmetic is left out on purpose; take `value()` where a calculation is really meant.
template <class Number, class Tag>
class strong_id {
public:
    using number_type = Number;

    constexpr strong_id() = default;
    constexpr explicit strong_id(Number value) : value_(value) {}

    [[nodiscard]] constexpr Number value() const { return value_; }
    constexpr auto operator<=>(const strong_id&) const = default;

private:
    Number value_{};
};

/// Sequence number of a TCP connection since the program started.
using connection_id = strong_id<std::uint64_t, struct connection_id_tag>;
/// Sequence number of a ledger entry; grows by one, never reused.
using ledger_sequence = strong_id<std::uint64_t, struct ledger_sequence_tag>;

} // namespace cb

template <class Number, class Tag>
struct std::hash<cb::strong_id<Number, Tag>> {
    std::size_t operator()(const cb::strong_id<Number, Tag>& id) const noexcept {
        return std::hash<Number>{}(id.value());
    }
};
