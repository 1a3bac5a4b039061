// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace moving::operate {

/// `moving trace ID`: all lines of one journey, of all services, in the order of time. ID is a trace id, or the id of a
/// good or course whose journey it is.
void add_trace_command(CLI::App& program, std::function<int()>& run);

} // namespace moving::operate
