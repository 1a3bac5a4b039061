// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "protocol/uuid.hpp"
#include "wire/cursor.hpp"

/// What the generated decoders and encoders are made of. Only they include this.
namespace cb::protocol::codec {

/// Elements of an array, -1 for null where `nullable`; never more than the bytes that are left can hold. Strings and
/// structs count against limits::message_elements.
std::int32_t read_count(wire::reader& in, bool flexible, bool nullable, std::size_t bytes_min);
/// The same for numbers and ids of `bytes_each`, which take as much memory as they have bytes.
std::int32_t read_scalar_count(wire::reader& in, bool flexible, bool nullable, std::size_t bytes_each);
/// What to reserve for a count that a peer claims: memory follows what really arrives.
inline std::size_t reservation(std::int32_t count) { return static_cast<std::size_t>(std::min(count, 1024)); }

/// Length of a string (of bytes) that stands there with all of its bytes; -1 for null where `nullable`, and on failure.
std::int32_t read_string_length(wire::reader& in, bool flexible, bool nullable);
std::int32_t read_bytes_length(wire::reader& in, bool flexible, bool nullable);

std::string read_string(wire::reader& in, bool flexible);
std::optional<std::string> read_nullable_string(wire::reader& in, bool flexible, bool nullable);
wire::slice read_bytes(wire::reader& in, bool flexible);
std::optional<wire::slice> read_nullable_bytes(wire::reader& in, bool flexible, bool nullable);
uuid read_uuid(wire::reader& in);

struct tag_header {
    std::uint32_t number = 0;
    std::size_t end = 0;
};
std::uint32_t read_tag_count(wire::reader& in);
tag_header begin_tag(wire::reader& in);
/// Steps over what of the tag was not read; a field that read past its tag is an error.
void end_tag(wire::reader& in, const tag_header& tag);
void skip_tags(wire::reader& in);

/// A count, -1 for null.
void write_count(wire::writer& to, bool flexible, std::int64_t count);
void write_string(wire::writer& to, bool flexible, const std::string& v);
void write_nullable_string(wire::writer& to, bool flexible, const std::optional<std::string>& v);
void write_bytes(wire::writer& to, bool flexible, const wire::slice& v);
void write_nullable_bytes(wire::writer& to, bool flexible, const std::optional<wire::slice>& v);
void write_uuid(wire::writer& to, const uuid& v);

/// The tagged fields of a struct, lowest first.
class tag_section {
public:
    /// A writer for the tag's content; stays valid until the next add.
    wire::writer& add(std::uint32_t number) { return fields_.emplace_back(number, wire::writer()).second; }
    void write(wire::writer& to);

private:
    std::deque<std::pair<std::uint32_t, wire::writer>> fields_;
};

tl::unexpected<error> version_refused(std::string_view message, std::int16_t version);
tl::unexpected<error> field_refused(std::string_view message, std::string_view field, std::int16_t version);
tl::unexpected<error> null_refused(std::string_view message, std::string_view field, std::int16_t version);
tl::unexpected<error> malformed(std::string_view message, const wire::reader& in);

} // namespace cb::protocol::codec
