// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cb::fault {

struct compiled_regex;

/// One pattern of the selector language, compiled: a glob (`*`, `?`), or between slashes a regular expression
/// (ECMAScript) that must be found somewhere. A text on which the expression would take unbounded time or memory does
/// not match. Immutable, any thread.
class text_pattern {
public:
    explicit text_pattern(const std::string& pattern);
    [[nodiscard]] bool matches(std::string_view text) const;

    /// Why this is no pattern; empty when it is one.
    static std::string problem(const std::string& pattern);

private:
    std::string glob_;
    bool literal_ = false;
    std::shared_ptr<const compiled_regex> regex_;
};

/// Any of several; an empty list matches everything.
class any_pattern {
public:
    any_pattern() = default;
    explicit any_pattern(const std::vector<std::string>& patterns) : patterns_(patterns.begin(), patterns.end()) {}
    [[nodiscard]] bool everything() const { return patterns_.empty(); }
    [[nodiscard]] bool matches(std::string_view text) const;

private:
    std::vector<text_pattern> patterns_;
};

/// `*` any characters, `?` one, all others themselves. Linear in the text for one star, never exponential.
bool glob_matches(std::string_view pattern, std::string_view text);

struct offset_range {
    std::int64_t first;
    std::int64_t last;
    static std::optional<offset_range> parse(std::string_view text);
};

/// An address or a block of them, version 4 or 6.
class address_block {
public:
    static std::optional<address_block> parse(const std::string& text);
    [[nodiscard]] bool contains(const std::string& address) const;

private:
    std::array<unsigned char, 16> bytes_{};
    int bits_ = 0;
};

} // namespace cb::fault
