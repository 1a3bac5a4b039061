// SPDX-License-Identifier: Apache-2.0
// moving: five services that move goods in spare room, and what starts, fills and checks them. moving/README.md.
#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>

#include "moving/operate/audit.hpp"
#include "moving/operate/seed.hpp"
#include "moving/operate/service_command.hpp"
#include "moving/operate/trace.hpp"
#include "moving/operate/up.hpp"

int main(int count, char** words) {
    CLI::App program("The moving system: five services worth breaking.", "moving");
    program.require_subcommand(1);
    std::function<int()> run;
    moving::operate::add_service_commands(program, run);
    moving::operate::add_up_command(program, run);
    moving::operate::add_audit_command(program, run);
    moving::operate::add_seed_command(program, run);
    moving::operate::add_trace_command(program, run);
    try {
        program.parse(count, words);
    } catch (const CLI::ParseError& wrong) {
        const bool asked_for_help = wrong.get_exit_code() == 0;
        program.exit(wrong);
        return asked_for_help ? moving::operate::exit_done : moving::operate::exit_usage;
    }
    try {
        return run();
    } catch (const std::exception& failed) {
        std::cerr << "moving: " << failed.what() << '\n';
        return moving::operate::exit_environment;
    }
}
