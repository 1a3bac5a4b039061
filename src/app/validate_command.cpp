// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "app/commands.hpp"
#include "app/targets_file.hpp"
#include "experiment/experiment_file.hpp"
#include "fault/rule_parser.hpp"
#include "load/compiler.hpp"
#include "load/scenario_parser.hpp"

namespace cb::app {
namespace {

/// What a file holds, or the sentence about what is wrong with it.
using outcome_of_file = tl::expected<std::string, document::mistake>;

std::string counted(std::size_t number, const std::string& what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

outcome_of_file check_rules(const std::string& text, const std::string& file) {
    const auto parsed = fault::parse_rules(text, file);
    if (!parsed) {
        return tl::unexpected(parsed.error());
    }
    return counted(parsed->rules.size(), "rule") + (parsed->the_mix ? " and a mix" : "");
}

outcome_of_file check_scenario(const std::string& text, const std::string& file) {
    const auto parsed = load::read_workload(text, file, load::machine_surroundings(file), 0);
    if (!parsed) {
        return tl::unexpected(parsed.error());
    }
    return counted(parsed->programs.size(), "scenario") + " with " + counted(parsed->steps.size(), "measured step");
}

outcome_of_file check_targets(const std::string& text, const std::string& file) {
    const auto parsed = parse_targets(text, file);
    if (!parsed) {
        return tl::unexpected(parsed.error());
    }
    return counted(parsed->size(), "target");
}

outcome_of_file check_experiment(const std::string& text, const std::string& file) {
    const auto parsed = experiment::parse_experiment(text, file);
    if (!parsed) {
        return tl::unexpected(parsed.error());
    }
    return "an experiment of " + counted(parsed->timeline.size(), "phase") + " and " +
           counted(parsed->checks.size(), "check");
}

outcome_of_file check(const std::string& text, const std::string& file) {
    if (experiment::looks_like_experiment(text)) {
        return check_experiment(text, file);
    }
    if (looks_like_targets(text)) {
        return check_targets(text, file);
    }
    return load::file::looks_like_scenario(text) ? check_scenario(text, file) : check_rules(text, file);
}

/// Every mistake is told, a line each; the first file does not hide the second.
exit_code validate(const std::vector<std::string>& files) {
    auto outcome = exit_code::done;
    for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        if (!in.is_open()) {
            std::cerr << "chaosbroker: " << file << ": cannot be read\n";
            outcome = exit_code::usage;
            continue;
        }
        const auto held = check(text, file);
        if (!held) {
            std::cerr << "chaosbroker: " << held.error().text() << "\n";
            outcome = exit_code::usage;
        } else {
            std::cout << file << ": " << *held << ", fine\n";
        }
    }
    return outcome;
}

} // namespace

void add_validate_command(CLI::App& program, exit_code& outcome) {
    auto* command =
        program.add_subcommand("validate", "Check files of rules, scenarios, experiments and targets; starts nothing");
    auto files = std::make_shared<std::vector<std::string>>();
    command->add_option("file", *files, "Files of rules, scenarios, experiments or targets of watch, YAML or JSON")
        ->required();
    command->callback([files, &outcome] { outcome = validate(*files); });
}

} // namespace cb::app
