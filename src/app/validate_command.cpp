// SPDX-License-Identifier: Apache-2.0
#include "app/commands.hpp"

namespace cb::app {

void add_validate_command(CLI::App& /*program*/, exit_code& /*outcome*/) {}

} // namespace cb::app
