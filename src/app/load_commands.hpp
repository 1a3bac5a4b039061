// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include "app/exit_code.hpp"
#include "app/load_settings.hpp"

namespace cb::app {

/// `load pause`, `resume`, `rate`, `status`, `stop`.
void add_load_client_commands(CLI::App& load);

/// Reads the scenario, explains it or runs it, reports. Throws command_error before anything was sent.
exit_code run_load(const load_settings& settings);
/// Takes part in the run of another machine. Throws command_error when there is none, or it ends before its users have.
exit_code join_load(const load_settings& settings);

} // namespace cb::app
