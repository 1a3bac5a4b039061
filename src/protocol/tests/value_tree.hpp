// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "protocol/tables.hpp"
#include "wire/cursor.hpp"

/// A message as a tree of values that knows nothing of C++ structs: the third, independent writer that the walker and
/// the typed codecs are checked against.
namespace cb::protocol::testing {

struct value_tree;

struct member {
    const field_descriptor* field;
    std::vector<value_tree> value; ///< exactly one; a vector because the type is not complete yet
};

struct value_tree {
    bool null = false;
    std::string content;              ///< of a scalar, as on the wire; of strings, bytes and records
    std::vector<value_tree> elements; ///< of an array
    std::vector<member> members;      ///< of a struct
};

/// A value that the walker tells of: path, null or content.
struct leaf {
    std::string path;
    bool null = false;
    std::string content;

    bool operator==(const leaf&) const = default;
};

/// Random content for every field that the version has. Tagged fields come and go.
value_tree random_message(random_source& random, const message_descriptor& message, std::int16_t version);
/// Writes the tree; tagged fields only where they differ from their default, as the typed encoders do.
void encode(wire::writer& out, const message_descriptor& message, std::int16_t version, const value_tree& tree);
/// The scalar values in the order of the wire, as encode() writes them.
std::vector<leaf> leaves(const message_descriptor& message, std::int16_t version, const value_tree& tree);

} // namespace cb::protocol::testing
