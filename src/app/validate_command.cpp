// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "app/commands.hpp"
#include "fault/rule_parser.hpp"

namespace cb::app {
namespace {

/// Every mistake is told, a line each; the first file does not hide the second.
exit_code validate(const std::vector<std::string>& files) {
    auto outcome = exit_code::done;
    for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        if (!in.is_open()) {
            std::cerr << "chaosbroker: " << file << ": cannot be read\n";
            outcome = exit_code::usage;
        } else if (const auto parsed = fault::parse_rules(text, file); !parsed) {
            std::cerr << "chaosbroker: " << parsed.error().text() << "\n";
            outcome = exit_code::usage;
        } else {
            std::cout << file << ": " << parsed->rules.size() << " rules" << (parsed->the_mix ? " and a mix" : "")
                      << ", fine\n";
        }
    }
    return outcome;
}

} // namespace

void add_validate_command(CLI::App& program, exit_code& outcome) {
    auto* command = program.add_subcommand("validate", "Check files of rules; starts nothing");
    auto files = std::make_shared<std::vector<std::string>>();
    command->add_option("file", *files, "Files of rules, YAML or JSON")->required();
    command->callback([files, &outcome] { outcome = validate(*files); });
}

} // namespace cb::app
