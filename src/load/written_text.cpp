// SPDX-License-Identifier: Apache-2.0
#include "load/written_text.hpp"

#include <algorithm>
#include <array>

#include "base/limits.hpp"

namespace cb::load::file {
namespace {

using relation = condition::relation;

struct named_sign {
    std::string_view text;
    relation is;
};
/// The longer ones first, so that `<=` is not read as `<`.
constexpr std::array signs{
    named_sign{"==", relation::equal},         named_sign{"!=", relation::not_equal},
    named_sign{"<=", relation::less_or_equal}, named_sign{">=", relation::greater_or_equal},
    named_sign{"<", relation::less},           named_sign{">", relation::greater},
};

} // namespace

written take_text(const document::field& in, const std::string& right) { return {in.text(right), in}; }

written take_name(const document::field& in, const std::string& right) {
    auto out = take_text(in, right);
    if (out.text.empty() || out.text.size() > limits::scenario_name_bytes || has_control_characters(out.text)) {
        in.refuse("must be " + right + ": 1 to " + std::to_string(limits::scenario_name_bytes) +
                  " characters on one line");
    }
    return out;
}

named_texts take_named_texts(const document::field& in, const std::string& what) {
    in.need_map(what);
    named_texts out;
    for (const auto& [name, value] : in.entries()) {
        const bool twice =
            std::any_of(out.begin(), out.end(), [&, n = name](const auto& each) { return each.first == n; });
        if (twice) {
            value.refuse("'" + name + "' stands here twice");
        }
        out.emplace_back(name, take_text(value));
    }
    return out;
}

document::field need(const document::field& in, const std::string& key, const std::string& example) {
    auto value = in[key];
    if (!value.there()) {
        in.refuse("needs " + key + ", as " + example);
    }
    return value;
}

bool take_choice(const document::field& in, std::string_view yes, std::string_view no) {
    const auto word = in.text(std::string(yes) + " or " + std::string(no));
    if (word != yes && word != no) {
        in.refuse("must be " + std::string(yes) + " or " + std::string(no));
    }
    return word == yes;
}

nanoseconds take_time(const document::field& in) {
    const auto out = in.duration();
    if (out.count() <= 0) {
        in.refuse("must be more than 0s");
    }
    return out;
}

std::string without_variables(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text.substr(at).starts_with("${")) {
            at = std::min(text.find('}', at), text.size());
            continue;
        }
        out += text[at];
    }
    return out;
}

bool has_control_characters(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string_view sign(relation is) {
    const auto found = std::find_if(signs.begin(), signs.end(), [&](const auto& each) { return each.is == is; });
    return found == signs.end() ? "exists" : found->text;
}

found_sign find_sign(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text.substr(at).starts_with("${")) {
            at = std::min(text.find('}', at), text.size() - 1);
            continue;
        }
        for (const auto& each : signs) {
            if (text.substr(at).starts_with(each.text)) {
                return {at, each.text.size(), each.is};
            }
        }
    }
    return {};
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(' ');
    return first == std::string_view::npos ? std::string_view()
                                           : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

bound take_bound(const document::field& in, const std::string& example) {
    const auto text = in.text("a bound, as " + example);
    const auto found = find_sign(text);
    if (found.at != text.find_first_not_of(' ') || found.is == relation::not_equal) {
        in.refuse("must be a bound with <, <=, >, >= or ==, as " + example);
    }
    return {found.is, std::string(trimmed(std::string_view(text).substr(found.at + found.size)))};
}

} // namespace cb::load::file
