// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "document/field.hpp"
#include "watch/target.hpp"

namespace cb::app {

/// Named targets: `format: 1`, then `targets:` with the name of a service and one target or a list of them each.
tl::expected<std::vector<watch::target>, document::mistake> parse_targets(std::string_view text,
                                                                          const std::string& file);

/// Whether a text means to be one, right or wrong: it has `targets`.
bool looks_like_targets(std::string_view text);

} // namespace cb::app
