// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>

#include "app/commands.hpp"
#include "report/faces.hpp"

namespace cb::app {
namespace {

/// Whose fault it is: a wrong argument, or the machine.
exit_code blame(const error& wrong) {
    return wrong.kind == errc::io || wrong.kind == errc::timed_out ? exit_code::environment : exit_code::usage;
}

template <class Value>
Value or_throw(result<Value> what) {
    if (!what) {
        throw command_error(blame(what.error()), what.error().message);
    }
    return std::move(*what);
}

void report(const std::string& run, bool as_json) {
    const auto folder = or_throw(runstore::run_folder::open(run));
    auto reader = or_throw(runstore::run_reader::open(folder));
    const auto summary = or_throw(report::summarize(reader));
    if (const auto written = report::write_faces(folder, summary); !written) {
        throw command_error(blame(written.error()), written.error().message);
    }
    std::cout << (as_json ? report::report_json(summary) : report::report_text(summary));
    if (!as_json) {
        std::cout << "\n"
                  << (folder.path() / "report.html").string() << "\n"
                  << (folder.path() / "report.json").string() << "\n"
                  << (folder.path() / "junit.xml").string() << "\n";
    }
}

} // namespace

void add_report_command(CLI::App& program, exit_code& outcome) {
    auto* command =
        program.add_subcommand("report", "Make report.html, report.json and junit.xml of a run again, and show it");
    auto run = std::make_shared<std::string>();
    auto as_json = std::make_shared<bool>(false);
    command->add_option("run", *run, "The run's folder, as runs/latest")->required();
    command->add_flag("--json", *as_json, "Print report.json instead of the summary");
    command->callback([run, as_json, &outcome] {
        report(*run, *as_json);
        outcome = exit_code::done;
    });
}

} // namespace cb::app
