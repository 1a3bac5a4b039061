// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

#include <CLI/CLI.hpp>

#include "app/exit_code.hpp"

namespace cb::app {

/// Ends the program with one sentence on stderr. Thrown at start-up and by client commands, never while serving.
class command_error : public std::runtime_error {
public:
    command_error(exit_code code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}
    [[nodiscard]] exit_code code() const { return code_; }

private:
    exit_code code_;
};

/// Each adds its command to the program; what the command returns is the program's exit code, kept in `outcome`.
void add_serve_command(CLI::App& program, exit_code& outcome);
void add_mix_command(CLI::App& program, exit_code& outcome);
void add_rules_command(CLI::App& program, exit_code& outcome);
void add_ledger_command(CLI::App& program, exit_code& outcome);
void add_load_command(CLI::App& program, exit_code& outcome);
void add_report_command(CLI::App& program, exit_code& outcome);
void add_run_command(CLI::App& program, exit_code& outcome);
void add_watch_command(CLI::App& program, exit_code& outcome);
void add_validate_command(CLI::App& program, exit_code& outcome);
void add_version_command(CLI::App& program, exit_code& outcome);
void add_completion_command(CLI::App& program, exit_code& outcome);

} // namespace cb::app
