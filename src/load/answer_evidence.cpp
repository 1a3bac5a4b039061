// SPDX-License-Identifier: Apache-2.0
#include "load/answer_evidence.hpp"

#include <algorithm>

#include <boost/json/parser.hpp>

#include "load/json_path.hpp"

namespace cb::load {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t\r") + 1 - first);
}

} // namespace

std::optional<std::string_view> answer_evidence::header(std::string_view name) const {
    auto rest = answer_.head;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        const auto line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto colon = line.find(':');
        if (colon != std::string_view::npos && same_name(line.substr(0, colon), name)) {
            return trimmed(line.substr(colon + 1));
        }
    }
    return std::nullopt;
}

const boost::json::value* answer_evidence::json() {
    if (!parsed_) {
        parsed_ = true;
        std::array<unsigned char, 1024> stack; // NOLINT: only what the parser writes is read
        boost::json::parser parser(&memory_, {}, stack.data(), stack.size());
        boost::json::error_code code;
        parser.write(answer_.body.data(), answer_.body.size(), code);
        if (!code) {
            json_.emplace(parser.release());
        }
    }
    return json_ ? &*json_ : nullptr;
}

bool answer_evidence::save(const value_sink& save) const {
    std::string room;
    return std::all_of(found_.begin(), found_.end(), [&](const finding& each) {
        return save(each.slot, each.json == nullptr ? each.text : json_text(*each.json, room));
    });
}

} // namespace cb::load
