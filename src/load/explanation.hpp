// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.hpp"
#include "load/scenario.hpp"

namespace cb::load {

/// A scenario in words, as `--explain` prints it: where requests go, when users come and how many, each step with the
/// service that it requests and the events that it awaits, the checks. Made of the file, not of what was compiled, so
/// that variables of the environment stand there by their names.
std::string explain(const file::scenario_file& what);

/// "5m30s", "250ms", "1.5s"
std::string duration_text(nanoseconds length);

} // namespace cb::load
