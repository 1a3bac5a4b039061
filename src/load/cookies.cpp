// SPDX-License-Identifier: Apache-2.0
#include "load/cookies.hpp"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

namespace cb::load {
namespace {

std::string_view trimmed(std::string_view text) {
    const auto from = text.find_first_not_of(" \t");
    return from == std::string_view::npos ? std::string_view()
                                          : text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// What stands before the separator; the text goes on behind it.
std::string_view cut(std::string_view& text, char separator) {
    const auto at = std::min(text.find(separator), text.size());
    const auto out = text.substr(0, at);
    text.remove_prefix(std::min(at + 1, text.size()));
    return out;
}

using pair = std::pair<std::string_view, std::string_view>;

pair name_and_value(std::string_view text) {
    const auto name = trimmed(cut(text, '='));
    return {name, trimmed(text)};
}

bool deletes(std::string_view attributes) {
    while (!attributes.empty()) {
        const auto [name, value] = name_and_value(cut(attributes, ';'));
        if (same_word(name, "max-age") && !value.empty() && (value.front() == '-' || value == "0")) {
            return true;
        }
    }
    return false;
}

} // namespace

std::optional<std::string> cookies_after(std::string_view before, std::string_view head) {
    std::vector<pair> kept;
    while (!before.empty()) {
        kept.push_back(name_and_value(cut(before, ';')));
    }
    bool changed = false;
    while (!head.empty()) {
        auto line = cut(head, '\n');
        if (!line.empty() && line.back() == '\r') {
            line.remove_suffix(1);
        }
        if (!same_word(trimmed(cut(line, ':')), "set-cookie")) {
            continue;
        }
        const auto set = name_and_value(cut(line, ';'));
        if (set.first.empty()) {
            continue;
        }
        changed = true;
        std::erase_if(kept, [&](const pair& each) { return each.first == set.first; });
        if (!deletes(line)) {
            kept.push_back(set);
        }
    }
    if (!changed) {
        return std::nullopt;
    }
    std::string out;
    for (const auto& [name, value] : kept) {
        out.append(out.empty() ? "" : "; ").append(name).append("=").append(value);
    }
    return out;
}

} // namespace cb::load
