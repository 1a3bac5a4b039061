// SPDX-License-Identifier: Apache-2.0
#include "protocol/codec.hpp"

#include <algorithm>
#include <limits>

#include "base/limits.hpp"

namespace cb::protocol::codec {
namespace {

constexpr std::size_t string_bytes_max = 32767; ///< in both forms, as Kafka's own classes refuse more

/// A length or a count, -1 for null; `wide`: 32 bits in the older form. -1 with the reader failed for what may not be.
std::int32_t read_length(wire::reader& in, bool flexible, bool wide, bool nullable) {
    // In 64 bits: the largest uvarint less one does not fit into the type of the other lengths.
    const std::int64_t length = flexible ? static_cast<std::int64_t>(in.uvarint()) - 1 : wide ? in.i32() : in.i16();
    if (length < -1 || length > std::numeric_limits<std::int32_t>::max()) {
        in.fail("length out of range");
    } else if (length == -1 && !nullable) {
        in.fail("null where none may be");
    }
    return in.ok() ? static_cast<std::int32_t>(length) : -1;
}

std::int32_t read_bytes_length_of(wire::reader& in, bool flexible, bool wide, bool nullable) {
    const auto length = read_length(in, flexible, wide, nullable);
    if (length > 0 && static_cast<std::size_t>(length) > in.remaining()) {
        in.fail("ends before its stated length");
        return -1;
    }
    return length;
}

void write_length(wire::writer& to, bool flexible, bool wide, std::int64_t length) {
    if (flexible) {
        to.uvarint(static_cast<std::uint32_t>(length + 1));
    } else if (wide) {
        to.i32(static_cast<std::int32_t>(length));
    } else {
        to.i16(static_cast<std::int16_t>(length));
    }
}

/// What is longer than a string can be (an error message of ours) is cut.
std::string_view fitting(const std::string& v) { return std::string_view(v).substr(0, string_bytes_max); }

} // namespace

std::int32_t read_scalar_count(wire::reader& in, bool flexible, bool nullable, std::size_t bytes_each) {
    const auto count = read_length(in, flexible, true, nullable);
    if (count > 0 && static_cast<std::size_t>(count) > in.remaining() / bytes_each) {
        in.fail("array with more elements than bytes");
        return -1;
    }
    return count;
}

std::int32_t read_count(wire::reader& in, bool flexible, bool nullable, std::size_t bytes_min) {
    const auto count = read_scalar_count(in, flexible, nullable, bytes_min);
    if (count > 0) {
        in.count_elements(static_cast<std::size_t>(count), limits::message_elements);
    }
    return in.ok() ? count : -1;
}

std::int32_t read_string_length(wire::reader& in, bool flexible, bool nullable) {
    const auto length = read_bytes_length_of(in, flexible, false, nullable);
    if (length > static_cast<std::int32_t>(string_bytes_max)) {
        in.fail("string longer than 32767 bytes");
        return -1;
    }
    return length;
}

std::int32_t read_bytes_length(wire::reader& in, bool flexible, bool nullable) {
    return read_bytes_length_of(in, flexible, true, nullable);
}

std::string read_string(wire::reader& in, bool flexible) {
    return read_nullable_string(in, flexible, false).value_or(std::string());
}

std::optional<std::string> read_nullable_string(wire::reader& in, bool flexible, bool nullable) {
    const auto length = read_string_length(in, flexible, nullable);
    if (length < 0) {
        return std::nullopt;
    }
    return std::string(wire::as_text(in.bytes(static_cast<std::size_t>(length))));
}

wire::slice read_bytes(wire::reader& in, bool flexible) {
    return read_nullable_bytes(in, flexible, false).value_or(wire::slice());
}

std::optional<wire::slice> read_nullable_bytes(wire::reader& in, bool flexible, bool nullable) {
    const auto length = read_bytes_length(in, flexible, nullable);
    if (length < 0) {
        return std::nullopt;
    }
    return in.take_slice(static_cast<std::size_t>(length));
}

uuid read_uuid(wire::reader& in) {
    uuid out;
    const auto bytes = in.bytes(out.bytes.size());
    std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
    return out;
}

std::uint32_t read_tag_count(wire::reader& in) {
    const auto count = in.uvarint();
    if (count > limits::tagged_fields) {
        in.fail("too many tagged fields");
        return 0;
    }
    return count;
}

tag_header begin_tag(wire::reader& in) {
    tag_header tag;
    tag.number = in.uvarint();
    const std::size_t size = in.uvarint();
    if (size > in.remaining()) {
        in.fail("tagged field longer than its message");
    }
    tag.end = in.position() + size;
    return tag;
}

void end_tag(wire::reader& in, const tag_header& tag) {
    if (!in.ok()) {
        return;
    }
    if (in.position() > tag.end) {
        in.fail("tagged field longer than it states");
        return;
    }
    in.skip(tag.end - in.position());
}

void skip_tags(wire::reader& in) {
    for (auto count = read_tag_count(in); count > 0 && in.ok(); --count) {
        end_tag(in, begin_tag(in));
    }
}

void write_count(wire::writer& to, bool flexible, std::int64_t count) { write_length(to, flexible, true, count); }

void write_string(wire::writer& to, bool flexible, const std::string& v) {
    const auto text = fitting(v);
    write_length(to, flexible, false, static_cast<std::int64_t>(text.size()));
    to.string_bytes(text);
}

void write_nullable_string(wire::writer& to, bool flexible, const std::optional<std::string>& v) {
    if (v) {
        write_string(to, flexible, *v);
    } else {
        write_length(to, flexible, false, -1);
    }
}

void write_bytes(wire::writer& to, bool flexible, const wire::slice& v) {
    write_length(to, flexible, true, static_cast<std::int64_t>(v.size()));
    to.append_slice(v);
}

void write_nullable_bytes(wire::writer& to, bool flexible, const std::optional<wire::slice>& v) {
    if (v) {
        write_bytes(to, flexible, *v);
    } else {
        write_length(to, flexible, true, -1);
    }
}

void write_uuid(wire::writer& to, const uuid& v) { to.bytes(v.bytes); }

void tag_section::write(wire::writer& to) {
    to.uvarint(static_cast<std::uint32_t>(fields_.size()));
    for (auto& [number, content] : fields_) {
        to.uvarint(number);
        to.uvarint(static_cast<std::uint32_t>(content.size()));
        to.append_slice(content.take().flatten());
    }
}

tl::unexpected<error> version_refused(std::string_view message, std::int16_t version) {
    return fail(errc::unsupported, std::string(message) + " has no version " + std::to_string(version));
}

tl::unexpected<error> field_refused(std::string_view message, std::string_view field, std::int16_t version) {
    return fail(errc::out_of_range,
                std::string(message) + " version " + std::to_string(version) + " cannot carry " + std::string(field));
}

tl::unexpected<error> null_refused(std::string_view message, std::string_view field, std::int16_t version) {
    return fail(errc::out_of_range, std::string(message) + " version " + std::to_string(version) + ": " +
                                        std::string(field) + " cannot be null");
}

tl::unexpected<error> malformed(std::string_view message, const wire::reader& in) {
    auto problem = in.error();
    return fail(problem.kind, std::string(message) + ": " + problem.message);
}

} // namespace cb::protocol::codec
