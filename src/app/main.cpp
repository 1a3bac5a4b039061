// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>

#include "app/commands.hpp"

int main(int argc, char** argv) {
    using cb::app::exit_code;
    CLI::App program(
        "Find out, before production does, what late, lost, doubled and wrong messages do to your system.\n"
        "For test and staging; not a Kafka replacement.",
        "chaosbroker");
    program.require_subcommand(1);
    program.set_help_all_flag("--help-all", "Print the help of all commands");
    auto outcome = exit_code::done;
    cb::app::add_serve_command(program, outcome);
    cb::app::add_mix_command(program, outcome);
    cb::app::add_rules_command(program, outcome);
    cb::app::add_ledger_command(program, outcome);
    cb::app::add_load_command(program, outcome);
    cb::app::add_report_command(program, outcome);
    cb::app::add_watch_command(program, outcome);
    cb::app::add_run_command(program, outcome);
    cb::app::add_validate_command(program, outcome);
    cb::app::add_completion_command(program, outcome);
    cb::app::add_version_command(program, outcome);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        const bool asked_for_help = wrong.get_exit_code() == 0;
        program.exit(wrong);
        outcome = asked_for_help ? exit_code::done : exit_code::usage;
    } catch (const cb::app::command_error& wrong) {
        std::fprintf(stderr, "chaosbroker: %s\n", wrong.what());
        outcome = wrong.code();
    } catch (const std::exception& wrong) {
        std::fprintf(stderr, "chaosbroker: %s\n", wrong.what());
        outcome = exit_code::environment;
    }
    return static_cast<int>(outcome);
}
