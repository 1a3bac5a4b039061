// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/audit.hpp"

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

#include <boost/json/serialize.hpp>

#include "moving/operate/audit_reader.hpp"
#include "moving/operate/audit_report.hpp"
#include "moving/operate/service_command.hpp"
#include "moving/operate/settling.hpp"
#include "moving/operate/system_file.hpp"

namespace moving::operate {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds look_again_after{1'000};
/// With naive delivery nothing repairs anything: only what a slow broker still holds back can come.
constexpr milliseconds quiet_of_naive{10'000};
/// With safe delivery the reconciler looks for events of a certain age, and some seconds later they had their effect.
constexpr milliseconds after_reconciling{5'000};

struct audit_options {
    std::string folder = "moving-data";
    std::string brokers;
    std::string database;
    bool as_json = false;
    milliseconds settle{0};
    std::optional<std::size_t> witnesses;

    /// On a terminal one of each kind shows what it is; documents have room.
    [[nodiscard]] std::size_t kept_witnesses() const { return witnesses.value_or(as_json ? 10 : 1); }
};

int refuse(const std::string& sentence, int code) {
    std::cerr << "moving audit: " << sentence << '\n';
    return code;
}

/// What the folder says, unless the command line says otherwise.
tl::expected<running_system, std::string> system_of(const audit_options& options) {
    running_system out;
    if (options.database.empty() || options.brokers.empty()) {
        auto read = read_system_file(options.folder);
        if (!read) {
            return read;
        }
        out = std::move(*read);
    }
    if (!options.brokers.empty()) {
        out.brokers = options.brokers;
    }
    if (!options.database.empty()) {
        for (const auto& each : known_services()) {
            auto& service = out.services[each.name];
            service.name = each.name;
            service.database = database_url(options.database, options.folder, each.name);
        }
    }
    return out;
}

tl::expected<audit_findings, std::string> look(audit_reader& reader, std::size_t witnesses) {
    const auto rows = reader.read();
    if (!rows) {
        return tl::make_unexpected(rows.error());
    }
    return find_in(*rows, witnesses);
}

struct settled_look {
    audit_findings findings;
    bool settled = false;
};

/// Looks until the system is settled or `options.settle` has passed: once when that is nothing.
tl::expected<settled_look, std::string> look_until_settled(audit_reader& reader, const audit_options& options,
                                                           const running_system& system) {
    const auto until = clock::now() + options.settle;
    settling state(system.delivery == "naive" ? quiet_of_naive : system.reconcile_after + after_reconciling);
    while (true) {
        const auto began = clock::now();
        auto findings = look(reader, options.kept_witnesses());
        if (!findings) {
            return tl::make_unexpected(std::move(findings.error()));
        }
        const auto now = clock::now();
        const bool settled = options.settle.count() == 0 ? findings->nothing_open() : state.is_settled(*findings, now);
        // A look at a large system takes some seconds; the system has as much time for its own work.
        const auto next = now + std::max(look_again_after, std::chrono::duration_cast<milliseconds>(now - began));
        if (settled || next > until) {
            return settled_look{std::move(*findings), settled};
        }
        std::this_thread::sleep_until(next);
    }
}

int run_audit(const audit_options& options) {
    const auto began = clock::now();
    const auto system = system_of(options);
    if (!system) {
        return refuse(system.error(), exit_environment);
    }
    auto reader = audit_reader::open(*system);
    if (!reader) {
        return refuse(reader.error(), exit_environment);
    }
    auto seen = look_until_settled(*reader, options, *system);
    if (!seen) {
        return refuse(seen.error(), exit_environment);
    }
    audit_report report{system->delivery, std::move(seen->findings), tl::make_unexpected(std::string()), seen->settled,
                        0};
    if (const auto named = reader->name_events(report.findings); !named) {
        return refuse(named.error(), exit_environment);
    }
    report.topics = read_topics(system->brokers, report.findings);
    report.took_ms = std::chrono::duration_cast<milliseconds>(clock::now() - began).count();
    if (options.as_json) {
        std::cout << boost::json::serialize(json_of(report)) << '\n';
    } else {
        std::cout << text_of(report);
    }
    return report.findings.all_zero() ? exit_done : exit_failed;
}

} // namespace

void add_audit_command(CLI::App& program, std::function<int()>& run) {
    auto options = std::make_shared<audit_options>();
    auto* command =
        program.add_subcommand("audit", "Whether anything was lost, done twice or made up: exit code 1 then")
            ->group("All of it");
    command->add_option("--dir", options->folder, "the folder of `moving up`")->capture_default_str();
    command->add_flag("--json", options->as_json, "one JSON document");
    add_duration_option(*command, "--settle", options->settle,
                        "look again until nothing is on its way any more, for so long at most");
    command->add_option("--witnesses", options->witnesses, "how many ids of each kind are told; 10 with --json, else 1")
        ->check(CLI::Range(0, 10'000));
    command->add_option("--brokers", options->brokers, "instead of those that the folder names");
    command->add_option(
        "--database", options->database,
        "instead of those that the folder names: sqlite (in the folder), or postgresql://USER@HOST:PORT");
    command->callback([options, &run] { run = [options] { return run_audit(*options); }; });
}

} // namespace moving::operate
