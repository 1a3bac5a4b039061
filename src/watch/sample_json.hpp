// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "watch/sample.hpp"

namespace cb::watch {

/// A look as JSON lines, each ended: host, services, then a line for each event and for each instance.
/// docs/formats/watch.md describes them. Figures that are not known are left out.
void append_json_lines(std::string& out, const look& what);

} // namespace cb::watch
