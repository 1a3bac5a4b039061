// SPDX-License-Identifier: Apache-2.0
#include "protocol/walker.hpp"

#include <array>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "protocol/codec.hpp"
#include "wire/cursor.hpp"

namespace cb::protocol {
namespace {

/// One walk. Recursion is bounded by the schemas: no struct contains itself.
class walk_state {
public:
    walk_state(const message_descriptor& message, std::int16_t version, wire::bytes_view body, walk_visitor* visitor)
        : message_(message), version_(version), in_(body), visitor_(visitor) {}

    result<std::size_t> run() {
        walk_fields(*message_.root);
        if (!in_.ok()) {
            return codec::malformed(message_.name, in_);
        }
        return in_.position();
    }

private:
    [[nodiscard]] bool going() const { return in_.ok() && !stopped_; }
    [[nodiscard]] bool telling() const { return visitor_ != nullptr && silent_ == 0; }

    walk_on tell(visited& here) {
        if (!telling() || !in_.ok()) {
            return walk_on::into;
        }
        here.path = std::span(steps_).first(depth_);
        const auto answer = visitor_->visit(here);
        stopped_ = stopped_ || answer == walk_on::stop;
        return answer;
    }

    /// The end of what `begin` announced.
    void tell_end(visited here, walk_event event) {
        here.event = event;
        here.length = in_.position() - here.offset;
        tell(here);
    }

    void walk_fields(const struct_descriptor& type) {
        for (const auto& field : type.fields) {
            if (!going()) {
                return;
            }
            if (field.versions.contains(version_) && !field.tagged.contains(version_)) {
                walk_field(field);
            }
        }
        if (going() && message_.flexible.contains(version_)) {
            walk_tags(type);
        }
    }

    void walk_tags(const struct_descriptor& type) {
        for (auto left = codec::read_tag_count(in_); left > 0 && going(); --left) {
            const auto begin = in_.position();
            const auto tag = codec::begin_tag(in_);
            if (!in_.ok()) {
                return;
            }
            if (const auto* known = tagged_field(type, tag.number)) {
                walk_field(*known);
            } else {
                visited here{.event = walk_event::unknown_tag, .begin = begin, .offset = in_.position()};
                here.length = tag.end - in_.position();
                here.tag = tag.number;
                tell(here);
            }
            if (!stopped_) {
                codec::end_tag(in_, tag);
            }
        }
    }

    [[nodiscard]] const field_descriptor* tagged_field(const struct_descriptor& type, std::uint32_t number) const {
        for (const auto& field : type.fields) {
            if (field.tag >= 0 && static_cast<std::uint32_t>(field.tag) == number && field.tagged.contains(version_)) {
                return &field;
            }
        }
        return nullptr;
    }

    void walk_field(const field_descriptor& field) {
        CB_ASSERT(depth_ < steps_.size());
        steps_[depth_++] = {&field, -1};
        const bool nullable = field.nullable.contains(version_);
        if (field.array) {
            walk_array(field, nullable);
        } else if (field.type == field_type::structure) {
            walk_struct(*field.of, nullable);
        } else {
            walk_value(field, nullable);
        }
        --depth_;
    }

    void walk_array(const field_descriptor& field, bool nullable) {
        visited here{.event = walk_event::array_begin, .begin = in_.position()};
        here.count = read_count(field, nullable);
        here.null = here.count < 0;
        here.offset = in_.position();
        const bool over = tell(here) == walk_on::over;
        silent_ += over ? 1 : 0;
        if (const auto size = fixed_size(field.type); size > 0 && !telling() && here.count > 0) {
            in_.skip(static_cast<std::size_t>(here.count) * size);
        } else {
            walk_elements(field, here.count);
        }
        silent_ -= over ? 1 : 0;
        if (!stopped_) {
            tell_end(here, walk_event::array_end);
        }
    }

    std::int32_t read_count(const field_descriptor& field, bool nullable) {
        const bool flexible = field.flexible.contains(version_);
        if (const auto size = fixed_size(field.type); size > 0) {
            return codec::read_scalar_count(in_, flexible, nullable, size);
        }
        return codec::read_count(in_, flexible, nullable, field.of != nullptr ? field.of->bytes_min : 1);
    }

    void walk_elements(const field_descriptor& field, std::int32_t count) {
        auto& step = steps_[depth_ - 1];
        for (std::int32_t i = 0; i < count && going(); ++i) {
            step.index = i;
            if (field.type == field_type::structure) {
                walk_struct(*field.of, false);
            } else {
                walk_value(field, false);
            }
        }
        step.index = -1;
    }

    void walk_struct(const struct_descriptor& type, bool nullable) {
        visited here{.event = walk_event::struct_begin, .begin = in_.position()};
        here.null = nullable && in_.i8() < 0;
        here.offset = in_.position();
        const bool over = tell(here) == walk_on::over;
        silent_ += over ? 1 : 0;
        if (going() && !here.null) {
            walk_fields(type);
        }
        silent_ -= over ? 1 : 0;
        if (!stopped_) {
            tell_end(here, walk_event::struct_end);
        }
    }

    void walk_value(const field_descriptor& field, bool nullable) {
        visited here{.event = walk_event::value, .begin = in_.position()};
        auto length = static_cast<std::int32_t>(fixed_size(field.type));
        if (length == 0) {
            const bool flexible = field.flexible.contains(version_);
            length = field.type == field_type::string ? codec::read_string_length(in_, flexible, nullable)
                                                      : codec::read_bytes_length(in_, flexible, nullable);
            here.null = length < 0;
        }
        here.offset = in_.position();
        here.length = here.null ? 0 : static_cast<std::size_t>(length);
        in_.skip(here.length);
        tell(here);
    }

    const message_descriptor& message_;
    std::int16_t version_;
    wire::reader in_;
    walk_visitor* visitor_;
    std::array<walk_step, limits::nesting> steps_{};
    std::size_t depth_ = 0;
    int silent_ = 0; ///< inside how many things that the visitor wants to be stepped over
    bool stopped_ = false;
};

result<std::size_t> start(const message_descriptor& message, std::int16_t version, wire::bytes_view body,
                          walk_visitor* visitor) {
    if (!message.versions.contains(version)) {
        return codec::version_refused(message.name, version);
    }
    return walk_state(message, version, body, visitor).run();
}

} // namespace

result<std::size_t> walk(const message_descriptor& message, std::int16_t version, wire::bytes_view body,
                         walk_visitor& visitor) {
    return start(message, version, body, &visitor);
}

result<std::size_t> measure(const message_descriptor& message, std::int16_t version, wire::bytes_view body) {
    return start(message, version, body, nullptr);
}

std::size_t fixed_size(field_type type) noexcept {
    switch (type) {
    case field_type::boolean:
    case field_type::int8: return 1;
    case field_type::int16:
    case field_type::uint16: return 2;
    case field_type::int32: return 4;
    case field_type::int64:
    case field_type::float64: return 8;
    case field_type::uuid: return 16;
    case field_type::string:
    case field_type::bytes:
    case field_type::records:
    case field_type::structure: return 0;
    }
    return 0;
}

bool is_whole_number(field_type type) noexcept {
    return fixed_size(type) > 0 && type != field_type::float64 && type != field_type::uuid;
}

std::int64_t number_at(wire::bytes_view body, const visited& here) {
    const auto type = here.field().type;
    CB_ASSERT(here.event == walk_event::value && is_whole_number(type));
    wire::reader in(body.subspan(here.offset, here.length));
    switch (type) {
    case field_type::boolean: return in.boolean() ? 1 : 0;
    case field_type::int8: return in.i8();
    case field_type::int16: return in.i16();
    case field_type::uint16: return in.u16();
    case field_type::int32: return in.i32();
    default: return in.i64();
    }
}

void put_number(std::span<std::byte> body, const visited& here, std::int64_t value) {
    CB_ASSERT(here.event == walk_event::value && is_whole_number(here.field().type));
    auto rest = static_cast<std::uint64_t>(value);
    for (auto at = here.length; at > 0; --at) {
        body[here.offset + at - 1] = static_cast<std::byte>(rest & 0xff);
        rest >>= 8;
    }
}

} // namespace cb::protocol
