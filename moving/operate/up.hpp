// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace moving::operate {

/// `moving up`: all five services as processes, one log, an orderly end.
void add_up_command(CLI::App& program, std::function<int()>& run);

} // namespace moving::operate
