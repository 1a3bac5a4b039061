// SPDX-License-Identifier: Apache-2.0
#include "moving/http/router.hpp"
#include <algorithm>
#include <array>
#include <boost/json/parser.hpp>
#include <stdexcept>

namespace moving::http {
namespace {

/// Beyond these no route of ours goes; the arrays for them lie on the stack.
constexpr std::size_t most_parts = 16;
constexpr std::size_t most_query_parameters = 64;

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

struct parts {
    std::array<std::string_view, most_parts> at;
    std::size_t count = 0;
};

/// "/a/b" -> a, b; "/" -> one empty part. False when there are too many, or it does not begin with a slash.
bool split(std::string_view path, parts& into) {
    if (!path.starts_with('/')) {
        return false;
    }
    path.remove_prefix(1);
    for (;;) {
        if (into.count == most_parts) {
            return false;
        }
        const auto end = std::min(path.find('/'), path.size());
        into.at[into.count++] = path.substr(0, end);
        if (end == path.size()) {
            return true;
        }
        path.remove_prefix(end + 1);
    }
}

bool is_parameter(std::string_view part) { return part.size() > 2 && part.front() == '{' && part.back() == '}'; }

bool take_query(request& asked) {
    const auto whole = asked.target();
    const auto mark = whole.find('?');
    if (mark == std::string_view::npos) {
        return true;
    }
    const std::string text(whole.substr(mark + 1));
    std::string name;
    std::string value;
    std::size_t count = 0;
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find('&', begin), text.size());
        const auto pair = std::string_view(text).substr(begin, end - begin);
        begin = end + 1;
        if (pair.empty()) {
            continue;
        }
        const auto equals = std::min(pair.find('='), pair.size());
        const auto written = equals == pair.size() ? std::string_view() : pair.substr(equals + 1);
        if (++count > most_query_parameters || !decode_percent(pair.substr(0, equals), true, name) ||
            !decode_percent(written, true, value)) {
            return false;
        }
        asked.add_query(name, value);
    }
    return true;
}

bool is_json_type(std::string_view content_type) {
    auto type = std::string(content_type.substr(0, content_type.find(';')));
    while (!type.empty() && type.back() == ' ') {
        type.pop_back();
    }
    std::transform(type.begin(), type.end(), type.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    return type == "application/json" || (type.starts_with("application/") && type.ends_with("+json"));
}

answer bad_json(std::string_view body, std::size_t position, std::string_view why) {
    const auto before = body.substr(0, std::min(position, body.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto column = before.size() - (before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1) + 1;
    return problem(400, "Malformed JSON",
                   "the body is no JSON: " + std::string(why) + " at line " + std::to_string(line) + ", column " +
                       std::to_string(column) + " (byte " + std::to_string(before.size()) + " of " +
                       std::to_string(body.size()) + ")");
}

} // namespace

/// One part of a path. A literal part goes before a parameter, so /goods/new may stand beside /goods/{good}.
struct router::node {
    std::vector<std::pair<std::string, std::unique_ptr<node>>> literals;
    std::string parameter;
    std::unique_ptr<node> any;
    std::vector<const route*> ends;

    const node* match(const parts& path, std::size_t from, std::array<std::string_view, most_parts>& values,
                      std::size_t taken) const {
        if (from == path.count) {
            return ends.empty() ? nullptr : this;
        }
        for (const auto& [text, child] : literals) {
            if (text == path.at[from]) {
                if (const auto* found = child->match(path, from + 1, values, taken)) {
                    return found;
                }
            }
        }
        if (any && !path.at[from].empty()) {
            values[taken] = path.at[from];
            return any->match(path, from + 1, values, taken + 1);
        }
        return nullptr;
    }
};

router::router() : root_(std::make_unique<node>()) {}
router::~router() = default;
router::router(router&&) noexcept = default;
router& router::operator=(router&&) noexcept = default;

void router::add(route r) {
    parts path;
    if (!split(r.path, path)) {
        throw std::invalid_argument("the route " + r.path + " must begin with / and have at most 16 parts");
    }
    if (!r.handle) {
        throw std::invalid_argument("the route " + r.path + " has no handler");
    }
    auto* at = root_.get();
    for (std::size_t i = 0; i < path.count; ++i) {
        const auto part = path.at[i];
        if (is_parameter(part)) {
            const auto name = part.substr(1, part.size() - 2);
            if (at->any && at->parameter != name) {
                throw std::invalid_argument("the route " + r.path + " calls {" + at->parameter + "} by another name");
            }
            at->parameter = name;
            if (!at->any) {
                at->any = std::make_unique<node>();
            }
            at = at->any.get();
            continue;
        }
        const auto same = [&](const auto& child) { return child.first == part; };
        auto found = std::find_if(at->literals.begin(), at->literals.end(), same);
        if (found == at->literals.end()) {
            at->literals.emplace_back(std::string(part), std::make_unique<node>());
            found = std::prev(at->literals.end());
        }
        at = found->second.get();
    }
    for (const auto* other : at->ends) {
        if (other->method == r.method) {
            throw std::invalid_argument("two routes are " + std::string(name_of(r.method)) + " " + r.path);
        }
    }
    routes_.push_back(std::move(r));
    at->ends.push_back(&routes_.back());
}

namespace {

answer method_not_allowed(verb asked, const std::vector<const route*>& there) {
    std::string allowed;
    const auto allow = [&](std::string_view name) { allowed += (allowed.empty() ? "" : ", ") + std::string(name); };
    for (const auto* r : there) {
        allow(name_of(r->method));
        if (r->method == verb::get) {
            allow(name_of(verb::head));
        }
    }
    auto given = problem(405, std::string(name_of(asked)) + " is not possible here: " + allowed + " would be");
    given.headers.emplace_back("Allow", allowed);
    return given;
}

/// Puts the route's parameters into the request; false when one cannot be decoded.
bool take_parameters(request& asked, const route& found, const std::array<std::string_view, most_parts>& raw) {
    parts names;
    static_cast<void>(split(found.path, names));
    std::size_t taken = 0;
    for (std::size_t i = 0; i < names.count; ++i) {
        if (!is_parameter(names.at[i])) {
            continue;
        }
        const auto name = names.at[i].substr(1, names.at[i].size() - 2);
        const auto value = raw[taken++];
        if (value.find('%') == std::string_view::npos) {
            // What was found before stays readable only until the request's text grows.
            const std::string copy(value);
            asked.add_path_parameter(name, copy);
            continue;
        }
        std::string decoded;
        if (!decode_percent(value, false, decoded) || decoded.empty()) {
            return false;
        }
        asked.add_path_parameter(name, decoded);
    }
    return true;
}

} // namespace

tl::expected<const route*, answer> router::find(request& asked) const {
    // The request's text grows while parameters are put into it, so the path is looked at in a copy.
    std::array<char, 512> room;
    std::string longer;
    const auto original = asked.path();
    std::string_view text;
    if (original.size() <= room.size()) {
        std::copy(original.begin(), original.end(), room.begin());
        text = {room.data(), original.size()};
    } else {
        longer = original;
        text = longer;
    }
    parts path;
    std::array<std::string_view, most_parts> values;
    const node* end = split(text, path) ? root_->match(path, 0, values, 0) : nullptr;
    if (end == nullptr) {
        return tl::unexpected(problem(404, "there is nothing at " + std::string(text.substr(0, 200)) +
                                               "; /openapi.json tells what there is"));
    }
    const auto wanted = asked.method() == verb::head ? verb::get : asked.method();
    for (const auto* r : end->ends) {
        if (r->method == wanted) {
            if (!take_parameters(asked, *r, values) || !take_query(asked)) {
                return tl::unexpected(problem(400,
                                              "the path or the query cannot be decoded: after each % there must be two "
                                              "hexadecimal digits, none of them of the character 0, and at most 64 "
                                              "query parameters"));
            }
            return r;
        }
    }
    return tl::unexpected(method_not_allowed(asked.method(), end->ends));
}

tl::expected<void, answer> router::check_body(request& asked, const route& found) {
    if (found.body == nullptr) {
        return {};
    }
    if (const auto type = asked.header("Content-Type"); !type || !is_json_type(*type)) {
        return tl::unexpected(
            problem(415, "the body must be JSON with Content-Type: application/json, but the request has " +
                             (type ? std::string(type->substr(0, 100)) : std::string("no Content-Type"))));
    }
    if (const auto coding = asked.header("Content-Encoding"); coding && *coding != "identity") {
        return tl::unexpected(problem(415, "the body must come without Content-Encoding"));
    }
    boost::json::parser parser;
    boost::json::error_code ec;
    const auto read = parser.write_some(asked.body().data(), asked.body().size(), ec);
    if (!ec && read < asked.body().size()) {
        return tl::unexpected(bad_json(asked.body(), read, "there is more after its end"));
    }
    if (ec) {
        return tl::unexpected(bad_json(asked.body(), read, ec.message()));
    }
    auto value = parser.release();
    if (!value.is_object()) {
        return tl::unexpected(problem(422, "Unprocessable Content", "the body must be a JSON object", ""));
    }
    if (const auto good = found.body->check(value.get_object()); !good) {
        return tl::unexpected(problem(422, "Unprocessable Content", good.error().sentence, good.error().pointer));
    }
    asked.set_json(std::move(value));
    return {};
}

bool decode_percent(std::string_view text, bool plus_is_space, std::string& out) {
    out.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size()) {
                return false;
            }
            const auto high = hex_digit(text[i + 1]);
            const auto low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) {
                return false;
            }
            c = static_cast<char>(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == '\0') {
            return false;
        }
        out += c;
    }
    return true;
}

} // namespace moving::http
