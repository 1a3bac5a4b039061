// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <boost/json/value.hpp>

namespace moving::text {

/// The one text of a JSON value: members sorted by their bytes, no spaces, integers as they are. Two services that hold
/// the same value get the same bytes, whatever the order in which they read it (in the spirit of RFC 8785; numbers with
/// a fraction do not occur in our events and are written as Boost.JSON writes them).
std::string canonical(const boost::json::value& value);

/// "sha256:" and 64 hexadecimal digits of the SHA-256 of `bytes`.
std::string digest_of(std::string_view bytes);

} // namespace moving::text
