// SPDX-License-Identifier: Apache-2.0
// One `chaosbroker load SCENARIO.yaml` from its file to its exit code.
#include <atomic>
#include <csignal>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "app/commands.hpp"
#include "app/load_commands.hpp"
#include "app/load_control.hpp"
#include "app/load_machines.hpp"
#include "app/load_recording.hpp"
#include "app/load_targets.hpp"
#include "app/load_verdict.hpp"
#include "app/load_view.hpp"
#include "base/limits.hpp"
#include "load/compiler.hpp"
#include "load/explanation.hpp"
#include "load/scenario_parser.hpp"
#include "report/faces.hpp"

namespace cb::app {
namespace {

// --- what is asked for ---------------------------------------------------------------------------------------------

std::uint64_t fresh_seed() {
    std::random_device source;
    return ((std::uint64_t{source()} << 32) | source()) & INT64_MAX;
}

load::file::scenario_file read_scenario(const load_settings& settings) {
    std::ifstream in(settings.file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in.is_open() || in.bad()) {
        throw command_error(exit_code::usage, settings.file + ": cannot be read");
    }
    auto parsed = load::file::parse_scenario(text, settings.file);
    if (!parsed) {
        throw command_error(exit_code::usage, parsed.error().text());
    }
    if (settings.seed) {
        parsed->seed = settings.seed; // the flag wins over the file
    }
    return std::move(*parsed);
}

load::workload compile(const load::file::scenario_file& scenario, const std::string& file,
                       const load::surroundings& around) {
    auto compiled = load::compile(scenario, file, around, fresh_seed());
    if (!compiled) {
        throw command_error(exit_code::usage, compiled.error().text());
    }
    if (compiled->steps.size() > limits::run_steps) {
        throw command_error(exit_code::usage, fmt::format("{}: {} measured steps; a run tells {} apart", file,
                                                          compiled->steps.size(), limits::run_steps));
    }
    return std::move(*compiled);
}

std::optional<nanoseconds> max_duration_of(const load_settings& settings) {
    if (settings.max_duration.empty()) {
        return std::nullopt;
    }
    const auto length = document::parse_duration(settings.max_duration);
    if (!length || *length < nanoseconds(1'000'000'000)) {
        throw command_error(exit_code::usage,
                            "--max-duration " + settings.max_duration + ": must be a time of 1s and more, as 10m");
    }
    return length;
}

void dump_arrivals(const load::workload& work, const std::string& file) {
    std::ofstream out(file, std::ios::trunc);
    out << "scenario,user,at_s\n";
    for (std::uint16_t which = 0; which < work.programs.size(); ++which) {
        const auto& each = work.programs[which];
        if (each.arrivals.closed) {
            std::cerr << "chaosbroker: scenario " << each.name << " is closed: its users come when others go\n";
            continue;
        }
        auto schedule = load::schedule_of(work, which);
        std::string name;
        for (const char c : each.name) {
            name += c == '"' ? "\"\"" : std::string(1, c);
        }
        for (std::uint64_t user = 0;; ++user) {
            const auto at = schedule.next();
            if (!at) {
                break;
            }
            out << fmt::format("\"{}\",{},{:.9f}\n", name, user, static_cast<double>(at->count()) / 1e9);
        }
    }
    out.close();
    if (!out) {
        throw command_error(exit_code::environment, "--dump-arrivals " + file + ": cannot be written");
    }
}

/// The command that does the same again: with the seed that was drawn.
std::string command_line(const load_settings& settings, const load::workload& work, std::uint32_t workers) {
    auto out = fmt::format("chaosbroker load {} --seed {} --workers {}", settings.file, work.seed, workers);
    for (const auto& each : settings.allowed_targets) {
        out += " --allow-target " + each;
    }
    if (!settings.max_duration.empty()) {
        out += " --max-duration " + settings.max_duration;
    }
    if (settings.machines) {
        out += fmt::format(" --machines {} {}", *settings.machines,
                           settings.bus.empty() ? "--bus-listen " + settings.bus_listen : "--bus " + settings.bus);
    }
    return out;
}

runstore::run_description describe(const load_settings& settings, const load::workload& work, std::uint32_t workers) {
    runstore::run_description out;
    out.title = work.title;
    out.kind = "load";
    out.seed = work.seed;
    out.command_line = command_line(settings, work, workers);
    out.source_file = std::filesystem::path(settings.file).filename();
    utsname system{};
    if (::uname(&system) == 0) {
        out.host = system.nodename;
        out.versions.emplace_back("kernel", system.release);
    }
    out.versions.emplace_back("chaosbroker", CB_VERSION);
    return out;
}

/// When the run began that goes on in the folder, if one does that wants to be joined: an experiment's.
std::optional<mono_time> run_to_join(const load_settings& settings) {
    if (settings.out.empty()) {
        return std::nullopt;
    }
    const auto folder = runstore::run_folder::open(settings.out);
    if (!folder) {
        return std::nullopt;
    }
    auto run = runstore::run_reader::open(*folder);
    const auto facts = run ? run->facts() : result<runstore::run_facts>(tl::unexpected(run.error()));
    if (!facts || facts->ended_at_ms || facts->about.kind != "experiment") {
        return std::nullopt;
    }
    return mono_time(nanoseconds(facts->about.started_mono_ns));
}

runstore::run_folder folder_to_join(const load_settings& settings) {
    auto folder = runstore::run_folder::open(settings.out);
    if (!folder) {
        throw command_error(exit_code::environment, folder.error().message);
    }
    return std::move(*folder);
}

runstore::run_folder make_folder(const load_settings& settings, const std::string& title) {
    auto made = settings.out.empty() ? runstore::run_folder::create("runs", title, system_clock().wall_ms())
                                     : runstore::run_folder::create_at(settings.out);
    if (!made) {
        throw command_error(made.error().kind == errc::conflict ? exit_code::usage : exit_code::environment,
                            made.error().message);
    }
    if (const auto copied = made->keep(settings.file); !copied) {
        throw command_error(exit_code::environment, copied.error().message);
    }
    return std::move(*made);
}

// --- stopping ------------------------------------------------------------------------------------------------------

/// SIGINT and SIGTERM end the run, and it reports; another one, later than a signal that is sent twice (`timeout`
/// does), ends the program at once, and with it its workers. One at a time: a signal knows no object.
class stop_signals {
public:
    explicit stop_signals(load::load_run& run) {
        run_ = &run;
        first_ns_ = 0;
        struct sigaction how {};
        how.sa_handler = [](int) { heard(); };
        ::sigaction(SIGINT, &how, &before_int_);
        ::sigaction(SIGTERM, &how, &before_term_);
    }
    ~stop_signals() {
        ::sigaction(SIGINT, &before_int_, nullptr);
        ::sigaction(SIGTERM, &before_term_, nullptr);
        run_ = nullptr;
    }
    stop_signals(const stop_signals&) = delete;
    stop_signals& operator=(const stop_signals&) = delete;

private:
    static constexpr std::int64_t again_after_ns = 300'000'000;

    static void heard() {
        timespec clock{};
        ::clock_gettime(CLOCK_MONOTONIC, &clock);
        const auto now_ns = clock.tv_sec * 1'000'000'000 + clock.tv_nsec;
        if (first_ns_ != 0) {
            if (now_ns - first_ns_ > again_after_ns) {
                ::_exit(static_cast<int>(exit_code::inconclusive));
            }
            return;
        }
        first_ns_ = now_ns;
        if (auto* run = run_.load()) {
            run->stop_from_signal();
        }
    }

    static inline std::atomic<load::load_run*> run_ = nullptr;
    static inline std::atomic<std::int64_t> first_ns_ = 0;
    struct sigaction before_int_ {};
    struct sigaction before_term_ {};
};

// --- the run -------------------------------------------------------------------------------------------------------

class run_controls final : public load_controls {
public:
    explicit run_controls(load::load_run& run) : run_(run) {}
    void set_rate(double factor) override { run_.set_rate(factor); }
    void stop() override { run_.stop(); }

private:
    load::load_run& run_;
};

/// Hands what the run says to those who show, keep and steer it. Owner: the session. Thread: the run's.
class run_audience final : public load::run_observer {
public:
    run_audience(load::load_run& run, const load::plan_outline& outline, load_view& view, load_recording& recording,
                 load_desk& desk, std::optional<nanoseconds> max_duration)
        : run_(run), outline_(outline), view_(view), recording_(recording), desk_(desk), max_duration_(max_duration) {}

    void started(mono_time at, wall_time_ms wall_ms) override {
        started_ = at;
        recording_.begin(at, wall_ms, run_.workers());
        for (const auto& each : machines_) {
            recording_.note(0, "machine", each);
        }
        view_.started();
    }

    void second(const load::merged_seconds& what, const load::run_state& state) override {
        tell_rate(what.second, state.rate_factor);
        const double speed = outline_.all_closed && state.rate_factor > 0 ? 1 : state.rate_factor;
        planned_ += nanoseconds(static_cast<std::int64_t>(speed * 1e9 * static_cast<double>(what.second - second_)));
        second_ = what.second;
        recording_.second(what, state);
        desk_.second(what, state, planned_);
        view_.second(what, state, planned_, run_.totals());
        if (!recording_.failure().empty() && !ended_by_us_) {
            ended_by_us_ = true;
            notice("the run cannot be kept, so it ends: " + recording_.failure());
            run_.stop();
        }
        if (max_duration_ && nanoseconds((what.second + 1) * ns_per_s) >= *max_duration_ && !ended_by_us_) {
            ended_by_us_ = true;
            notice("--max-duration is over: the run ends");
            run_.stop();
        }
    }

    void notice(std::string_view text) override {
        view_.notice(text);
        const auto since = system_clock().now() - started_;
        recording_.note(std::max<std::int64_t>(0, std::chrono::duration_cast<milliseconds>(since).count()), "notice",
                        text);
    }

    /// Other machines that take part: notes of the run.
    void introduce(const std::vector<load::far_machine>& machines) {
        for (const auto& each : machines) {
            machines_.push_back(fmt::format("{}: {} workers, begins within {:.1f} ms of this one", each.name,
                                            each.processes.size(),
                                            static_cast<double>(each.clock_wrong_by.count()) / 1e6));
        }
    }

    /// Asked to by the command line or by a failure, not by a person.
    [[nodiscard]] bool ended_by_us() const { return ended_by_us_; }
    [[nodiscard]] nanoseconds planned() const { return planned_; }

private:
    static constexpr std::int64_t ns_per_s = 1'000'000'000;

    void tell_rate(std::int64_t second, double rate) {
        if (rate != rate_) {
            recording_.note(second * 1000, "rate",
                            rate == 0 ? std::string("paused") : fmt::format("users come at {:g} times the plan", rate));
            rate_ = rate;
        }
    }

    load::load_run& run_;
    const load::plan_outline& outline_;
    load_view& view_;
    load_recording& recording_;
    load_desk& desk_;
    std::optional<nanoseconds> max_duration_;
    mono_time started_{};
    nanoseconds planned_{0};
    std::int64_t second_ = -1;
    double rate_ = 1;
    bool ended_by_us_ = false;
    std::vector<std::string> machines_;
};

std::unique_ptr<load_view> make_view(const load_settings& settings, load_view_subject subject) {
    if (settings.as_json) {
        return make_json_view(std::move(subject));
    }
    return standard_output_is_terminal() ? make_live_view(std::move(subject)) : make_plain_view(std::move(subject));
}

template <class Value>
Value read_back(result<Value> what) {
    if (!what) {
        throw command_error(exit_code::environment, "the run's folder cannot be read back: " + what.error().message);
    }
    return std::move(*what);
}

/// The faces of the run, and what is told at its end: the verdict first.
void report_run(const load_settings& settings, const runstore::run_folder& folder,
                const runstore::run_verdict& verdict) {
    auto reader = read_back(runstore::run_reader::open(folder));
    const auto summary = read_back(report::summarize(reader));
    if (const auto written = report::write_faces(folder, summary); !written) {
        throw command_error(exit_code::environment, written.error().message);
    }
    if (settings.as_json) {
        boost::json::object out{{"report", boost::json::parse(report::report_json(summary))},
                                {"folder", folder.path().string()}};
        std::cout << boost::json::serialize(out) << std::endl;
        return;
    }
    std::cout << "\n" << runstore::to_string(verdict.value) << "\n";
    for (const auto& each : verdict.reasons) {
        std::cout << "  " << each << "\n";
    }
    std::cout << "\n"
              << report::report_text(summary) << "\n"
              << folder.path().string() << ": report.html, report.json, junit.xml, run.db, latency.hlog" << std::endl;
}

/// Text for people: where JSON goes to standard output, it goes beside.
void say(const load_settings& settings, const std::string& text) {
    (settings.as_json ? std::cerr : std::cout) << text << std::flush;
}

/// Calls for the other machines of the run, if there are to be any, and shares it with them once they are prepared.
std::unique_ptr<machine_gathering> gather_machines(const load_settings& settings, const load::workload& work,
                                                   const std::vector<load_target>& targets, sent_files files,
                                                   load::load_run& run) {
    if (!settings.machines) {
        return nullptr;
    }
    auto out = std::make_unique<machine_gathering>(settings, work, targets, files.take());
    say(settings, "  " + out->instruction() + "\n");
    out->gather([&run] { return run.stop_asked(); },
                [&](const std::string& text) { say(settings, "  " + text + "\n"); });
    run.share_with(out->machines());
    return out;
}

exit_code conduct(const load_settings& settings, const load::workload& work, sent_files files) {
    const auto max_duration = max_duration_of(settings);
    const auto targets = look_up_targets(work);
    refuse_far_targets(targets, settings.allowed_targets);
    std::vector<load::endpoint> endpoints;
    for (std::size_t i = 0; i < work.targets.size(); ++i) {
        endpoints.push_back(targets[i].address);
    }
    const auto plan =
        load::plan_load(work, endpoints, load::read_machine_facts(), settings.workers, settings.machines.value_or(1));
    if (!plan) {
        throw command_error(exit_code::environment, plan.error());
    }
    const auto outline = load::outline(work);
    say(settings, announcement(work, targets, *plan, outline));

    load::load_run run(work, *plan, endpoints);
    run.make_workers();
    const stop_signals signals(run);
    // Threads only from here on: the workers were made by fork.
    const auto others = gather_machines(settings, work, targets, std::move(files), run);
    run_controls controls(run);
    load_desk desk(work, outline, run.workers().size(), controls);
    std::unique_ptr<load_control> control;
    if (settings.admin != "off") {
        control =
            std::make_unique<load_control>(desk, settings.admin, !settings.admin_given, settings.admin_token_file);
        say(settings,
            fmt::format("  control {}: chaosbroker load status | pause | resume | rate | stop{}\n", control->url(),
                        control->url().ends_with(":8475") ? "" : " --admin " + control->url()));
    }
    const auto joined = run_to_join(settings);
    load_recording recording(joined ? folder_to_join(settings) : make_folder(settings, work.title), work,
                             describe(settings, work, plan->workers));
    if (joined) {
        recording.join(*joined);
        run.not_before(*joined);
    }
    say(settings, fmt::format("  into    {}\n\n", recording.folder().path().string()));
    const auto view = make_view(settings, {work, outline, control ? control->url() : ""});
    run_audience audience(run, outline, *view, recording, desk, max_duration);
    if (others) {
        audience.introduce(others->machines().machines());
    }
    run.run(audience);
    if (others) {
        others->machines().end("");
    }
    view->ended();

    const bool by_hand = run.was_stopped() && !audience.ended_by_us();
    const load_ending ending{run.length(), outline.length, by_hand && audience.planned() < outline.length};
    const auto findings = load::decide_checks(work, run.totals(), run.totals_by_phase(), run.length());
    const auto distrust = reasons_for_distrust(work, run.totals(), run.state(), ending);
    const auto verdict = judge(work, run.totals(), distrust, findings);
    if (run.was_stopped() && !joined) {
        recording.note(std::chrono::duration_cast<milliseconds>(run.length()).count(), "action",
                       by_hand ? "stopped by hand" : "stopped by --max-duration");
    }
    if (joined) {
        // Whoever began the run ends it by a signal, and judges.
        auto what_matters = ending;
        what_matters.cut_short = false;
        for (const auto& each : reasons_for_distrust(work, run.totals(), run.state(), what_matters)) {
            recording.note(std::chrono::duration_cast<milliseconds>(run.length()).count(), "distrust", each);
        }
    }
    for (const auto& each : await_outcomes(work, run.totals())) {
        recording.note(std::chrono::duration_cast<milliseconds>(run.length()).count(), "await", each);
    }
    recording.finish(run.length(), findings, verdict);
    if (!recording.failure().empty()) {
        throw command_error(exit_code::environment, "the run could not be kept: " + recording.failure());
    }
    if (joined) {
        return exit_code::done;
    }
    report_run(settings, recording.folder(), verdict);
    return exit_code_of(verdict.value);
}

} // namespace

exit_code run_load(const load_settings& settings) {
    check_machine_options(settings);
    const auto scenario = read_scenario(settings);
    sent_files files;
    auto work =
        compile(scenario, settings.file,
                settings.machines ? files.read_through(settings.file) : load::machine_surroundings(settings.file));
    if (!settings.dump_arrivals.empty()) {
        dump_arrivals(work, settings.dump_arrivals);
    }
    if (settings.explain) {
        std::cout << load::explain(scenario);
        return exit_code::done;
    }
    if (settings.machines) {
        keep_own_source_addresses(work);
    }
    return conduct(settings, work, std::move(files));
}

} // namespace cb::app
