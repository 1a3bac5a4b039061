// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace moving::operate {

/// `moving audit`: what became of everything that was told, by the databases of all services and the topics.
void add_audit_command(CLI::App& program, std::function<int()>& run);

} // namespace moving::operate
