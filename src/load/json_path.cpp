// SPDX-License-Identifier: Apache-2.0
#include "load/json_path.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include <boost/json.hpp>

#include "base/limits.hpp"

namespace cb::load {
namespace {

bool in_plain_name(char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
    return letter || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/// The name in quotes at the start of `rest`; takes it away, and the bracket behind it.
std::optional<std::string> take_quoted(std::string_view& rest) {
    const char quote = rest.front();
    std::string name;
    for (std::size_t i = 1; i < rest.size(); ++i) {
        if (rest[i] == quote) {
            if (i + 1 == rest.size() || rest[i + 1] != ']') {
                return std::nullopt;
            }
            rest.remove_prefix(i + 2);
            return name;
        }
        i += rest[i] == '\\' && i + 1 < rest.size() ? 1 : 0;
        name += rest[i];
    }
    return std::nullopt;
}

template <class Number>
void put_number(std::string& out, Number value) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out.assign(digits.data(), end);
}

} // namespace

std::optional<json_path> json_path::parse(std::string_view text, std::string& wrong) {
    const auto no = [&](const std::string& why) {
        wrong = "'" + std::string(text.substr(0, 100)) + "' is no path: " + why +
                "; write $.name, $.outer.inner, "
                "$.list[0] or $['a name']";
        return std::nullopt;
    };
    if (!text.starts_with('$')) {
        return no("it must begin with $");
    }
    if (text.size() > limits::scenario_pattern_bytes) {
        return no("it has more than " + std::to_string(limits::scenario_pattern_bytes) + " characters");
    }
    json_path out;
    out.text_ = text;
    for (auto rest = text.substr(1); !rest.empty();) {
        const char sign = rest.front();
        rest.remove_prefix(1);
        if (sign == '.') {
            std::size_t size = 0;
            while (size < rest.size() && in_plain_name(rest[size])) {
                ++size;
            }
            if (size == 0) {
                return no("a name must stand behind each dot, and * and .. are not supported");
            }
            out.steps_.emplace_back(std::string(rest.substr(0, size)));
            rest.remove_prefix(size);
        } else if (sign == '[' && !rest.empty() && (rest.front() == '\'' || rest.front() == '"')) {
            auto name = take_quoted(rest);
            if (!name) {
                return no("a quote is not closed, or no ] stands behind it");
            }
            out.steps_.emplace_back(std::move(*name));
        } else if (sign == '[') {
            std::int64_t index = 0;
            const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), index);
            const auto used = static_cast<std::size_t>(end - rest.data());
            if (code != std::errc{} || used == rest.size() || rest[used] != ']') {
                return no("a position or a name in quotes must stand between [ and ], and * is not supported");
            }
            out.steps_.emplace_back(index);
            rest.remove_prefix(used + 1);
        } else {
            return no(std::string("'") + sign + "' is not understood");
        }
    }
    return out;
}

const boost::json::value* json_path::find(const boost::json::value& root) const {
    const auto* at = &root;
    for (const auto& each : steps_) {
        if (const auto* name = std::get_if<std::string>(&each)) {
            const auto* object = at->if_object();
            at = object == nullptr ? nullptr : object->if_contains(*name);
        } else {
            const auto* list = at->if_array();
            auto index = std::get<std::int64_t>(each);
            if (list != nullptr && index < 0) {
                index += static_cast<std::int64_t>(list->size());
            }
            const bool inside = list != nullptr && index >= 0 && index < static_cast<std::int64_t>(list->size());
            at = inside ? &(*list)[static_cast<std::size_t>(index)] : nullptr;
        }
        if (at == nullptr) {
            return nullptr;
        }
    }
    return at;
}

std::string_view json_text(const boost::json::value& value, std::string& room) {
    switch (value.kind()) {
    case boost::json::kind::string: return {value.get_string().data(), value.get_string().size()};
    case boost::json::kind::bool_: return value.get_bool() ? "true" : "false";
    case boost::json::kind::null: return "null";
    case boost::json::kind::int64: put_number(room, value.get_int64()); return room;
    case boost::json::kind::uint64: put_number(room, value.get_uint64()); return room;
    case boost::json::kind::double_: put_number(room, value.get_double()); return room;
    default: room = boost::json::serialize(value); return room;
    }
}

std::string json_text(const boost::json::value& value) {
    std::string room;
    return std::string(json_text(value, room));
}

} // namespace cb::load
