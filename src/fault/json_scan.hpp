// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cb::fault {

enum class json_kind : std::uint8_t { string, number, boolean, null };

/// A value that holds no others, and where it stands in the text. A string's range is what is between its quotes.
struct json_leaf {
    std::string path; ///< "$.items[0].price"
    json_kind kind;
    std::size_t begin;
    std::size_t end;
};

/// All leaves of one JSON document (RFC 8259), in order; empty when the text is no JSON, or nests deeper than 64.
/// Only looks: nothing is copied but the paths, so that a leaf can be changed in place and all else stays as it was.
std::vector<json_leaf> scan_json(std::string_view text);

} // namespace cb::fault
