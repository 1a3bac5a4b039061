// SPDX-License-Identifier: Apache-2.0
// run: one experiment from its file to its verdict.
#include <atomic>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "app/commands.hpp"
#include "app/load_verdict.hpp"
#include "app/run_broker.hpp"
#include "experiment/conductor.hpp"
#include "report/faces.hpp"

namespace cb::app {
namespace {

struct run_words {
    std::string file;
    std::string out;
    std::optional<std::uint64_t> seed;
    std::vector<std::string> allowed_targets;
    std::string admin_token_file;
    bool as_json = false;
};

/// Between the making of the run and its second 0: the load is under way by then.
constexpr nanoseconds before_the_start{1'500'000'000};

std::atomic<bool> stop_asked = false;

/// The first signal ends the run in order, a later one at once: the kernel then ends what was started.
void stop_on_signals() {
    struct sigaction how {};
    how.sa_handler = [](int) {
        if (stop_asked.exchange(true)) {
            ::_exit(static_cast<int>(exit_code::inconclusive));
        }
    };
    ::sigaction(SIGINT, &how, nullptr);
    ::sigaction(SIGTERM, &how, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

experiment::experiment read_experiment(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in.is_open() || in.bad()) {
        throw command_error(exit_code::usage, file + ": cannot be read");
    }
    auto parsed = experiment::parse_experiment(text, file);
    if (!parsed) {
        throw command_error(exit_code::usage, parsed.error().text());
    }
    return std::move(*parsed);
}

std::uint64_t fresh_seed() {
    std::random_device source;
    return ((std::uint64_t{source()} << 32) | source()) & INT64_MAX;
}

std::string own_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

template <class Value>
Value kept(result<Value> what) {
    if (!what) {
        throw command_error(exit_code::environment, what.error().message);
    }
    return std::move(*what);
}

void kept(const result<void>& what) {
    if (!what) {
        throw command_error(exit_code::environment, what.error().message);
    }
}

runstore::run_folder make_folder(const run_words& words, const experiment::experiment& about) {
    auto made = words.out.empty() ? runstore::run_folder::create("runs", about.title, system_clock().wall_ms())
                                  : runstore::run_folder::create_at(words.out);
    if (!made) {
        throw command_error(made.error().kind == errc::conflict ? exit_code::usage : exit_code::environment,
                            made.error().message);
    }
    kept(made->keep(words.file));
    if (!about.load.scenario_file.empty()) {
        kept(made->keep(about.load.scenario_file));
    }
    return std::move(*made);
}

runstore::run_description describe(const run_words& words, const experiment::experiment& about, std::uint64_t seed) {
    runstore::run_description out;
    out.title = about.title;
    out.kind = "experiment";
    out.hypothesis = about.hypothesis;
    out.seed = seed;
    out.command_line = fmt::format("chaosbroker run {} --seed {}", words.file, seed);
    for (const auto& each : words.allowed_targets) {
        out.command_line += " --allow-target " + each;
    }
    out.source_file = std::filesystem::path(words.file).filename();
    utsname system{};
    if (::uname(&system) == 0) {
        out.host = system.nodename;
        out.versions.emplace_back("kernel", system.release);
    }
    out.versions.emplace_back("chaosbroker", CB_VERSION);
    return out;
}

/// How the parts are started: all of them by this program, but for what the file names itself.
experiment::parts make_parts(const run_words& words, const std::filesystem::path& folder, std::uint64_t seed) {
    experiment::parts out;
    out.folder = folder;
    out.stop = &stop_asked;
    out.say = [as_json = words.as_json](const std::string& text) {
        (as_json ? std::cerr : std::cout) << "  " << text << std::endl;
    };
    out.broker = [folder, seed](const experiment::broker_part& of) {
        return experiment::command{{own_program(), "serve", "--listen", of.listen, "--admin", of.admin_listen, "--seed",
                                    std::to_string(seed), "--ledger", (folder / "ledger.jsonl").string(),
                                    "--log-format", "json"},
                                   {}};
    };
    out.load = [folder, seed, targets = words.allowed_targets](const experiment::load_part& of) {
        if (of.what == experiment::load_part::kind::foreign) {
            return of.foreign;
        }
        experiment::command made{
            {own_program(), "load", of.scenario_file, "--out", folder.string(), "--seed", std::to_string(seed)}, {}};
        for (const auto& each : targets) {
            made.words.insert(made.words.end(), {"--allow-target", each});
        }
        return made;
    };
    out.watch = [folder](const std::vector<std::string>& targets) {
        experiment::command made{{own_program(), "watch"}, {}};
        made.words.insert(made.words.end(), targets.begin(), targets.end());
        made.words.insert(made.words.end(), {"--out", folder.string()});
        return made;
    };
    out.control = [token = words.admin_token_file](const experiment::broker_part& of) {
        return control_broker(
            of.what == experiment::broker_part::kind::running ? of.admin_url : "http://" + of.admin_listen, token);
    };
    return out;
}

runstore::run_verdict judge_run(const experiment::experiment& about, const experiment::conductor& conducted,
                                const runstore::run_folder& folder, runstore::run_writer& writer) {
    auto reader = kept(runstore::run_reader::open(folder));
    const auto evidence = kept(experiment::run_evidence::read(reader));
    std::vector<runstore::check_result> results;
    for (std::size_t i = 0; i < about.checks.size(); ++i) {
        const auto audit = conducted.audits().find(i);
        results.push_back(kept(experiment::decide(about.checks[i], evidence,
                                                  audit != conducted.audits().end() ? &audit->second : nullptr)));
        kept(writer.add(results.back()));
    }
    auto verdict = experiment::conclude(results, kept(experiment::doubts(about, evidence)));
    kept(writer.set_verdict(verdict));
    return verdict;
}

void report_run(const run_words& words, const runstore::run_folder& folder, const runstore::run_verdict& verdict) {
    auto reader = kept(runstore::run_reader::open(folder));
    const auto summary = kept(report::summarize(reader));
    kept(report::write_faces(folder, summary));
    if (words.as_json) {
        const boost::json::object out{{"report", boost::json::parse(report::report_json(summary))},
                                      {"folder", folder.path().string()}};
        std::cout << boost::json::serialize(out) << std::endl;
        return;
    }
    std::cout << "\n" << runstore::to_string(verdict.value) << "\n";
    for (const auto& each : verdict.reasons) {
        std::cout << "  " << each << "\n";
    }
    std::cout << "\n" << report::report_text(summary) << "\n" << folder.path().string() << std::endl;
}

exit_code run(const run_words& words) {
    const auto about = read_experiment(words.file);
    const auto seed = words.seed ? *words.seed : about.seed.value_or(fresh_seed());
    stop_on_signals();
    const auto folder = make_folder(words, about);
    const auto absolute = std::filesystem::absolute(folder.path());
    (words.as_json ? std::cerr : std::cout)
        << about.title << "\n"
        << (about.hypothesis.empty() ? "" : "  hypothesis: " + about.hypothesis + "\n") << "  into "
        << folder.path().string() << "\n"
        << std::flush;
    experiment::conductor conductor(about, make_parts(words, absolute, seed));
    try {
        conductor.prepare();
    } catch (const experiment::cannot_run& wrong) {
        throw command_error(exit_code::environment, wrong.what());
    }
    const auto start = system_clock().now() + before_the_start;
    auto description = describe(words, about, seed);
    description.started_mono_ns = start.time_since_epoch().count();
    description.started_ms = system_clock().wall_ms() + before_the_start.count() / 1'000'000;
    const auto writer = kept(runstore::run_writer::create(folder, description));
    conductor.carry_out(*writer, start);
    const auto verdict = judge_run(about, conductor, folder, *writer);
    kept(writer->finish(std::chrono::duration_cast<milliseconds>(system_clock().now() - start).count()));
    report_run(words, folder, verdict);
    return exit_code_of(verdict.value);
}

} // namespace

void add_run_command(CLI::App& program, exit_code& outcome) {
    auto* command = program.add_subcommand("run", "Carry out an experiment: start, load, watch, break, and judge");
    const auto words = std::make_shared<run_words>();
    command->add_option("experiment", words->file, "An experiment file, YAML or JSON")->required();
    command->add_option("--out", words->out, "The run's folder, new or empty; otherwise one below runs/")
        ->type_name("DIR");
    command->add_option("--seed", words->seed, "In place of the file's: of the faults and of the load")
        ->check(CLI::Range(std::int64_t{0}, INT64_MAX));
    command->add_option("--allow-target", words->allowed_targets, "A host beyond this machine that may be loaded")
        ->type_name("HOST")
        ->allow_extra_args(false);
    command
        ->add_option("--token-file", words->admin_token_file,
                     "File whose first line is the token of the broker's control API")
        ->type_name("FILE");
    command->add_flag("--json", words->as_json, "Print the report as JSON; what happens goes to standard error");
    command->callback([words, &outcome] { outcome = run(*words); });
}

} // namespace cb::app
