// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "document/field.hpp"

namespace cb::load {

/// What a feed file holds. Every row is as long as `columns`, and there is at least one.
struct feed_content {
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;
};

/// Comma-separated values (RFC 4180): a row of names first, quotes around cells with commas, quotes or line breaks; a
/// byte order mark and either line break are understood, empty lines are passed over.
tl::expected<feed_content, document::mistake> read_csv(std::string_view text, const std::string& file);

/// A JSON array of objects that have the same keys and no objects or arrays inside.
tl::expected<feed_content, document::mistake> read_json_rows(std::string_view text, const std::string& file);

/// By the name's end: .csv or .json.
tl::expected<feed_content, document::mistake> read_feed(std::string_view text, const std::string& file);

} // namespace cb::load
