// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "app/commands.hpp"
#include "app/load_commands.hpp"
#include "base/limits.hpp"

namespace cb::app {

void add_load_command(CLI::App& program, exit_code& outcome) {
    auto* command = program.add_subcommand(
        "load", "Send virtual users as a scenario says, or steer a run that goes on (a scenario file that is named as "
                "one of the subcommands: ./pause)");
    const auto settings = std::make_shared<load_settings>();
    command->add_option("scenario", settings->file, "A scenario file, YAML or JSON");
    command->add_option("--out", settings->out, "The run's folder, new or empty; otherwise one below runs/")
        ->type_name("DIR");
    command->add_option("--workers", settings->workers, "Worker processes; otherwise as cores and open files demand")
        ->check(CLI::Range(std::size_t{1}, limits::load_workers));
    command->add_option("--seed", settings->seed, "In place of the file's: the same seed, the same users")
        ->check(CLI::Range(std::int64_t{0}, INT64_MAX));
    command->add_flag("--explain", settings->explain, "Say what the scenario does, and send nothing");
    command->add_option("--allow-target", settings->allowed_targets, "A host beyond this machine that may be loaded")
        ->type_name("HOST")
        ->allow_extra_args(false);
    command->add_option("--max-duration", settings->max_duration, "End the run after this time, as 10m")
        ->type_name("TIME");
    command
        ->add_option("--dump-arrivals", settings->dump_arrivals,
                     "Write when each user is to come: scenario, user, seconds since its scenario's start (CSV)")
        ->type_name("FILE");
    auto* admin = command
                      ->add_option("--admin", settings->admin,
                                   "Address of the control API while it runs, or off; without it a free port does "
                                   "as well")
                      ->type_name("HOST:PORT")
                      ->capture_default_str();
    command
        ->add_option("--admin-token-file", settings->admin_token_file,
                     "File whose first line is the token that the control API asks for")
        ->type_name("FILE");
    command
        ->add_option("--machines", settings->machines,
                     "Machines that share the users, this one included; the others join")
        ->check(CLI::Range(std::size_t{2}, limits::load_machines));
    command->add_option("--bus-listen", settings->bus_listen, "Where they meet: a bus that is started at this address")
        ->type_name("HOST:PORT");
    command->add_option("--bus", settings->bus, "Or a Kafka that is there, and not the one under test")
        ->type_name("HOST:PORT");
    command
        ->add_option("--bus-setting", settings->bus_settings,
                     "For it: a setting of librdkafka, as "
                     "security.protocol=ssl")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
    command->add_option("--join", settings->join, "Take part in the run of another machine, which has this bus")
        ->type_name("HOST:PORT");
    command->add_option("--wait", settings->wait, "How long to wait for the machines, or for the run to join")
        ->type_name("TIME")
        ->capture_default_str();
    command->add_flag("--json", settings->as_json, "Print JSON: a line a second, and one with the report");
    command->require_subcommand(0, 1);
    add_load_client_commands(*command);
    command->callback([=, &outcome] {
        if (!command->get_subcommands().empty()) {
            return; // it has done its work
        }
        if (!settings->join.empty()) {
            outcome = join_load(*settings);
            return;
        }
        if (settings->file.empty()) {
            throw command_error(exit_code::usage, "load needs a scenario file, as examples/steady.yaml; or pause, "
                                                  "resume, rate, status, stop");
        }
        settings->admin_given = admin->count() > 0;
        outcome = run_load(*settings);
    });
}

} // namespace cb::app
