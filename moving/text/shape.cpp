// SPDX-License-Identifier: Apache-2.0
#include "moving/text/shape.hpp"
#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <stdexcept>

namespace moving::text {
namespace {

constexpr std::int64_t longest_text = 200;
constexpr std::int64_t longest_list = 100;

/// Characters, not bytes. The JSON parser has checked that it is UTF-8.
std::int64_t characters(std::string_view utf8) {
    return std::count_if(utf8.begin(), utf8.end(),
                         [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

std::string_view kind_of(const boost::json::value& value) {
    switch (value.kind()) {
    case boost::json::kind::null: return "null";
    case boost::json::kind::bool_: return "a truth value";
    case boost::json::kind::int64:
    case boost::json::kind::uint64: return "an integer";
    case boost::json::kind::double_: return "a number with a fraction";
    case boost::json::kind::string: return "a text";
    case boost::json::kind::array: return "a list";
    case boost::json::kind::object: return "an object";
    }
    return "something else";
}

/// A name as part of a JSON pointer (RFC 6901).
std::string escaped(std::string_view name) {
    std::string out;
    for (const char c : name) {
        if (c == '~') {
            out += "~0";
        } else if (c == '/') {
            out += "~1";
        } else {
            out += c;
        }
    }
    return out;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) {
        out += (out.empty() ? "" : ", ") + word;
    }
    return out;
}

std::string span_of(const field& f, std::string_view unit) {
    if (f.most == std::numeric_limits<std::int64_t>::max()) {
        return std::to_string(f.least) + std::string(unit) + " or more";
    }
    return std::to_string(f.least) + " to " + std::to_string(f.most) + std::string(unit);
}

/// "…: got X" with a text from outside cut short: the sentence goes to logs.
std::string shown(std::string_view text) {
    constexpr std::size_t most = 40;
    auto end = std::min(text.size(), most);
    while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
        --end;
    }
    return "\"" + std::string(text.substr(0, end)) + (end < text.size() ? "…\"" : "\"");
}

using checked = tl::expected<void, mistake>;

tl::unexpected<mistake> wrong(const std::string& pointer, const std::string& what) {
    return tl::unexpected(mistake{pointer, (pointer.empty() ? std::string("the body") : pointer) + " " + what});
}

checked check_text(const field& f, const boost::json::value& value, const std::string& pointer) {
    if (!value.is_string()) {
        return wrong(pointer,
                     "must be a text of " + span_of(f, "") + " characters, but is " + std::string(kind_of(value)));
    }
    const auto length = characters(value.get_string());
    if (length < f.least || length > f.most) {
        return wrong(pointer, "must be a text of " + span_of(f, "") + " characters, but has " + std::to_string(length));
    }
    return {};
}

checked check_integer(const field& f, const boost::json::value& value, const std::string& pointer) {
    const auto demanded = "must be an integer from " + span_of(f, "") + ", but is ";
    if (value.is_uint64()) {
        return wrong(pointer, demanded + std::to_string(value.get_uint64()));
    }
    if (!value.is_int64()) {
        return wrong(pointer, demanded + std::string(kind_of(value)));
    }
    if (value.get_int64() < f.least || value.get_int64() > f.most) {
        return wrong(pointer, demanded + std::to_string(value.get_int64()));
    }
    return {};
}

checked check_one_of(const field& f, const boost::json::value& value, const std::string& pointer) {
    if (value.is_string() &&
        std::find(f.choices.begin(), f.choices.end(), value.get_string().c_str()) != f.choices.end()) {
        return {};
    }
    return wrong(pointer, "must be one of " + joined(f.choices) + ", but is " +
                              (value.is_string() ? shown(value.get_string()) : std::string(kind_of(value))));
}

checked check_date(const boost::json::value& value, const std::string& pointer) {
    if (value.is_string() && is_date(value.get_string())) {
        return {};
    }
    return wrong(pointer, "must be a day that exists, written YYYY-MM-DD, but is " +
                              (value.is_string() ? shown(value.get_string()) : std::string(kind_of(value))));
}

int digits(std::string_view text) {
    int number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return -1;
        }
        number = number * 10 + (c - '0');
    }
    return number;
}

} // namespace

/// Walks a value beside its shape; `pointer` is where the walk is.
struct shape_check {
    static checked object(const shape& s, const boost::json::object& value, const std::string& pointer);
    static checked one(const field& f, const boost::json::value& value, const std::string& pointer);
    static checked list(const field& f, const boost::json::value& value, const std::string& pointer);
    static boost::json::object schema_of(const field& f);
};

checked shape_check::object(const shape& s, const boost::json::object& value, const std::string& pointer) {
    for (const auto& member : value) {
        const auto known = [&](const field& f) { return member.key() == f.name; };
        if (std::none_of(s.fields_.begin(), s.fields_.end(), known)) {
            std::vector<std::string> names;
            for (const auto& f : s.fields_) {
                names.push_back(f.name);
            }
            return wrong(pointer + "/" + escaped(member.key()).substr(0, 80),
                         "is not known here: there are " + joined(names));
        }
    }
    for (const auto& f : s.fields_) {
        const auto* member = value.if_contains(f.name);
        if (member == nullptr || (member->is_null() && !f.required)) {
            if (f.required) {
                return wrong(pointer + "/" + escaped(f.name), "is missing");
            }
            continue;
        }
        if (auto good = one(f, *member, pointer + "/" + escaped(f.name)); !good) {
            return good;
        }
    }
    return {};
}

checked shape_check::one(const field& f, const boost::json::value& value, const std::string& pointer) {
    switch (f.kind) {
    case field_kind::text: return check_text(f, value, pointer);
    case field_kind::integer: return check_integer(f, value, pointer);
    case field_kind::boolean:
        return value.is_bool() ? checked()
                               : wrong(pointer, "must be true or false, but is " + std::string(kind_of(value)));
    case field_kind::one_of: return check_one_of(f, value, pointer);
    case field_kind::date: return check_date(value, pointer);
    case field_kind::object:
        return value.is_object() ? object(*f.inner, value.get_object(), pointer)
                                 : wrong(pointer, "must be an object, but is " + std::string(kind_of(value)));
    case field_kind::list:
    case field_kind::list_of_texts: return list(f, value, pointer);
    }
    return {};
}

checked shape_check::list(const field& f, const boost::json::value& value, const std::string& pointer) {
    const auto demanded = "must be a list of " + span_of(f, "") + " elements, but ";
    if (!value.is_array()) {
        return wrong(pointer, demanded + "is " + std::string(kind_of(value)));
    }
    const auto& elements = value.get_array();
    const auto length = static_cast<std::int64_t>(elements.size());
    if (length < f.least || length > f.most) {
        return wrong(pointer, demanded + "has " + std::to_string(length));
    }
    for (std::size_t i = 0; i < elements.size(); ++i) {
        const auto place = pointer + "/" + std::to_string(i);
        checked good;
        if (f.kind == field_kind::list_of_texts) {
            good = check_text(text_field(""), elements[i], place);
        } else if (elements[i].is_object()) {
            good = object(*f.inner, elements[i].get_object(), place);
        } else {
            good = wrong(place, "must be an object, but is " + std::string(kind_of(elements[i])));
        }
        if (!good) {
            return good;
        }
    }
    return {};
}

boost::json::object shape_check::schema_of(const field& f) {
    boost::json::object out;
    const auto limit = [&](std::string_view least, std::string_view most) {
        out[least] = f.least;
        if (f.most != std::numeric_limits<std::int64_t>::max()) {
            out[most] = f.most;
        }
    };
    switch (f.kind) {
    case field_kind::text:
        out["type"] = "string";
        limit("minLength", "maxLength");
        break;
    case field_kind::integer:
        out["type"] = "integer";
        limit("minimum", "maximum");
        break;
    case field_kind::boolean: out["type"] = "boolean"; break;
    case field_kind::one_of:
        out["type"] = "string";
        out["enum"] = boost::json::array(f.choices.begin(), f.choices.end());
        break;
    case field_kind::date:
        out["type"] = "string";
        out["format"] = "date";
        break;
    case field_kind::object: out = f.inner->json_schema(); break;
    case field_kind::list:
    case field_kind::list_of_texts:
        out["type"] = "array";
        out["items"] = f.kind == field_kind::list ? f.inner->json_schema() : schema_of(text_field(""));
        limit("minItems", "maxItems");
        break;
    }
    if (!f.description.empty()) {
        out["description"] = f.description;
    }
    return out;
}

field field::optional() && {
    required = false;
    return std::move(*this);
}

field field::between(std::int64_t smallest, std::int64_t largest) && {
    least = smallest;
    most = largest;
    return std::move(*this);
}

field field::described(std::string words) && {
    description = std::move(words);
    return std::move(*this);
}

shape::shape(std::vector<field> fields) : fields_(std::move(fields)) {}

tl::expected<void, mistake> shape::check(const boost::json::object& value) const {
    return shape_check::object(*this, value, "");
}

boost::json::object shape::json_schema() const {
    boost::json::object properties;
    boost::json::array required;
    for (const auto& f : fields_) {
        properties[f.name] = shape_check::schema_of(f);
        if (f.required) {
            required.emplace_back(f.name);
        }
    }
    boost::json::object out;
    out["type"] = "object";
    out["properties"] = std::move(properties);
    if (!required.empty()) {
        out["required"] = std::move(required);
    }
    out["additionalProperties"] = false;
    return out;
}

field text_field(std::string name) {
    return {.name = std::move(name), .kind = field_kind::text, .least = 1, .most = longest_text};
}

field integer_field(std::string name, std::int64_t least, std::int64_t most) {
    return {.name = std::move(name), .kind = field_kind::integer, .least = least, .most = most};
}

field boolean_field(std::string name) { return {.name = std::move(name), .kind = field_kind::boolean}; }

field one_of_field(std::string name, std::vector<std::string> choices) {
    return {.name = std::move(name), .kind = field_kind::one_of, .choices = std::move(choices)};
}

field date_field(std::string name) { return {.name = std::move(name), .kind = field_kind::date}; }

field object_field(std::string name, shape inner) {
    return {
        .name = std::move(name), .kind = field_kind::object, .inner = std::make_shared<const shape>(std::move(inner))};
}

field list_field(std::string name, shape inner) {
    return {.name = std::move(name),
            .kind = field_kind::list,
            .most = longest_list,
            .inner = std::make_shared<const shape>(std::move(inner))};
}

field text_list_field(std::string name) {
    return {.name = std::move(name), .kind = field_kind::list_of_texts, .most = longest_list};
}

bool is_date(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
        return false;
    }
    const auto year = digits(text.substr(0, 4));
    const auto month = digits(text.substr(5, 2));
    const auto day = digits(text.substr(8, 2));
    if (year < 1 || month < 1 || month > 12 || day < 1) {
        return false;
    }
    constexpr std::array<int, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[static_cast<std::size_t>(month - 1)] + (leap && month == 2 ? 1 : 0);
}

} // namespace moving::text
