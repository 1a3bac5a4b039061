// SPDX-License-Identifier: Apache-2.0
#include "load/template_parser.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace cb::load {
namespace {

using document::field;

struct named_builtin {
    std::string_view name;
    text_template::builtin what;
};
constexpr std::array builtins{
    named_builtin{"user", text_template::builtin::user},
    named_builtin{"uuid", text_template::builtin::uuid},
    named_builtin{"now", text_template::builtin::now},
    named_builtin{"now_ms", text_template::builtin::now_ms},
};

void add_literal(text_template& to, std::string_view text) {
    if (text.empty()) {
        return;
    }
    if (!to.pieces.empty()) {
        if (auto* last = std::get_if<text_template::literal>(&to.pieces.back().what)) {
            last->text += text;
            return;
        }
    }
    to.pieces.push_back({text_template::literal{std::string(text)}, escaping::none});
}

/// "1..100"
text_template::random_number parse_range(std::string_view text, const field& where) {
    constexpr std::int64_t most = 1'000'000'000'000'000;
    text_template::random_number out{};
    const auto dots = text.find("..");
    const auto read = [](std::string_view digits, std::int64_t& value) {
        const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        return code == std::errc{} && end == digits.data() + digits.size() && value >= -most && value <= most;
    };
    if (dots == std::string_view::npos || !read(text.substr(0, dots), out.least) ||
        !read(text.substr(dots + 2), out.most) || out.least > out.most) {
        where.refuse("'${random:" + std::string(text.substr(0, 60)) +
                     "}' must name the least and the greatest whole number, as ${random:1..100}");
    }
    return out;
}

[[noreturn]] void refuse_unknown(std::string_view name, const std::string& why, const field& where,
                                 const name_scope& scope) {
    std::string sentence = "'${" + std::string(name.substr(0, 100)) + "}' ";
    if (!why.empty()) {
        where.refuse(sentence + why);
    }
    auto known = scope.known();
    for (const auto& each : builtins) {
        known.emplace_back(each.name);
    }
    where.refuse(sentence + "is not known here; " + document::suggestion(name, {known.begin(), known.end()}));
}

void add_named(text_template& to, std::string_view name, const field& where, escaping how, const name_scope& scope) {
    if (name.starts_with("env:")) {
        const auto variable = std::string(name.substr(4));
        const auto value = scope.environment(variable);
        if (!value) {
            where.refuse("the environment has no variable '" + variable.substr(0, 100) + "'");
        }
        std::string escaped;
        escape(*value, how, escaped);
        add_literal(to, escaped);
        return;
    }
    if (name.starts_with("random:")) {
        to.pieces.push_back({parse_range(name.substr(7), where), how});
        return;
    }
    const auto builtin = std::find_if(builtins.begin(), builtins.end(), [&](auto each) { return each.name == name; });
    if (builtin != builtins.end()) {
        to.pieces.push_back({builtin->what, how});
        return;
    }
    std::string why;
    auto meaning = scope.find(name, why);
    if (!meaning) {
        refuse_unknown(name, why, where, scope);
    }
    to.pieces.push_back({std::move(*meaning), how});
}

} // namespace

bool is_name(std::string_view text) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    const auto inner = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; };
    constexpr std::size_t longest = 100;
    const bool taken =
        text == "loop" || std::any_of(builtins.begin(), builtins.end(), [&](auto each) { return each.name == text; });
    return !text.empty() && text.size() <= longest && letter(text.front()) &&
           std::all_of(text.begin(), text.end(), inner) && !taken;
}

text_template parse_template(std::string_view text, const field& where, escaping how, literals outside,
                             const name_scope& scope) {
    text_template out;
    const auto literal = [&](std::string_view part) {
        if (outside == literals::as_they_stand) {
            add_literal(out, part);
            return;
        }
        std::string escaped;
        escape(part, how, escaped);
        add_literal(out, escaped);
    };
    for (std::size_t at = 0; at < text.size();) {
        const auto sign = text.find("${", at);
        if (sign == std::string_view::npos) {
            literal(text.substr(at));
            break;
        }
        if (sign > at && text[sign - 1] == '$') {
            literal(text.substr(at, sign - 1 - at));
            literal("${");
            at = sign + 2;
            continue;
        }
        literal(text.substr(at, sign - at));
        const auto end = text.find('}', sign);
        if (end == std::string_view::npos) {
            where.refuse("a '${' is not closed by '}'; write $${ where you mean the two characters");
        }
        add_named(out, text.substr(sign + 2, end - sign - 2), where, how, scope);
        at = end + 1;
    }
    return out;
}

std::string parse_constant(std::string_view text, const field& where, const name_scope& scope) {
    const auto parsed = parse_template(text, where, escaping::none, literals::as_they_stand, scope);
    if (!parsed.is_constant()) {
        where.refuse("must be the same for all users: only ${env:NAME} can stand here");
    }
    return parsed.pieces.empty() ? std::string() : std::get<text_template::literal>(parsed.pieces.front().what).text;
}

} // namespace cb::load
