// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/commands.hpp"
#include "app/serve_settings.hpp"

namespace cb::app {

/// Runs the broker until SIGTERM or SIGINT. Throws command_error when it cannot start.
exit_code serve(const serve_settings& settings);

} // namespace cb::app
