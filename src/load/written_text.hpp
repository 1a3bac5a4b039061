// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "load/scenario.hpp"

/// Small readers that the parsers of a scenario's parts share.
namespace cb::load::file {

/// A scalar as it stands.
written take_text(const document::field& in, const std::string& right = "a text");
/// A name that tables and reports show: some characters, without line breaks and variables.
written take_name(const document::field& in, const std::string& right);
/// A mapping of names to texts.
named_texts take_named_texts(const document::field& in, const std::string& what);
/// The value of this key, which must be there.
document::field need(const document::field& in, const std::string& key, const std::string& example);
/// One of two words.
bool take_choice(const document::field& in, std::string_view yes, std::string_view no);
nanoseconds take_time(const document::field& in); ///< more than nothing

/// The parts of a text that are not inside `${…}`.
std::string without_variables(std::string_view text);
bool has_control_characters(std::string_view text);

struct bound {
    condition::relation is;
    std::string rest; ///< "250ms" of "< 250ms"
};
/// "< 250ms": a relation and what stands behind it.
bound take_bound(const document::field& in, const std::string& example);
/// "==" as people write it.
std::string_view sign(condition::relation is);
/// The first relation outside of `${…}`; npos when there is none.
struct found_sign {
    std::size_t at = std::string_view::npos;
    std::size_t size = 0;
    condition::relation is = condition::relation::equal;
};
found_sign find_sign(std::string_view text);

std::string_view trimmed(std::string_view text);

} // namespace cb::load::file
