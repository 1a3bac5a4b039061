// SPDX-License-Identifier: Apache-2.0
#include "value_tree.hpp"

#include <algorithm>
#include <stdexcept>

#include "protocol/field_path.hpp"
#include "protocol/walker.hpp"

namespace cb::protocol::testing {
namespace {

std::string big_endian_text(std::uint64_t value, std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t i = size; i > 0; --i) {
        out[i - 1] = static_cast<char>(value & 0xff);
        value >>= 8;
    }
    return out;
}

class generator {
public:
    generator(random_source& random, std::int16_t version) : random_(random), version_(version) {}

    value_tree structure(const struct_descriptor& type, int depth) {
        value_tree tree;
        for (const auto& field : type.fields) {
            if (field.versions.contains(version_)) {
                tree.members.push_back({&field, {value(field, depth)}});
            }
        }
        return tree;
    }

private:
    value_tree value(const field_descriptor& field, int depth) {
        if (field.nullable.contains(version_) && random_.below(5) == 0) {
            value_tree tree;
            tree.null = true;
            return tree;
        }
        if (!field.array) {
            return single(field, depth);
        }
        value_tree tree;
        const auto count = random_.below(depth == 0 ? 4 : 3);
        for (std::uint64_t i = 0; i < count; ++i) {
            tree.elements.push_back(single(field, depth));
        }
        return tree;
    }

    value_tree single(const field_descriptor& field, int depth) {
        if (field.type == field_type::structure) {
            return structure(*field.of, depth + 1);
        }
        value_tree tree;
        if (const auto size = fixed_size(field.type); size > 0) {
            const bool small = random_.below(2) == 0;
            const auto number = field.type == field_type::boolean ? random_.below(2)
                                : small                           ? random_.below(3)
                                                                  : random_.next();
            tree.content = big_endian_text(number, size);
        } else {
            // Two lengths around the limit of one-byte varints, most of them short.
            const auto length = random_.below(40) == 0 ? 125 + random_.below(6) : random_.below(6);
            for (std::uint64_t i = 0; i < length; ++i) {
                tree.content += static_cast<char>(random_.below(256));
            }
        }
        return tree;
    }

    random_source& random_;
    std::int16_t version_;
};

std::string default_content(const field_descriptor& field) {
    const auto size = fixed_size(field.type);
    if (size == 0) {
        return std::string(field.default_value);
    }
    if (!field.has_default) {
        return std::string(size, '\0');
    }
    if (field.type == field_type::boolean) {
        return std::string(1, field.default_value == "true" ? '\1' : '\0');
    }
    return big_endian_text(static_cast<std::uint64_t>(std::stoll(std::string(field.default_value), nullptr, 0)), size);
}

bool is_default(const field_descriptor& field, const value_tree& tree) {
    const bool null_default = field.type == field_type::records || (field.has_default && field.default_value == "null");
    if (tree.null || null_default) {
        return tree.null && null_default;
    }
    if (field.array) {
        return tree.elements.empty();
    }
    if (field.type == field_type::structure) {
        return std::all_of(tree.members.begin(), tree.members.end(),
                           [](const auto& m) { return is_default(*m.field, m.value[0]); });
    }
    return tree.content == default_content(field);
}

/// Tagged members that are to be written, lowest tag first.
std::vector<const member*> tagged_members(const value_tree& tree, std::int16_t version) {
    std::vector<const member*> tagged;
    for (const auto& m : tree.members) {
        if (m.field->tagged.contains(version) && !is_default(*m.field, m.value[0])) {
            tagged.push_back(&m);
        }
    }
    std::sort(tagged.begin(), tagged.end(), [](const auto* a, const auto* b) { return a->field->tag < b->field->tag; });
    return tagged;
}

class tree_encoder {
public:
    tree_encoder(const message_descriptor& message, std::int16_t version) : message_(message), version_(version) {}

    void structure(wire::writer& out, const value_tree& tree) const {
        for (const auto& m : tree.members) {
            if (!m.field->tagged.contains(version_)) {
                value(out, *m.field, m.value[0]);
            }
        }
        if (!message_.flexible.contains(version_)) {
            return;
        }
        const auto tagged = tagged_members(tree, version_);
        out.uvarint(static_cast<std::uint32_t>(tagged.size()));
        for (const auto* m : tagged) {
            wire::writer inner;
            value(inner, *m->field, m->value[0]);
            const auto bytes = inner.take().flatten();
            out.uvarint(static_cast<std::uint32_t>(m->field->tag));
            out.uvarint(static_cast<std::uint32_t>(bytes.size()));
            out.bytes(bytes.view());
        }
    }

private:
    void value(wire::writer& out, const field_descriptor& field, const value_tree& tree) const {
        const bool flexible = field.flexible.contains(version_);
        if (field.array) {
            length(out, flexible, 4, tree.null ? -1 : static_cast<std::int64_t>(tree.elements.size()));
            for (const auto& element : tree.elements) {
                single(out, field, element);
            }
        } else if (field.type == field_type::structure && field.nullable.contains(version_)) {
            out.i8(tree.null ? -1 : 1);
            if (!tree.null) {
                structure(out, tree);
            }
        } else {
            single(out, field, tree);
        }
    }

    void single(wire::writer& out, const field_descriptor& field, const value_tree& tree) const {
        if (field.type == field_type::structure) {
            structure(out, tree);
            return;
        }
        if (fixed_size(field.type) == 0) {
            length(out, field.flexible.contains(version_), field.type == field_type::string ? 2 : 4,
                   tree.null ? -1 : static_cast<std::int64_t>(tree.content.size()));
        }
        out.string_bytes(tree.content);
    }

    static void length(wire::writer& out, bool flexible, int width, std::int64_t v) {
        if (flexible) {
            out.uvarint(static_cast<std::uint32_t>(v + 1));
        } else if (width == 2) {
            out.i16(static_cast<std::int16_t>(v));
        } else {
            out.i32(static_cast<std::int32_t>(v));
        }
    }

    const message_descriptor& message_;
    std::int16_t version_;
};

void list_struct(std::vector<leaf>& out, const std::string& path, const value_tree& tree, std::int16_t version);

void list_value(std::vector<leaf>& out, const std::string& path, const field_descriptor& field, const value_tree& tree,
                std::int16_t version) {
    if (tree.null) {
        out.push_back({path, true, {}});
    } else if (field.type == field_type::structure) {
        list_struct(out, path + ".", tree, version);
    } else {
        out.push_back({path, false, tree.content});
    }
}

void list_member(std::vector<leaf>& out, const std::string& prefix, const member& m, std::int16_t version) {
    const auto path = prefix + snake_case(m.field->name);
    const auto& tree = m.value[0];
    if (!m.field->array || tree.null) {
        list_value(out, path, *m.field, tree, version);
        return;
    }
    for (std::size_t i = 0; i < tree.elements.size(); ++i) {
        list_value(out, path + "[" + std::to_string(i) + "]", *m.field, tree.elements[i], version);
    }
}

void list_struct(std::vector<leaf>& out, const std::string& prefix, const value_tree& tree, std::int16_t version) {
    for (const auto& m : tree.members) {
        if (!m.field->tagged.contains(version)) {
            list_member(out, prefix, m, version);
        }
    }
    for (const auto* m : tagged_members(tree, version)) {
        list_member(out, prefix, *m, version);
    }
}

} // namespace

value_tree random_message(random_source& random, const message_descriptor& message, std::int16_t version) {
    return generator(random, version).structure(*message.root, 0);
}

void encode(wire::writer& out, const message_descriptor& message, std::int16_t version, const value_tree& tree) {
    tree_encoder(message, version).structure(out, tree);
}

std::vector<leaf> leaves(const message_descriptor&, std::int16_t version, const value_tree& tree) {
    std::vector<leaf> out;
    list_struct(out, "", tree, version);
    return out;
}

} // namespace cb::protocol::testing
