// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace moving::operate {

/// `moving seed`: fills a running system with people, goods and courses, through its REST interface.
void add_seed_command(CLI::App& program, std::function<int()>& run);

} // namespace moving::operate
