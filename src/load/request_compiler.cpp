// SPDX-License-Identifier: Apache-2.0
#include "load/request_compiler.hpp"

#include <algorithm>

#include "load/response_rule.hpp"
#include "load/template_writer.hpp"

namespace cb::load {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool has_header(const file::named_texts& headers, std::string_view name) {
    return std::any_of(headers.begin(), headers.end(), [&](const auto& each) {
        return each.first.size() == name.size() && std::equal(name.begin(), name.end(), each.first.begin(),
                                                              [](char a, char b) { return lower(a) == lower(b); });
    });
}

std::string_view content_type(file::payload::kind how) {
    switch (how) {
    case file::payload::kind::json: return "application/json";
    case file::payload::kind::form: return "application/x-www-form-urlencoded";
    case file::payload::kind::text: return "text/plain; charset=utf-8";
    case file::payload::kind::none: break;
    }
    return {};
}

std::optional<text_template> compile_payload(const file::payload& from, const name_scope& scope) {
    template_writer writer(scope);
    switch (from.how) {
    case file::payload::kind::none: return std::nullopt;
    case file::payload::kind::json: writer.json(*from.json); break;
    case file::payload::kind::form: writer.pairs(from.form, escaping::form); break;
    case file::payload::kind::text: writer.text(*from.text, escaping::none, literals::as_they_stand); break;
    }
    return writer.take();
}

text_template compile_head(const file::http_step& from, const target& service, const name_scope& scope) {
    template_writer head(scope);
    head.literal(from.method + " " + service.base_path);
    head.text(from.path, escaping::path, literals::as_they_stand);
    if (!from.query.empty()) {
        head.literal(from.path.text.find('?') == std::string::npos ? "?" : "&").pairs(from.query, escaping::path);
    }
    head.literal(" HTTP/1.1\r\n");
    const auto line = [&](std::string_view name, std::string_view value) {
        if (!has_header(from.headers, name) && !value.empty()) {
            head.literal(name).literal(": ").literal(value).literal("\r\n");
        }
    };
    line("Host", service.host_header);
    line("User-Agent", "chaosbroker");
    line("Accept", "*/*");
    line("Content-Type", content_type(from.body.how));
    if (from.bearer) {
        if (has_header(from.headers, "Authorization")) {
            from.bearer->at.refuse("bearer and the header Authorization exclude each other");
        }
        head.literal("Authorization: Bearer ")
            .text(*from.bearer, escaping::header, literals::as_they_stand)
            .literal("\r\n");
    }
    for (const auto& [name, value] : from.headers) {
        head.literal(name + ": ").text(value, escaping::header, literals::as_they_stand).literal("\r\n");
    }
    return head.take();
}

json_path path_of(const file::written& text) {
    std::string wrong;
    auto path = json_path::parse(text.text, wrong);
    if (!path) {
        text.at.refuse(wrong);
    }
    return std::move(*path);
}

expected_value compile_expectation(const file::expectation& from, const name_scope& scope) {
    expected_value out;
    for (const auto& each : from.any_of) {
        out.any_of.push_back(parse_template(each.text, each.at, escaping::none, literals::as_they_stand, scope));
    }
    return out;
}

response_judge compile_judge(const file::http_step& from, const name_scope& scope, const slot_of& slot) {
    const auto& check = from.check;
    if (check.empty() && from.save.empty()) {
        return {};
    }
    std::vector<response_rule_ptr> rules;
    constexpr status_range below_400{0, 399};
    rules.push_back(status_is(check.status.empty() ? std::vector{below_400} : check.status));
    for (const auto& [name, expected] : check.header) {
        rules.push_back(header_is(name.text, compile_expectation(expected, scope)));
    }
    for (const auto& [path, expected] : check.json) {
        rules.push_back(json_is(path_of(path), compile_expectation(expected, scope)));
    }
    for (const auto& each : check.regex) {
        rules.push_back(body_matches(each.text));
    }
    const auto whole = [&](const file::written& text) {
        return parse_template(text.text, text.at, escaping::none, literals::as_they_stand, scope);
    };
    if (check.body_contains) {
        rules.push_back(body_contains(whole(*check.body_contains)));
    }
    if (check.body_equals) {
        rules.push_back(body_is(whole(*check.body_equals)));
    }
    for (const auto& each : from.save) {
        switch (each.from) {
        case file::saved_value::source::json: rules.push_back(save_json(slot(each.name), path_of(each.what))); break;
        case file::saved_value::source::header: rules.push_back(save_header(slot(each.name), each.what.text)); break;
        case file::saved_value::source::regex: rules.push_back(save_match(slot(each.name), each.what.text)); break;
        }
    }
    return judge_of(std::move(rules));
}

} // namespace

http_request compile_http(const file::http_step& from, std::uint16_t target_index, const target& service,
                          const name_scope& scope, const slot_of& slot) {
    http_request out;
    out.target = target_index;
    out.head = compile_head(from, service, scope);
    out.body = compile_payload(from.body, scope);
    const bool usual_body = from.method == "POST" || from.method == "PUT" || from.method == "PATCH";
    if (!out.body && usual_body) {
        out.body.emplace(); // of these a server expects to be told the length, though it is 0
    }
    out.head_method = from.method == "HEAD";
    out.judge = compile_judge(from, scope, slot);
    return out;
}

kafka_message compile_message(const file::produce_step& from, const name_scope& scope) {
    const auto plain = [&](const file::written& text) {
        return parse_template(text.text, text.at, escaping::none, literals::as_they_stand, scope);
    };
    kafka_message out;
    out.topic = plain(from.topic);
    if (from.key) {
        out.key = plain(*from.key);
    }
    out.value = compile_payload(from.value, scope).value_or(text_template());
    for (const auto& [name, value] : from.headers) {
        out.headers.emplace_back(name, plain(value));
    }
    return out;
}

await_event compile_await(const file::await_step& from, const name_scope& scope, std::vector<awaited_index>& awaited) {
    auto values = from.values;
    const auto order = [](const awaited_field& field) { return std::pair(field.where, field.path); };
    std::sort(values.begin(), values.end(),
              [&](const auto& a, const auto& b) { return order(a.field) < order(b.field); });
    await_event out;
    awaited_index wanted{from.topic.text, {}};
    for (const auto& each : values) {
        wanted.fields.push_back(each.field);
        out.values.push_back(
            parse_template(each.value.text, each.value.at, escaping::none, literals::as_they_stand, scope));
    }
    const auto same = [&](const awaited_index& other) {
        return other.topic == wanted.topic &&
               std::equal(other.fields.begin(), other.fields.end(), wanted.fields.begin(), wanted.fields.end(),
                          [&](const auto& a, const auto& b) { return order(a) == order(b); });
    };
    const auto found = std::find_if(awaited.begin(), awaited.end(), same);
    out.index_id = found != awaited.end() ? static_cast<std::uint16_t>(found - awaited.begin())
                                          : add_to(awaited, std::move(wanted), from.name.at);
    return out;
}

} // namespace cb::load
