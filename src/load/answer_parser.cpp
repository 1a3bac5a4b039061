// SPDX-License-Identifier: Apache-2.0
#include "load/answer_parser.hpp"

#include <algorithm>

#include "load/response_rule.hpp"
#include "load/template_parser.hpp"
#include "load/written_text.hpp"

namespace cb::load::file {
namespace {

using document::field;

std::pair<int, int> parse_status(const field& in) {
    const auto text = in.text("a status, as 201 or 2xx");
    const bool digit = text.size() == 3 && text[0] >= '1' && text[0] <= '5';
    if (digit && text.substr(1) == "xx") {
        const int first = (text[0] - '0') * 100;
        return {first, first + 99};
    }
    if (!digit || text.find_first_not_of("0123456789") != std::string::npos) {
        in.refuse("must be a status, as 201 or 2xx, or a list of them");
    }
    return {std::stoi(text), std::stoi(text)};
}

/// `exists` as a plain word; in quotes it is the text.
expectation parse_expectation(const field& in) {
    expectation out;
    if (in.is_scalar() && !in.quoted() && in.text() == "exists") {
        return out;
    }
    for (const auto& each : in.one_or_more()) {
        out.any_of.push_back(take_text(each, "a text, a list of texts, or the word exists"));
    }
    return out;
}

written take_regex(const field& in) {
    auto out = take_text(in, "a regular expression");
    if (const auto wrong = regex_problem(out.text); !wrong.empty()) {
        in.refuse(wrong);
    }
    return out;
}

written take_header_name(const field& in, const std::string& name) {
    constexpr std::string_view separators = " \t\"(),/:;<=>?@[\\]{}";
    const bool bad = name.find_first_of(separators) != std::string::npos || has_control_characters(name);
    if (name.empty() || bad) {
        in.refuse("'" + name.substr(0, 60) + "' is no name of a header");
    }
    return {name, in};
}

void parse_body_check(const field& in, answer_checks& out) {
    in.need_map("body");
    in.allow({"contains", "equals"});
    if (in["contains"].there()) {
        out.body_contains = take_text(in["contains"]);
    }
    if (in["equals"].there()) {
        out.body_equals = take_text(in["equals"]);
    }
}

} // namespace

written take_path(const field& in, const std::string& text) {
    std::string wrong;
    if (!json_path::parse(text, wrong)) {
        in.refuse(wrong);
    }
    return {text, in};
}

answer_checks parse_answer_checks(const field& in) {
    in.need_map("check");
    in.allow({"status", "header", "json", "regex", "body"});
    answer_checks out;
    if (in["status"].there()) {
        for (const auto& each : in["status"].one_or_more()) {
            out.status.push_back(parse_status(each));
        }
    }
    if (const auto headers = in["header"]; headers.there()) {
        headers.need_map("header");
        for (const auto& [name, value] : headers.entries()) {
            out.header.emplace_back(take_header_name(value, name), parse_expectation(value));
        }
    }
    if (const auto paths = in["json"]; paths.there()) {
        paths.need_map("json");
        for (const auto& [path, value] : paths.entries()) {
            out.json.emplace_back(take_path(value, path), parse_expectation(value));
        }
    }
    if (in["regex"].there()) {
        for (const auto& each : in["regex"].one_or_more()) {
            out.regex.push_back(take_regex(each));
        }
    }
    if (in["body"].there()) {
        parse_body_check(in["body"], out);
    }
    if (out.empty()) {
        in.refuse("checks nothing; write {status: 201}, or leave it out: then any status below 400 is right");
    }
    return out;
}

std::vector<saved_value> parse_saves(const field& in) {
    in.need_map("save");
    std::vector<saved_value> out;
    for (const auto& [name, value] : in.entries()) {
        if (!is_name(name)) {
            value.refuse("'" + name.substr(0, 100) +
                         "' cannot be a name to save under: letters, digits, _ and -, and none of the builtin names");
        }
        if (std::any_of(out.begin(), out.end(), [&, n = name](const auto& each) { return each.name == n; })) {
            value.refuse("'" + name + "' stands here twice");
        }
        using source = saved_value::source;
        if (value.is_scalar()) {
            out.push_back({name, source::json, take_path(value, value.text())});
            continue;
        }
        value.need_map("what is saved is a path as $.id, {header: Location} or {regex: 'id=(.*)'}; this");
        value.allow({"json", "header", "regex"});
        if (value.entries().size() != 1) {
            value.refuse("needs one of json, header and regex");
        }
        const auto [from, what] = value.entries().front();
        if (from == "json") {
            out.push_back({name, source::json, take_path(what, what.text("a path, as $.id"))});
        } else if (from == "header") {
            out.push_back({name, source::header, take_header_name(what, what.text("the name of a header"))});
        } else {
            out.push_back({name, source::regex, take_regex(what)});
        }
    }
    return out;
}

} // namespace cb::load::file
