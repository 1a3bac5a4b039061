// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/api_key.hpp"

/// What every message of every API looks like, as data. The walker reads them; the typed structs come from the same
/// source; tests compare them with the files inside Kafka's own client.
namespace cb::protocol {

enum class field_type : std::uint8_t {
    boolean,
    int8,
    int16,
    int32,
    int64,
    uint16,
    float64,
    string,
    bytes,
    records,
    uuid,
    structure
};

/// first..last, both included; first > last: in no version.
struct version_range {
    std::int16_t first;
    std::int16_t last;

    [[nodiscard]] constexpr bool contains(std::int16_t version) const { return version >= first && version <= last; }
    [[nodiscard]] constexpr bool none() const { return first > last; }
    constexpr bool operator==(const version_range&) const = default;
};

struct struct_descriptor;

struct field_descriptor {
    std::string_view name; ///< Kafka's name: "MaxWaitMs"
    field_type type;
    bool array;
    version_range versions;
    version_range nullable;
    int tag; ///< -1 without
    version_range tagged;
    version_range flexible; ///< compact lengths in these
    std::string_view default_value;
    bool has_default;
    bool ignorable;
    bool map_key;
    const struct_descriptor* of; ///< of a structure, and of an array of them
};

struct struct_descriptor {
    std::string_view name;
    std::span<const field_descriptor> fields;
    std::uint32_t bytes_min; ///< fewest bytes of one value in any version: bounds what a count may claim
};

enum class direction : std::uint8_t { request, response };

struct message_descriptor {
    std::string_view name; ///< "FetchRequest"
    api_key api;
    direction way;
    version_range versions;
    version_range flexible;
    const struct_descriptor* root;
};

/// Sorted by API.
std::span<const message_descriptor> all_messages();
/// Null for an API that we have no schema of.
const message_descriptor* find_message(api_key api, direction way) noexcept;

} // namespace cb::protocol
