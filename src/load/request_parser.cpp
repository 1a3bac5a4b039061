// SPDX-License-Identifier: Apache-2.0
#include "load/request_parser.hpp"

#include <algorithm>
#include <array>

#include "base/limits.hpp"
#include "load/answer_parser.hpp"
#include "load/step_parser.hpp"
#include "load/written_text.hpp"

namespace cb::load::file {
namespace {

using document::field;

struct method {
    std::string_view key;
    std::string_view word;
};
constexpr std::array methods{method{"get", "GET"},        method{"post", "POST"},     method{"put", "PUT"},
                             method{"patch", "PATCH"},    method{"delete", "DELETE"}, method{"head", "HEAD"},
                             method{"options", "OPTIONS"}};

bool is_token(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        return alnum || others.find(c) != std::string_view::npos;
    });
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    return text;
}

/// Names and values from a file cannot break out of their line.
named_texts take_headers(const field& in) {
    auto out = take_named_texts(in, "headers");
    for (const auto& [name, value] : out) {
        if (!is_token(name)) {
            value.at.refuse("'" + name.substr(0, 60) + "' is no name of a header: letters, digits and -, on one line");
        }
        if (has_control_characters(value.text)) {
            value.at.refuse("the value of a header stands on one line, without control characters");
        }
    }
    return out;
}

named_texts take_http_headers(const field& in) {
    auto out = take_headers(in);
    constexpr std::array<std::string_view, 4> ours{"content-length", "transfer-encoding", "connection", "upgrade"};
    for (const auto& [name, value] : out) {
        if (std::find(ours.begin(), ours.end(), lower(name)) != ours.end()) {
            value.at.refuse("the header " + name + " is written by chaosbroker itself");
        }
    }
    return out;
}

written take_request_path(const field& in) {
    auto out = take_text(in, "a path, as /announcements");
    const auto fixed = without_variables(out.text);
    const bool printable = std::all_of(fixed.begin(), fixed.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!out.text.starts_with('/') || !printable || fixed.find('#') != std::string::npos) {
        in.refuse("must be a path that begins with /, without spaces and #; others are written as %20");
    }
    return out;
}

/// `text_key` is what a plain text is called, `with_form` whether a form can be sent.
payload parse_payload(const field& in, bool with_form) {
    payload out;
    int given = 0;
    if (in["json"].there()) {
        ++given;
        out.how = payload::kind::json;
        out.json = in["json"];
    }
    if (with_form && in["form"].there()) {
        ++given;
        out.how = payload::kind::form;
        out.form = take_named_texts(in["form"], "form");
    }
    if (in["body"].there()) {
        ++given;
        out.how = payload::kind::text;
        out.text = take_text(in["body"]);
        if (out.text->text.size() > limits::scenario_body_bytes) {
            in["body"].refuse("more than " + std::to_string(limits::scenario_body_bytes) + " bytes of a body");
        }
    }
    if (given > 1) {
        in.refuse(with_form ? "json, form and body exclude each other" : "json and body exclude each other");
    }
    return out;
}

std::optional<nanoseconds> parse_time(const field& in) {
    return in.there() ? std::optional(take_time(in)) : std::nullopt;
}
std::optional<on_failure> parse_failure(const field& in) {
    return in.there() ? std::optional(parse_on_failure(in)) : std::nullopt;
}
std::optional<written> parse_optional_text(const field& in) {
    return in.there() ? std::optional(take_text(in)) : std::nullopt;
}

/// The name of a step is the same for all users: it is a row of every table.
written take_step_name(const field& in, const field& step, const std::string& instead) {
    auto out = in.there() ? take_name(in, "the name of a step") : written{instead, step};
    if (in.there() && out.text.find("${") != std::string::npos) {
        in.refuse("the name of a step is the same for all users, so it has no ${…}");
    }
    return out;
}

/// Kafka's own rule, where it can be known: outside of variables.
written take_topic(const field& in, bool plain) {
    auto out = take_text(in, "the name of a topic");
    const auto fixed = without_variables(out.text);
    const bool legal = std::all_of(fixed.begin(), fixed.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    });
    constexpr std::size_t longest = 249;
    if (out.text.empty() || !legal || fixed.size() > longest || out.text == "." || out.text == "..") {
        in.refuse("must be the name of one topic: letters, digits, dots, dashes and underscores, at most 249");
    }
    if (plain && fixed.size() != out.text.size()) {
        in.refuse("is the same for all users: what is awaited is read before the first of them comes");
    }
    return out;
}

const method& method_of(const field& in) {
    const method* found = nullptr;
    for (const auto& each : methods) {
        if (in[std::string(each.key)].there()) {
            if (found != nullptr) {
                in.refuse(std::string(found->key) + " and " + std::string(each.key) + " exclude each other");
            }
            found = &each;
        }
    }
    if (found == nullptr) {
        in.refuse(
            "needs a method and a path, as {get: /goods}; known are get, post, put, patch, delete, head, options");
    }
    return *found;
}

void add_awaited(const field& in, awaited_field::place where, await_step& out) {
    if (!in.there()) {
        return;
    }
    if (where == awaited_field::place::key) {
        out.values.push_back({{where, {}}, take_text(in, "the awaited key")});
        return;
    }
    in.need_map(where == awaited_field::place::json ? "json" : "header");
    for (const auto& [name, value] : in.entries()) {
        if (where == awaited_field::place::json) {
            static_cast<void>(take_path(value, name));
        }
        out.values.push_back({{where, name}, take_text(value, "the awaited value, one text")});
    }
}

} // namespace

http_step parse_http(const field& in) {
    in.need_map("http");
    in.allow({"name",    "service", "get",  "post", "put",    "patch",   "delete", "head", "options", "query",
              "headers", "json",    "form", "body", "bearer", "cookies", "check",  "save", "timeout", "on_failure"});
    http_step out{{"", in}, {}, {}, {"", in}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
    const auto& way = method_of(in);
    out.method = way.word;
    out.path = take_request_path(in[std::string(way.key)]);
    out.name = take_step_name(in["name"], in, out.method + " " + out.path.text);
    out.service = parse_optional_text(in["service"]);
    if (in["query"].there()) {
        out.query = take_named_texts(in["query"], "query");
    }
    if (in["headers"].there()) {
        out.headers = take_http_headers(in["headers"]);
    }
    out.bearer = parse_optional_text(in["bearer"]);
    if (out.bearer && has_control_characters(out.bearer->text)) {
        in["bearer"].refuse("a token stands on one line");
    }
    out.body = parse_payload(in, true);
    if (out.method == "HEAD" && out.body.how != payload::kind::none) {
        in.refuse("a HEAD request has no body");
    }
    if (in["cookies"].there()) {
        out.cookies = in["cookies"].boolean();
    }
    if (in["check"].there()) {
        out.check = parse_answer_checks(in["check"]);
    }
    if (in["save"].there()) {
        out.save = parse_saves(in["save"]);
    }
    const bool looks_into_body = !out.check.json.empty() || !out.check.regex.empty() || out.check.body_contains ||
                                 out.check.body_equals ||
                                 std::any_of(out.save.begin(), out.save.end(),
                                             [](const auto& each) { return each.from != saved_value::source::header; });
    if (out.method == "HEAD" && looks_into_body) {
        in.refuse("the answer to a HEAD request has no body to look into");
    }
    out.timeout = parse_time(in["timeout"]);
    out.failure = parse_failure(in["on_failure"]);
    return out;
}

produce_step parse_produce(const field& in) {
    in.need_map("produce");
    in.allow({"name", "topic", "key", "headers", "json", "body", "timeout", "on_failure"});
    const std::string example = "{name: order, topic: orders, json: {id: 1}}";
    produce_step out{{"", in}, take_topic(need(in, "topic", example), false), {}, {}, {}, {}, {}};
    out.name = take_step_name(in["name"], in, "produce " + out.topic.text);
    out.key = parse_optional_text(in["key"]);
    if (in["headers"].there()) {
        out.headers = take_named_texts(in["headers"], "headers");
    }
    out.value = parse_payload(in, false);
    if (out.value.how == payload::kind::none) {
        in.refuse("needs json or body, as " + example);
    }
    out.timeout = parse_time(in["timeout"]);
    out.failure = parse_failure(in["on_failure"]);
    return out;
}

await_step parse_await(const field& in) {
    in.need_map("await");
    in.allow({"name", "where", "since", "within", "on_failure"});
    const std::string example = "{topic: orders, json: {$.id: \"${order}\"}}";
    const auto where = need(in, "where", "{name: seen, where: " + example + ", within: 30s}");
    where.need_map("where");
    where.allow({"topic", "json", "header", "key"});
    await_step out{{"", in}, take_topic(need(where, "topic", example), true), {}, {}, {}, {}};
    out.name = take_step_name(in["name"], in, "await " + out.topic.text);
    add_awaited(where["json"], awaited_field::place::json, out);
    add_awaited(where["header"], awaited_field::place::header, out);
    add_awaited(where["key"], awaited_field::place::key, out);
    if (out.values.empty()) {
        where.refuse("must say which event of the topic: at least one of json, header and key, as " + example);
    }
    out.since = parse_optional_text(in["since"]);
    out.within = parse_time(in["within"]);
    out.failure = parse_failure(in["on_failure"]);
    return out;
}

} // namespace cb::load::file
