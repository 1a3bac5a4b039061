// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <sstream>

#include "emit.hpp"

namespace kschema {
namespace {

/// Names that C++ keeps for itself.
std::string member_name(const std::string& kafka) {
    static const std::set<std::string> taken{"operator", "default", "register", "delete", "new", "class", "union"};
    const auto name = snake_case(kafka);
    return taken.contains(name) ? name + "_" : name;
}

bool any_field_named(const message& m, const std::string& name) {
    const auto has = [&](const struct_type& type) {
        return std::any_of(type.fields.begin(), type.fields.end(),
                           [&](const field& f) { return member_name(f.name) == name; });
    };
    return has(*m.root) ||
           std::any_of(m.structs.begin(), m.structs.end(), [&](const auto* type) { return has(*type); });
}

/// A struct whose name is also a field's (Cursor) gets a tail, for C++ has one scope for both.
std::string struct_name(const message& m, const struct_type& type) {
    const auto name = snake_case(type.name);
    return any_field_named(m, name) ? name + "_struct" : name;
}

bool optional(const field& f) { return !f.nullable.none() || f.type.is("records"); }

std::string element_type(const message& m, const field_type& type) {
    static const std::array<std::pair<std::string_view, std::string_view>, 11> names{{{"bool", "bool"},
                                                                                      {"int8", "std::int8_t"},
                                                                                      {"int16", "std::int16_t"},
                                                                                      {"int32", "std::int32_t"},
                                                                                      {"int64", "std::int64_t"},
                                                                                      {"uint16", "std::uint16_t"},
                                                                                      {"float64", "double"},
                                                                                      {"string", "std::string"},
                                                                                      {"bytes", "wire::slice"},
                                                                                      {"records", "wire::slice"},
                                                                                      {"uuid", "uuid"}}};
    if (type.of != nullptr) {
        return struct_name(m, *type.of);
    }
    for (const auto& [kafka, cpp] : names) {
        if (kafka == type.name) {
            return std::string(cpp);
        }
    }
    return {};
}

std::string cpp_type(const message& m, const field& f) {
    auto type = element_type(m, f.type);
    if (f.type.array) {
        type = "std::vector<" + type + ">";
    }
    return optional(f) ? "std::optional<" + type + ">" : type;
}

/// The initialiser of a member, as C++ text.
std::string initial_value(const message& m, const field& f) {
    const auto& given = f.default_value;
    if (optional(f)) {
        // Nullable without a null default: an empty value, as in Kafka's own classes.
        const bool starts_null = given == "null" || f.type.is("records");
        return starts_null ? "std::nullopt" : cpp_type(m, f).substr(14, cpp_type(m, f).size() - 15) + "{}";
    }
    if (f.type.array || f.type.of != nullptr || f.type.is("string") || f.type.is("bytes") || f.type.is("uuid")) {
        return {};
    }
    if (f.type.is("bool")) {
        return given.value_or("false");
    }
    const auto text = given.value_or("0");
    if (text == "-2147483648") {
        return "std::numeric_limits<std::int32_t>::min()";
    }
    return text;
}

void declare_fields(std::ostringstream& out, const message& m, const struct_type& type, const std::string& margin) {
    for (const auto& f : type.fields) {
        const auto value = initial_value(m, f);
        out << margin << cpp_type(m, f) << " " << member_name(f.name) << (value.empty() ? "{}" : " = " + value)
            << ";\n";
    }
}

// --- conditions ----------------------------------------------------------------------------------------------------

/// The test that `version` lies in `range`, given that it lies in the message's; "" when always, "false" when never.
std::string condition(const message& m, const version_range& range) {
    const auto first = std::max(range.first, m.versions.first);
    const auto last = std::min(range.last, m.versions.last);
    if (first > last) {
        return "false";
    }
    std::string text;
    if (first > m.versions.first) {
        text = "version >= " + std::to_string(first);
    }
    if (last < m.versions.last) {
        text += (text.empty() ? "" : " && ") + ("version <= " + std::to_string(last));
    }
    return text;
}

std::string as_bool(const std::string& condition_text) { return condition_text.empty() ? "true" : condition_text; }

std::string flexible_test(const message& m, const field& f) {
    return as_bool(condition(m, f.flexible.value_or(m.flexible)));
}

bool tagged_always(const message& m, const field& f) {
    if (!f.tag) {
        return false;
    }
    for (int version = m.versions.first; version <= m.versions.last; ++version) {
        if (f.versions.contains(version) && !f.tagged.contains(version)) {
            return false;
        }
    }
    return true;
}

// --- decoding ------------------------------------------------------------------------------------------------------

std::string read_scalar(const field_type& type) {
    static const std::array<std::pair<std::string_view, std::string_view>, 8> calls{{{"bool", "in.boolean()"},
                                                                                     {"int8", "in.i8()"},
                                                                                     {"int16", "in.i16()"},
                                                                                     {"int32", "in.i32()"},
                                                                                     {"int64", "in.i64()"},
                                                                                     {"uint16", "in.u16()"},
                                                                                     {"float64", "in.f64()"},
                                                                                     {"uuid", "read_uuid(in)"}}};
    for (const auto& [kafka, call] : calls) {
        if (kafka == type.name) {
            return std::string(call);
        }
    }
    return {};
}

void read_value(std::ostringstream& out, const message& m, const field& f, const std::string& margin) {
    const auto target = "out." + member_name(f.name);
    const auto flexible = flexible_test(m, f);
    const auto nullable = as_bool(condition(m, f.nullable));
    if (f.type.array) {
        const auto scalar = scalar_bytes(f.type.name);
        const auto least = f.type.of != nullptr ? min_bytes(*f.type.of, m) : std::max<std::size_t>(scalar, 1);
        const auto allowed = optional(f) ? nullable : std::string("false");
        out << margin << "if (const auto count = read_" << (scalar > 0 ? "scalar_" : "") << "count(in, " << flexible
            << ", " << allowed << ", " << least << "); count >= 0) {\n";
        const auto list = optional(f) ? target + ".emplace()" : target;
        out << margin << "    auto& list = " << list << ";\n";
        out << margin << "    list.reserve(reservation(count));\n";
        out << margin << "    for (std::int32_t i = 0; i < count && in.ok(); ++i) {\n";
        if (f.type.of != nullptr) {
            out << margin << "        read(in, version, list.emplace_back());\n";
        } else if (f.type.name == "string") {
            out << margin << "        list.push_back(read_string(in, " << flexible << "));\n";
        } else if (f.type.name == "bytes" || f.type.name == "records") {
            out << margin << "        list.push_back(read_bytes(in, " << flexible << "));\n";
        } else {
            out << margin << "        list.push_back(" << read_scalar(f.type) << ");\n";
        }
        out << margin << "    }\n" << margin << "}";
        if (optional(f)) {
            out << " else {\n" << margin << "    " << target << ".reset();\n" << margin << "}";
        }
        out << "\n";
    } else if (f.type.of != nullptr) {
        if (optional(f)) {
            out << margin << "if (!(" << nullable << ") || in.i8() >= 0) {\n"
                << margin << "    read(in, version, " << target << ".emplace());\n"
                << margin << "} else {\n"
                << margin << "    " << target << ".reset();\n"
                << margin << "}\n";
        } else {
            out << margin << "read(in, version, " << target << ");\n";
        }
    } else if (f.type.name == "string" || f.type.name == "bytes" || f.type.name == "records") {
        const auto* kind = f.type.name == "string" ? "string" : "bytes";
        if (optional(f)) {
            out << margin << target << " = read_nullable_" << kind << "(in, " << flexible << ", " << nullable << ");\n";
        } else {
            out << margin << target << " = read_" << kind << "(in, " << flexible << ");\n";
        }
    } else {
        out << margin << target << " = " << read_scalar(f.type) << ";\n";
    }
}

/// Untagged versions of a field.
std::string plain_condition(const message& m, const field& f) {
    const auto text = condition(m, f.versions);
    if (!f.tag || text == "false") {
        return text;
    }
    return (text.empty() ? "" : text + " && ") + ("!(" + as_bool(condition(m, f.tagged)) + ")");
}

void emit_read(std::ostringstream& out, const message& m, const struct_type& type, const std::string& full_name) {
    out << "void read(wire::reader& in, [[maybe_unused]] std::int16_t version, " << full_name << "& out) {\n";
    for (const auto& f : type.fields) {
        if (tagged_always(m, f)) {
            continue;
        }
        const auto test = plain_condition(m, f);
        if (test == "false") {
            continue;
        }
        if (test.empty()) {
            read_value(out, m, f, "    ");
        } else {
            out << "    if (" << test << ") {\n";
            read_value(out, m, f, "        ");
            out << "    }\n";
        }
    }
    if (const auto flexible = condition(m, m.flexible); flexible != "false") {
        const bool any =
            std::any_of(type.fields.begin(), type.fields.end(), [](const field& f) { return f.tag.has_value(); });
        out << "    if (" << as_bool(flexible) << ") {\n";
        if (!any) {
            out << "        skip_tags(in);\n";
        } else {
            out << "        for (auto tags = read_tag_count(in); tags > 0 && in.ok(); --tags) {\n"
                << "            const auto tag = begin_tag(in);\n"
                << "            switch (tag.number) {\n";
            for (const auto& f : type.fields) {
                if (!f.tag) {
                    continue;
                }
                out << "            case " << *f.tag << ":\n";
                const auto test = condition(m, f.tagged);
                out << "                if (" << as_bool(test) << ") {\n";
                read_value(out, m, f, "                    ");
                out << "                }\n                break;\n";
            }
            out << "            default: break;\n            }\n"
                << "            end_tag(in, tag);\n"
                << "        }\n";
        }
        out << "    }\n";
    }
    out << "}\n\n";
}

// --- encoding ------------------------------------------------------------------------------------------------------

/// The call that writes a number, bool or uuid.
std::string write_scalar(const field_type& type, const std::string& writer, const std::string& value) {
    static const std::array<std::pair<std::string_view, std::string_view>, 7> calls{{{"bool", "boolean"},
                                                                                     {"int8", "i8"},
                                                                                     {"int16", "i16"},
                                                                                     {"int32", "i32"},
                                                                                     {"int64", "i64"},
                                                                                     {"uint16", "u16"},
                                                                                     {"float64", "f64"}}};
    for (const auto& [kafka, call] : calls) {
        if (kafka == type.name) {
            return writer + "." + std::string(call) + "(" + value + ")";
        }
    }
    return "write_uuid(" + writer + ", " + value + ")";
}

void refuse_null(std::ostringstream& out, const message& m, const field& f, const std::string& margin) {
    out << margin << "if (!v." << member_name(f.name) << " && !(" << as_bool(condition(m, f.nullable)) << ")) {\n"
        << margin << "    return null_refused(\"" << m.name << "\", \"" << f.name << "\", version);\n"
        << margin << "}\n";
}

void write_struct(std::ostringstream& out, const std::string& writer, const std::string& value,
                  const std::string& margin) {
    out << margin << "if (auto done = write(" << writer << ", version, " << value << "); !done) {\n"
        << margin << "    return done;\n"
        << margin << "}\n";
}

void write_array(std::ostringstream& out, const message& m, const field& f, const std::string& writer,
                 const std::string& margin) {
    const auto source = "v." + member_name(f.name);
    const auto flexible = flexible_test(m, f);
    const auto size = "static_cast<std::int64_t>(" + source + (optional(f) ? "->" : ".") + "size())";
    if (optional(f)) {
        refuse_null(out, m, f, margin);
    }
    out << margin << "write_count(" << writer << ", " << flexible << ", "
        << (optional(f) ? source + " ? " + size + " : -1" : size) << ");\n";
    out << margin << (optional(f) ? "if (" + source + ") {\n" : "{\n");
    out << margin << "    for (const auto& each : " << (optional(f) ? "*" : "") << source << ") {\n";
    if (f.type.of != nullptr) {
        write_struct(out, writer, "each", margin + "        ");
    } else if (scalar_bytes(f.type.name) > 0) {
        out << margin << "        " << write_scalar(f.type, writer, "each") << ";\n";
    } else {
        const auto* kind = f.type.name == "string" ? "string" : "bytes";
        out << margin << "        write_" << kind << "(" << writer << ", " << flexible << ", each);\n";
    }
    out << margin << "    }\n" << margin << "}\n";
}

void write_value(std::ostringstream& out, const message& m, const field& f, const std::string& writer,
                 const std::string& margin) {
    const auto source = "v." + member_name(f.name);
    if (f.type.array) {
        write_array(out, m, f, writer, margin);
    } else if (f.type.of != nullptr && optional(f)) {
        refuse_null(out, m, f, margin);
        out << margin << "if (" << as_bool(condition(m, f.nullable)) << ") {\n"
            << margin << "    " << writer << ".i8(" << source << " ? 1 : -1);\n"
            << margin << "}\n"
            << margin << "if (" << source << ") {\n";
        write_struct(out, writer, "*" + source, margin + "    ");
        out << margin << "}\n";
    } else if (f.type.of != nullptr) {
        write_struct(out, writer, source, margin);
    } else if (scalar_bytes(f.type.name) > 0) {
        out << margin << write_scalar(f.type, writer, source) << ";\n";
    } else {
        if (optional(f)) {
            refuse_null(out, m, f, margin);
        }
        out << margin << "write_" << (optional(f) ? "nullable_" : "") << (f.type.name == "string" ? "string" : "bytes")
            << "(" << writer << ", " << flexible_test(m, f) << ", " << source << ");\n";
    }
}

std::string is_default(const message& m, const field& f) {
    const auto source = "v." + member_name(f.name);
    if (optional(f)) {
        return initial_value(m, f) == "std::nullopt" ? "!" + source : "(" + source + " && " + source + "->empty())";
    }
    if (f.type.array || f.type.is("string") || f.type.is("bytes")) {
        return source + ".empty()";
    }
    if (f.type.is("uuid")) {
        return source + ".is_zero()";
    }
    if (f.type.of != nullptr) {
        return source + " == std::remove_cvref_t<decltype(" + source + ")>{}";
    }
    return source + " == " + initial_value(m, f);
}

void emit_write(std::ostringstream& out, const message& m, const struct_type& type, const std::string& full_name) {
    out << "result<void> write([[maybe_unused]] wire::writer& to, [[maybe_unused]] std::int16_t version, "
        << "[[maybe_unused]] const " << full_name << "& v) {\n";
    for (const auto& f : type.fields) {
        const auto present = condition(m, f.versions);
        if (!present.empty() && !f.ignorable) {
            out << "    if (!(" << present << ") && !(" << is_default(m, f) << ")) {\n"
                << "        return field_refused(\"" << m.name << "\", \"" << f.name << "\", version);\n    }\n";
        }
        if (tagged_always(m, f)) {
            continue;
        }
        const auto test = plain_condition(m, f);
        if (test == "false") {
            continue;
        }
        if (test.empty()) {
            write_value(out, m, f, "to", "    ");
        } else {
            out << "    if (" << test << ") {\n";
            write_value(out, m, f, "to", "        ");
            out << "    }\n";
        }
    }
    if (const auto flexible = condition(m, m.flexible); flexible != "false") {
        std::vector<const field*> tagged;
        for (const auto& f : type.fields) {
            if (f.tag) {
                tagged.push_back(&f);
            }
        }
        std::sort(tagged.begin(), tagged.end(), [](const auto* a, const auto* b) { return *a->tag < *b->tag; });
        out << "    if (" << as_bool(flexible) << ") {\n";
        if (tagged.empty()) {
            out << "        to.uvarint(0);\n";
        } else {
            out << "        tag_section tags;\n";
            for (const auto* f : tagged) {
                out << "        if (" << as_bool(condition(m, f->tagged)) << " && !(" << is_default(m, *f) << ")) {\n"
                    << "            auto& tagged = tags.add(" << *f->tag << ");\n";
                write_value(out, m, *f, "tagged", "            ");
                out << "        }\n";
            }
            out << "        tags.write(to);\n";
        }
        out << "    }\n";
    }
    out << "    return {};\n}\n\n";
}

void declare_struct(std::ostringstream& out, const message& m, const struct_type& type, const std::string& margin) {
    const auto name = struct_name(m, type);
    out << margin << "struct " << name << " {\n";
    declare_fields(out, m, type, margin + "    ");
    out << "\n" << margin << "    bool operator==(const " << name << "&) const = default;\n" << margin << "};\n\n";
}

/// A std::optional of a struct that is nested in the class under way cannot be made inside of it: its member
/// initialisers are not complete before the class is (CWG 1397; clang refuses). Such messages have their structs
/// outside.
bool has_nullable_struct(const message& m) {
    const auto has = [](const struct_type& type) {
        return std::any_of(type.fields.begin(), type.fields.end(),
                           [](const field& f) { return f.type.of != nullptr && !f.type.array && !f.nullable.none(); });
    };
    return has(*m.root) ||
           std::any_of(m.structs.begin(), m.structs.end(), [&](const auto* type) { return has(*type); });
}

} // namespace

std::string emit_typed_header(const std::vector<message>& api) {
    std::ostringstream out;
    out << "// Generated by tools/kschema from src/protocol/schema. Changes belong there.\n#pragma once\n\n"
        << "#include <cstdint>\n#include <limits>\n#include <optional>\n#include <string>\n#include <vector>\n\n"
        << "#include \"base/result.hpp\"\n#include \"protocol/api_key.hpp\"\n#include \"protocol/uuid.hpp\"\n"
        << "#include \"wire/cursor.hpp\"\n\nnamespace cb::protocol {\n\n";
    for (const auto& m : api) {
        const auto name = snake_case(m.name);
        const bool apart = has_nullable_struct(m);
        if (apart) {
            out << "namespace " << name << "_types {\n\n";
            for (const auto* type : m.structs) {
                declare_struct(out, m, *type, "");
            }
            out << "} // namespace " << name << "_types\n\n";
        }
        out << "struct " << name << " {\n";
        if (m.api >= 0) {
            out << "    static constexpr api_key api = api_key::" << snake_case(m.api_name) << ";\n";
        }
        out << "    static constexpr std::int16_t min_version = " << m.versions.first << ";\n"
            << "    static constexpr std::int16_t max_version = " << m.versions.last << ";\n"
            << "    static constexpr std::int16_t first_flexible = "
            << (m.flexible.none() ? version_range::open : m.flexible.first) << ";\n\n";
        for (const auto* type : m.structs) {
            if (apart) {
                out << "    using " << struct_name(m, *type) << " = " << name << "_types::" << struct_name(m, *type)
                    << ";\n";
            } else {
                declare_struct(out, m, *type, "    ");
            }
        }
        declare_fields(out, m, *m.root, "    ");
        out << "\n    /// Error: malformed, unsupported version.\n"
            << "    static result<" << name << "> decode(wire::reader& in, std::int16_t version);\n"
            << "    /// Error: a field that this version cannot carry has a value that matters.\n"
            << "    result<void> encode(wire::writer& to, std::int16_t version) const;\n\n"
            << "    bool operator==(const " << name << "&) const = default;\n};\n\n";
    }
    out << "} // namespace cb::protocol\n";
    return out.str();
}

std::string emit_typed_source(const std::vector<message>& api) {
    std::ostringstream out;
    const auto file =
        api.front().kind == message_kind::header ? snake_case(api.front().name) : snake_case(api.front().api_name);
    out << "// Generated by tools/kschema from src/protocol/schema. Changes belong there.\n"
        << "#include \"protocol/" << file << ".hpp\"\n\n#include \"protocol/codec.hpp\"\n\n"
        << "namespace cb::protocol {\nnamespace {\n\nusing namespace codec;\n\n";
    for (const auto& m : api) {
        const auto name = snake_case(m.name);
        for (const auto* type : m.structs) {
            emit_read(out, m, *type, name + "::" + struct_name(m, *type));
            emit_write(out, m, *type, name + "::" + struct_name(m, *type));
        }
        emit_read(out, m, *m.root, name);
        emit_write(out, m, *m.root, name);
    }
    out << "} // namespace\n\n";
    for (const auto& m : api) {
        const auto name = snake_case(m.name);
        out << "result<" << name << "> " << name << "::decode(wire::reader& in, std::int16_t version) {\n"
            << "    if (version < min_version || version > max_version) {\n"
            << "        return codec::version_refused(\"" << m.name << "\", version);\n    }\n"
            << "    " << name << " out;\n    read(in, version, out);\n"
            << "    if (!in.ok()) {\n        return codec::malformed(\"" << m.name
            << "\", in);\n    }\n    return out;\n}\n\n"
            << "result<void> " << name << "::encode(wire::writer& to, std::int16_t version) const {\n"
            << "    if (version < min_version || version > max_version) {\n"
            << "        return codec::version_refused(\"" << m.name << "\", version);\n    }\n"
            << "    return write(to, version, *this);\n}\n\n";
    }
    out << "} // namespace cb::protocol\n";
    return out.str();
}

std::string emit_all_typed(const std::vector<message>& all, const std::set<std::string>& typed) {
    std::set<std::string> headers;
    std::string types;
    for (const auto& m : all) {
        if (typed.contains(m.api_name)) {
            headers.insert(snake_case(m.api_name));
            types += (types.empty() ? "" : ",\n    ") + snake_case(m.name);
        }
    }
    std::ostringstream out;
    out << "// Generated by tools/kschema from src/protocol/schema. Changes belong there.\n#pragma once\n\n"
        << "#include <tuple>\n\n";
    for (const auto& name : headers) {
        out << "#include \"protocol/" << name << ".hpp\"\n";
    }
    out << "\nnamespace cb::protocol {\n\nusing all_typed_messages = std::tuple<\n    " << types
        << ">;\n\n} // namespace cb::protocol\n";
    return out.str();
}

} // namespace kschema
