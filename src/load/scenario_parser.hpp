// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "load/scenario.hpp"

namespace cb::load::file {

/// Reads a scenario file, YAML or JSON. What can be known to be wrong of the file alone is refused here; names of
/// steps, services, feeds and values are the compiler's. docs/formats/scenario.md is the format.
tl::expected<scenario_file, document::mistake> parse_scenario(std::string_view text, const std::string& file);

/// Whether a text looks like one, by its keys: for what is told of a file whose kind nobody names.
bool looks_like_scenario(std::string_view text);

} // namespace cb::load::file
