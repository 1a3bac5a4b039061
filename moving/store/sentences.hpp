// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "moving/store/value.hpp"

/// What the engines say alike. Included by nothing outside of this part.
namespace moving::store {

/// Without line ends and what they follow with blanks: a sentence for a log line.
std::string one_line(std::string_view text);

/// As a value in a URL: anything but letters and digits by its number.
std::string url_word(std::string_view text);

/// Throws failure: bug when there are not as many as the statement has places; refused when a text has a NUL in it,
/// which PostgreSQL cannot keep.
void check_arguments(std::span<const argument> arguments, std::size_t places, std::string_view statement);

} // namespace moving::store
