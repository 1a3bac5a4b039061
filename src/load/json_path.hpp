// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/value.hpp>

namespace cb::load {

/// One place in a JSON document: `$`, then names and positions: `$.a.b[0]['c d'][-1]`. A name behind a dot has letters,
/// digits, `_` and `-`; any other name stands in brackets and quotes, single or double, where a backslash takes the
/// next character as it is. A negative position counts from the end. Nothing else of JSONPath: no `*`, `..`, ranges,
/// filters. Immutable, any thread.
class json_path {
public:
    /// Nothing when the text is no path; `wrong` then says why.
    static std::optional<json_path> parse(std::string_view text, std::string& wrong);

    /// The value at this place, or none.
    [[nodiscard]] const boost::json::value* find(const boost::json::value& root) const;
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    using step = std::variant<std::string, std::int64_t>;
    std::string text_;
    std::vector<step> steps_;
};

/// A value as text: of a string its content, of a number the shortest digits, else JSON.
std::string json_text(const boost::json::value& value);
/// The same without a copy where there is a text already; else written into `room`.
std::string_view json_text(const boost::json::value& value, std::string& room);

} // namespace cb::load
