// SPDX-License-Identifier: Apache-2.0
#include "load/template_writer.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace cb::load {
namespace {

/// RFC 8259, 6.
bool is_json_number(std::string_view text) {
    const auto digits = [&](std::size_t from) {
        return std::min(text.find_first_not_of("0123456789", from), text.size()) - from;
    };
    std::size_t at = text.starts_with('-') ? 1 : 0;
    const auto whole = digits(at);
    if (whole == 0 || (whole > 1 && text[at] == '0')) {
        return false;
    }
    at += whole;
    if (at < text.size() && text[at] == '.') {
        const auto fraction = digits(at + 1);
        if (fraction == 0) {
            return false;
        }
        at += 1 + fraction;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        at += at < text.size() && (text[at] == '+' || text[at] == '-') ? 1 : 0;
        const auto exponent = digits(at);
        if (exponent == 0) {
            return false;
        }
        at += exponent;
    }
    return at == text.size();
}

} // namespace

void template_writer::append(text_template part) {
    for (auto& piece : part.pieces) {
        auto* text = std::get_if<text_template::literal>(&piece.what);
        auto* last = out_.pieces.empty() ? nullptr : std::get_if<text_template::literal>(&out_.pieces.back().what);
        if (text != nullptr && last != nullptr) {
            last->text += text->text;
        } else {
            out_.pieces.push_back(std::move(piece));
        }
    }
}

template_writer& template_writer::literal(std::string_view text) {
    append({{{text_template::literal{std::string(text)}, escaping::none}}});
    return *this;
}

template_writer& template_writer::text(const file::written& text, escaping how, literals outside) {
    append(parse_template(text.text, text.at, how, outside, scope_));
    return *this;
}

template_writer& template_writer::pairs(const file::named_texts& fields, escaping how) {
    bool first = true;
    for (const auto& [name, value] : fields) {
        literal(first ? "" : "&");
        first = false;
        text({name, value.at}, how, literals::escaped);
        literal("=");
        text(value, how, literals::escaped);
    }
    return *this;
}

template_writer& template_writer::json(const document::field& tree) {
    put_value(tree, 0);
    return *this;
}

void template_writer::count(std::size_t bytes, const document::field& at) {
    json_bytes_ += bytes;
    if (json_bytes_ > limits::scenario_body_bytes) {
        at.refuse("more than " + std::to_string(limits::scenario_body_bytes) + " bytes of a body");
    }
}

void template_writer::put_string(const std::string& value, const document::field& at) {
    count(value.size() + 2, at);
    literal("\"").text({value, at}, escaping::json, literals::escaped).literal("\"");
}

void template_writer::put_value(const document::field& in, int depth) {
    if (depth > limits::scenario_nesting) {
        in.refuse("values stand in each other more than " + std::to_string(limits::scenario_nesting) + " deep");
    }
    count(4, in);
    if (in.is_list()) {
        literal("[");
        bool first = true;
        for (const auto& each : in.elements()) {
            literal(first ? "" : ",");
            first = false;
            put_value(each, depth + 1);
        }
        literal("]");
    } else if (in.is_map()) {
        literal("{");
        bool first = true;
        for (const auto& [name, value] : in.entries()) {
            literal(first ? "" : ",");
            first = false;
            put_string(name, value);
            literal(":");
            put_value(value, depth + 1);
        }
        literal("}");
    } else if (!in.there()) {
        literal("null");
    } else {
        const auto value = in.text();
        const bool plain = !in.quoted() && (value == "true" || value == "false" || is_json_number(value));
        count(value.size(), in);
        plain ? static_cast<void>(literal(value)) : put_string(value, in);
    }
}

} // namespace cb::load
