// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "protocol/tables.hpp"
#include "wire/slice.hpp"

/// Reads any message of any API by its table, without allocating: what the proxy looks at and changes in messages that
/// we have no struct for. It accepts exactly what the typed decoders accept.
namespace cb::protocol {

/// One level on the way from the message to a value. `index` is the element's place in its array, -1 for the field
/// itself (also for an array as a whole).
struct walk_step {
    const field_descriptor* field;
    std::int32_t index;
};

enum class walk_event : std::uint8_t {
    value,       ///< a scalar, string, bytes or records; also as an element of an array
    array_begin, ///< `count` elements follow, -1 for null
    array_end,
    struct_begin, ///< also as an element of an array; the message itself is not announced
    struct_end,
    unknown_tag, ///< a tagged field that the schema does not know; `tag` is its number, `path` leads to its struct
};

/// What the walker has come to. Offsets count from the first byte of the message.
struct visited {
    walk_event event;
    std::span<const walk_step> path{}; ///< the field itself comes last
    std::size_t begin = 0;             ///< where it begins, its length or count included
    std::size_t offset = 0;            ///< where its content begins
    std::size_t length = 0; ///< bytes of content; 0 at array_begin and struct_begin, where it is not known yet
    bool null = false;
    std::int32_t count = -1; ///< array_begin, array_end
    std::uint32_t tag = 0;   ///< unknown_tag

    [[nodiscard]] const field_descriptor& field() const { return *path.back().field; }
};

enum class walk_on : std::uint8_t {
    into, ///< continue
    over, ///< at array_begin and struct_begin: nothing is told of what is inside; its end is
    stop, ///< enough: the rest is neither told nor checked
};

/// Receives what the walker meets, in the order of the wire. `visited` and its path are valid during the call.
class walk_visitor {
public:
    virtual walk_on visit(const visited& here) = 0;

protected:
    ~walk_visitor() = default;
};

/// Walks the message that begins at the first byte of `body` (behind the header). Returns the bytes it took, as far as
/// it walked. Errors: malformed; unsupported for a version that the table does not have.
result<std::size_t> walk(const message_descriptor& message, std::int16_t version, wire::bytes_view body,
                         walk_visitor& visitor);
/// Checks the message and returns its bytes.
result<std::size_t> measure(const message_descriptor& message, std::int16_t version, wire::bytes_view body);

/// Bytes of a scalar on the wire; 0 for strings, bytes, records and structures.
std::size_t fixed_size(field_type type) noexcept;
/// A visited whole number or boolean; CB_ASSERTs that it is one (a field_path can be asked before).
std::int64_t number_at(wire::bytes_view body, const visited& here);
/// Overwrites a visited whole number or boolean in a private copy of the message; what does not fit is cut.
void put_number(std::span<std::byte> body, const visited& here, std::int64_t value);
bool is_whole_number(field_type type) noexcept;

} // namespace cb::protocol
