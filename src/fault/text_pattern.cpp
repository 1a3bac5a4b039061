// SPDX-License-Identifier: Apache-2.0
#include "fault/text_pattern.hpp"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

#include <boost/regex.hpp>

namespace cb::fault {

/// Boost's engine keeps its state on the heap and gives up at a bound. The standard library's recurses once a
/// character: a long value that a client sent would end the program.
struct compiled_regex {
    explicit compiled_regex(const std::string& body) : expression(body, boost::regex::ECMAScript) {}
    boost::regex expression;
};

namespace {

bool is_regex(const std::string& pattern) {
    return pattern.size() >= 2 && pattern.front() == '/' && pattern.back() == '/';
}

/// Both families as 16 bytes; version 4 the way that version 6 maps it.
std::optional<std::array<unsigned char, 16>> parse_address(const std::string& text) {
    std::array<unsigned char, 16> bytes{};
    if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) {
        return bytes;
    }
    bytes[10] = 0xff;
    bytes[11] = 0xff;
    if (inet_pton(AF_INET, text.c_str(), bytes.data() + 12) == 1) {
        return bytes;
    }
    return std::nullopt;
}

} // namespace

text_pattern::text_pattern(const std::string& pattern) {
    if (is_regex(pattern)) {
        const auto body = pattern.substr(1, pattern.size() - 2);
        regex_ = std::make_shared<const compiled_regex>(body);
        return;
    }
    glob_ = pattern;
    literal_ = pattern.find_first_of("*?") == std::string::npos;
}

std::string text_pattern::problem(const std::string& pattern) {
    constexpr std::size_t longest = 1000;
    if (pattern.size() > longest) {
        return "a pattern has at most 1000 characters";
    }
    if (is_regex(pattern)) {
        try {
            const compiled_regex probe(pattern.substr(1, pattern.size() - 2));
        } catch (const boost::regex_error& wrong) {
            return pattern + " is no regular expression: " + wrong.what();
        }
    }
    return {};
}

bool text_pattern::matches(std::string_view text) const {
    if (regex_) {
        try {
            return boost::regex_search(text.begin(), text.end(), regex_->expression);
        } catch (const std::runtime_error&) {
            return false; // too complex for this text
        }
    }
    return literal_ ? glob_ == text : glob_matches(glob_, text);
}

bool any_pattern::matches(std::string_view text) const {
    return patterns_.empty() || std::any_of(patterns_.begin(), patterns_.end(),
                                            [&](const text_pattern& each) { return each.matches(text); });
}

bool glob_matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    auto star = std::string_view::npos;
    std::size_t resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') {
        ++p;
    }
    return p == pattern.size();
}

std::optional<offset_range> offset_range::parse(std::string_view text) {
    offset_range out{};
    const auto* end = text.data() + text.size();
    auto [at, code] = std::from_chars(text.data(), end, out.first);
    if (code != std::errc{} || out.first < 0) {
        return std::nullopt;
    }
    out.last = out.first;
    if (at != end) {
        const auto second = *at == '-' ? std::from_chars(at + 1, end, out.last)
                                       : std::from_chars_result{at, std::errc::invalid_argument};
        if (second.ec != std::errc{} || second.ptr != end || out.last < out.first) {
            return std::nullopt;
        }
    }
    return out;
}

std::optional<address_block> address_block::parse(const std::string& text) {
    const auto slash = text.find('/');
    const auto bytes = parse_address(text.substr(0, slash));
    if (!bytes) {
        return std::nullopt;
    }
    const bool version_4 = text.find(':') == std::string::npos;
    address_block out;
    out.bytes_ = *bytes;
    out.bits_ = 128;
    if (slash != std::string::npos) {
        int bits = -1;
        const auto [end, code] = std::from_chars(text.data() + slash + 1, text.data() + text.size(), bits);
        if (code != std::errc{} || end != text.data() + text.size() || bits < 0 || bits > (version_4 ? 32 : 128)) {
            return std::nullopt;
        }
        out.bits_ = version_4 ? bits + 96 : bits;
    }
    return out;
}

bool address_block::contains(const std::string& address) const {
    const auto bytes = parse_address(address);
    if (!bytes) {
        return false;
    }
    for (int bit = 0; bit < bits_; bit += 8) {
        const auto at = static_cast<std::size_t>(bit / 8);
        const auto mask = static_cast<unsigned char>(bits_ - bit >= 8 ? 0xff : 0xff << (8 - (bits_ - bit)));
        if (((*bytes)[at] & mask) != (bytes_[at] & mask)) {
            return false;
        }
    }
    return true;
}

} // namespace cb::fault
