// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstring>
#include <functional>
#include <string>

namespace cb::protocol {

/// Sixteen bytes in network order, as Kafka's topic ids. All zero: none.
struct uuid {
    std::array<std::byte, 16> bytes{};

    auto operator<=>(const uuid&) const = default;
    [[nodiscard]] bool is_zero() const { return *this == uuid{}; }
};

/// Kafka's form: 22 characters of URL-safe base64.
std::string to_string(const uuid& id);

} // namespace cb::protocol

template <>
struct std::hash<cb::protocol::uuid> {
    std::size_t operator()(const cb::protocol::uuid& id) const noexcept {
        // Ids are random: any eight bytes are a hash.
        std::size_t value = 0;
        std::memcpy(&value, id.bytes.data(), sizeof(value));
        return value;
    }
};
