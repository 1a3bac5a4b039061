// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "schema.hpp"

namespace kschema {

/// The typed form of one API: a header with two structs, a source with their decoders and encoders.
std::string emit_typed_header(const std::vector<message>& api);
std::string emit_typed_source(const std::vector<message>& api);
/// A header with all of them and a tuple of their types, for what treats all alike (tests).
std::string emit_all_typed(const std::vector<message>& all, const std::set<std::string>& typed);

/// The tables of all messages: what the walker reads.
std::string emit_tables(const std::vector<message>& all);

/// docs/protocol-coverage.md: every API, its versions, and in which form we know it.
std::string emit_coverage(const std::vector<message>& all, const std::set<std::string>& typed,
                          const std::vector<uncovered_api>& uncovered);

} // namespace kschema
