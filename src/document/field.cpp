// SPDX-License-Identifier: Apache-2.0
#include "document/field.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <set>

namespace cb::document {
namespace {

/// How alike two words are: the fewest single edits between them.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        auto diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const auto next = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            diagonal = std::exchange(row[j], next);
        }
    }
    return row.back();
}

int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/// The four digits behind \u at `at`, or -1.
int unicode_escape(std::string_view text, std::size_t at) {
    if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') {
        return -1;
    }
    int out = 0;
    for (auto i = at + 2; i < at + 6; ++i) {
        const auto digit = hex_digit(text[i]);
        if (digit < 0) {
            return -1;
        }
        out = out * 16 + digit;
    }
    return out;
}

/// JSON writes what lies beyond the basic plane as two escapes (RFC 8259, 7), which YAML does not know: they become
/// the one escape that both readers of our text agree on.
std::string join_surrogates(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const auto high = unicode_escape(text, at);
        const auto low = high >= 0xd800 && high < 0xdc00 ? unicode_escape(text, at + 6) : -1;
        if (low >= 0xdc00 && low < 0xe000) {
            std::array<char, 11> escape{};
            std::snprintf(escape.data(), escape.size(), "\\U%08x", 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
            out += escape.data();
            at += 12;
            continue;
        }
        const std::size_t step = text[at] == '\\' && at + 1 < text.size() ? 2 : 1;
        out += text.substr(at, step);
        at += step;
    }
    return out;
}

} // namespace

std::string listed(const std::vector<std::string_view>& words) {
    std::string out;
    for (const auto word : words) {
        out += (out.empty() ? "" : ", ") + std::string(word);
    }
    return out;
}

std::string suggestion(std::string_view name, const std::vector<std::string_view>& known) {
    if (known.empty()) {
        return "there is none to name here";
    }
    const auto start = name.substr(0, 200); // what is longer resembles nothing
    const auto nearest = *std::min_element(
        known.begin(), known.end(), [&](auto a, auto b) { return edit_distance(start, a) < edit_distance(start, b); });
    const auto enough = std::min<std::size_t>(2, std::max(start.size(), nearest.size()) / 2);
    const bool close = start.size() == name.size() && edit_distance(name, nearest) <= enough;
    if (close) {
        return "did you mean '" + std::string(nearest) + "'?";
    }
    constexpr std::size_t shown = 40;
    const bool all = known.size() <= shown;
    return "known are " + (all ? listed(known) : listed({known.begin(), known.begin() + shown}) + " and others");
}

std::string mistake::text() const {
    std::string out = file;
    if (line > 0) {
        out += (out.empty() ? "line " : ":") + std::to_string(line);
    }
    if (!field.empty()) {
        out += (out.empty() ? "" : ": ") + field;
    }
    out += (out.empty() ? "" : ": ") + message;
    // What is quoted from a file may hold anything; the sentence stays on its line.
    std::replace_if(
        out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    return out;
}

std::optional<nanoseconds> parse_duration(std::string_view text) {
    const auto unit_at = text.find_first_not_of("0123456789.");
    if (unit_at == std::string_view::npos || unit_at == 0) {
        return std::nullopt;
    }
    double value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + unit_at, value);
    const auto unit = text.substr(unit_at);
    const double ms = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : unit == "h" ? 3'600'000 : 0;
    constexpr double longest_ms = 1000.0 * 3'600'000;
    if (code != std::errc{} || end != text.data() + unit_at || ms == 0 || value * ms > longest_ms) {
        return std::nullopt;
    }
    return nanoseconds(static_cast<std::int64_t>(value * ms * 1'000'000));
}

void field::refuse(const std::string& message) const { throw refused{{std::string(), line(), path_, message}}; }

std::vector<field> field::elements() const {
    std::vector<field> out;
    for (std::size_t i = 0; i < node_->size(); ++i) {
        out.emplace_back(std::as_const(*node_)[i], path_ + "[" + std::to_string(i) + "]");
    }
    return out;
}

std::vector<std::pair<std::string, field>> field::entries() const {
    std::vector<std::pair<std::string, field>> out;
    for (const auto& each : *node_) {
        const auto name = each.first.as<std::string>();
        out.emplace_back(name, field(each.second, path_.empty() ? name : path_ + "." + name));
    }
    return out;
}

void field::need_map(const std::string& what) const {
    if (!is_map()) {
        refuse(what + " must be a mapping");
    }
}

void field::allow(const std::vector<std::string_view>& names) const {
    std::set<std::string> seen;
    for (const auto& [name, value] : entries()) {
        if (!seen.insert(name).second) {
            value.refuse("'" + name + "' stands here twice");
        }
        if (std::find(names.begin(), names.end(), name) != names.end()) {
            continue;
        }
        if (names.empty()) {
            value.refuse("'" + name + "' is not understood: there is nothing to set here");
        }
        value.refuse("unknown key '" + name + "'; " + suggestion(name, names));
    }
}

std::string field::text(const std::string& right) const {
    if (!is_scalar()) {
        refuse("must be " + right);
    }
    return node_->Scalar();
}

std::int64_t field::integer(std::int64_t least, std::int64_t most) const {
    const auto raw = is_scalar() && !quoted() ? node_->Scalar() : std::string();
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
    if (raw.empty() || code != std::errc{} || end != raw.data() + raw.size() || value < least || value > most) {
        refuse("must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return value;
}

double field::number(double least, double most, const std::string& right) const {
    const auto raw = is_scalar() ? node_->Scalar() : std::string();
    double value = 0;
    const auto [end, code] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
    if (raw.empty() || code != std::errc{} || end != raw.data() + raw.size() || !(value >= least && value <= most)) {
        refuse("must be " + right);
    }
    return value;
}

bool field::boolean() const {
    const auto raw = is_scalar() ? node_->Scalar() : std::string();
    if (raw != "true" && raw != "false") {
        refuse("must be true or false");
    }
    return raw == "true";
}

nanoseconds field::duration() const {
    const auto parsed = parse_duration(is_scalar() ? node_->Scalar() : std::string());
    if (!parsed) {
        refuse("must be a duration with its unit, as 250ms, 5s or 2m");
    }
    return *parsed;
}

std::vector<field> field::one_or_more() const {
    if (is_list()) {
        auto list = elements();
        if (list.empty()) {
            refuse("an empty list matches nothing; leave the selector out to match everything");
        }
        return list;
    }
    return {*this};
}

int field::line() const {
    if (!node_->IsDefined()) {
        return line_above_;
    }
    const auto mark = node_->Mark();
    return mark.is_null() ? 0 : mark.line + 1;
}

field load(std::string_view text, std::size_t bytes_max, const std::string& content) {
    if (text.size() > bytes_max) {
        throw refused{{"", 0, "", "more than " + std::to_string(bytes_max) + " bytes of " + content}};
    }
    try {
        const auto first = text.find_first_not_of(" \t\r\n");
        const bool json = first != std::string_view::npos && text[first] == '{';
        return {YAML::Load(json ? join_surrogates(text) : std::string(text)), ""};
    } catch (const YAML::Exception& wrong) {
        throw refused{{"", wrong.mark.line + 1, "", "neither YAML nor JSON: " + wrong.msg}};
    }
}

} // namespace cb::document
