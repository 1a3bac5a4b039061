// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "watch/sample.hpp"

namespace cb::watch {

/// The latest look in Prometheus text. Names: docs/formats/metrics.md.
std::string metrics_page(const look& latest);

} // namespace cb::watch
