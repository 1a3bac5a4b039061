// SPDX-License-Identifier: Apache-2.0
// version, completion.
#include <iostream>
#include <memory>

#include "app/commands.hpp"

namespace cb::app {
namespace {

/// Words that may follow each command: read off the parser itself, so that it cannot go stale.
std::string bash_completion(const CLI::App& program) {
    std::string cases;
    std::string verbs; ///< "rules/list rules/show …": a second word that is one has options of its own
    const auto words_of = [](const CLI::App& command) {
        std::string words;
        for (const auto* sub : command.get_subcommands({})) {
            words += sub->get_name() + " ";
        }
        for (const auto* option : command.get_options()) {
            for (const auto& name : option->get_lnames()) {
                words += "--" + name + " ";
            }
        }
        return words;
    };
    for (const auto* command : program.get_subcommands({})) {
        cases += "        " + command->get_name() + ") words=\"" + words_of(*command) + "\" ;;\n";
        for (const auto* sub : command->get_subcommands({})) {
            verbs += (verbs.empty() ? "" : " ") + command->get_name() + "/" + sub->get_name();
            cases +=
                "        " + command->get_name() + "/" + sub->get_name() + ") words=\"" + words_of(*sub) + "\" ;;\n";
        }
    }
    return "_chaosbroker() {\n"
           "    local words path=\"${COMP_WORDS[1]}\"\n"
           "    [ \"$COMP_CWORD\" -gt 2 ] && [[ \" " +
           verbs +
           " \" = *\" $path/${COMP_WORDS[2]} \"* ]] && path=\"$path/${COMP_WORDS[2]}\"\n"
           "    [ \"$COMP_CWORD\" -eq 1 ] && path=\"\"\n"
           "    case \"$path\" in\n"
           "        \"\") words=\"" +
           words_of(program) + "\" ;;\n" + cases +
           "    esac\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
           "}\n"
           "complete -o default -F _chaosbroker chaosbroker\n";
}

} // namespace

void add_version_command(CLI::App& program, exit_code& /*outcome*/) {
    program.add_subcommand("version", "Print the version")->callback([] {
        std::cout << "chaosbroker " << CB_VERSION << "\n";
    });
}

void add_completion_command(CLI::App& program, exit_code& /*outcome*/) {
    auto* command =
        program.add_subcommand("completion", "Print shell completion: source <(chaosbroker completion bash)");
    auto shell = std::make_shared<std::string>();
    command->add_option("shell", *shell, "bash")->required()->check(CLI::IsMember({"bash"}));
    command->callback([&program] { std::cout << bash_completion(program); });
}

} // namespace cb::app
