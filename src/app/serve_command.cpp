// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "app/commands.hpp"
#include "app/server.hpp"

namespace cb::app {
namespace {

/// The file's settings first, so that flags and variables, which CLI11 wrote into `given`, win.
serve_settings merged(const CLI::App& command, const serve_settings& given, const std::string& config_file) {
    serve_settings out;
    if (!config_file.empty()) {
        read_config_file(config_file, out);
    }
    const auto take = [&](const char* option, auto& target, const auto& value) {
        if (command.get_option(option)->count() > 0) {
            target = value;
        }
    };
    take("--listen", out.listen, given.listen);
    take("--advertise", out.advertise, given.advertise);
    take("--admin", out.admin, given.admin);
    take("--admin-token-file", out.admin_token_file, given.admin_token_file);
    take("--rules", out.rules_file, given.rules_file);
    take("--data", out.data_folder, given.data_folder);
    take("--seed", out.seed, given.seed);
    take("--ledger", out.ledger_file, given.ledger_file);
    take("--ledger-keys", out.ledger_keys, given.ledger_keys);
    take("--log-format", out.log_format, given.log_format);
    take("--log-level", out.log_level, given.log_level);
    take("--grace", out.grace_s, given.grace_s);
    take("--partitions", out.partitions, given.partitions);
    take("--memory-log-mib", out.memory_log_mib, given.memory_log_mib);
    return out;
}

} // namespace

void add_serve_command(CLI::App& program, exit_code& outcome) {
    auto* command = program.add_subcommand("serve", "A Kafka broker that misbehaves on request");
    auto given = std::make_shared<serve_settings>();
    auto config_file = std::make_shared<std::string>();
    auto grace = std::make_shared<std::string>();
    const auto option = [&](const char* name, auto& target, const char* what, const char* variable) {
        return command->add_option(name, target, what)->envname(variable);
    };
    option("--listen", given->listen, "[NAME=]HOST:PORT for clients, several times (127.0.0.1:9092)",
           "CHAOSBROKER_LISTEN");
    option("--advertise", given->advertise, "HOST[:PORT] that clients are told, when not the one they connected to",
           "CHAOSBROKER_ADVERTISE");
    option("--admin", given->admin, "HOST:PORT of the control API, or off (127.0.0.1:8474)", "CHAOSBROKER_ADMIN");
    option("--admin-token-file", given->admin_token_file, "File whose first line is the token of the control API",
           "CHAOSBROKER_ADMIN_TOKEN_FILE");
    option("--rules", given->rules_file, "Rules to begin with", "CHAOSBROKER_RULES");
    option("--data", given->data_folder,
           "Folder that keeps records, offsets and rules over a restart; in memory without", "CHAOSBROKER_DATA");
    option("--seed", given->seed, "Decides which messages are hit; random without", "CHAOSBROKER_SEED");
    option("--ledger", given->ledger_file, "Keep every ledger entry in this file, a line of JSON each",
           "CHAOSBROKER_LEDGER");
    option("--ledger-keys", given->ledger_keys, "How keys stand in the ledger: full, hash or none",
           "CHAOSBROKER_LEDGER_KEYS");
    option("--log-format", given->log_format, "text or json; text on a terminal", "CHAOSBROKER_LOG_FORMAT");
    option("--log-level", given->log_level, "debug, info, warning or error (info)", "CHAOSBROKER_LOG_LEVEL");
    option("--grace", *grace, "How long a stop may take, as 20s", "CHAOSBROKER_GRACE")
        ->check([given](const std::string& text) -> std::string {
            const auto digits = text.ends_with('s') ? text.substr(0, text.size() - 1) : std::string();
            if (digits.empty() || digits.size() > 6 || digits.find_first_not_of("0123456789") != std::string::npos) {
                return "must be seconds, as 20s";
            }
            given->grace_s = std::stoll(digits);
            return {};
        });
    option("--partitions", given->partitions, "Partitions of topics that come by being asked for (1)",
           "CHAOSBROKER_PARTITIONS")
        ->check(CLI::Range(1, 10'000));
    option("--memory-log-mib", given->memory_log_mib,
           "Memory for records (1024, with --data 128; at most half of the machine's)", "CHAOSBROKER_MEMORY_LOG_MIB");
    option("--config", *config_file, "A file of settings; flags and variables win", "CHAOSBROKER_CONFIG");
    command->callback([command, given, config_file, &outcome] {
        const auto settings = merged(*command, *given, *config_file);
        outcome = serve(settings);
    });
}

} // namespace cb::app
