// SPDX-License-Identifier: Apache-2.0
// `chaosbroker load --join`: this machine's part of the run of another.
#include <atomic>
#include <csignal>
#include <iostream>
#include <map>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/commands.hpp"
#include "app/load_commands.hpp"
#include "app/load_figures.hpp"
#include "app/load_machines.hpp"
#include "app/load_targets.hpp"
#include "base/limits.hpp"
#include "load/bus_relay.hpp"
#include "load/compiler.hpp"
#include "load/joined_run.hpp"
#include "load/load_plan.hpp"
#include "load/plan_outline.hpp"
#include "load/scenario_parser.hpp"

namespace cb::app {
namespace {

std::atomic<bool> stop_heard = false;

using file_texts = std::map<std::string, std::string>;

/// Files are those that came; the environment is of this machine: secrets do not cross the bus.
load::surroundings surroundings_of(const std::string& scenario, const file_texts& files) {
    auto out = load::machine_surroundings(scenario);
    out.read_file = [&files](const std::filesystem::path& path) -> result<std::string> {
        const auto at = files.find(path.string());
        if (at == files.end()) {
            return fail(errc::not_found, "did not come with the scenario");
        }
        return at->second;
    };
    return out;
}

/// What OpenSSL reads by its name stands in memory, under a name that the workers inherit.
std::string name_of_kept(const std::string& text) {
    const int file = ::memfd_create("certificates", 0);
    if (file < 0 || ::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        throw std::runtime_error("no memory for the certificates of tls.ca_file");
    }
    return fmt::format("/proc/self/fd/{}", file);
}

/// The process that is not on the bus: it has no threads before its workers are made by fork.
class joined_machine {
public:
    joined_machine(const load_settings& settings, load::frame_channel to_relay)
        : settings_(settings), to_relay_(std::move(to_relay)) {}

    void run() {
        while (!scenario_) {
            pollfd watched{to_relay_.descriptor(), POLLIN, 0};
            ::poll(&watched, 1, -1);
            if (!to_relay_.receive([this](std::string_view frame) { take(frame); })) {
                return; // the run is over before it began
            }
        }
        try {
            take_part();
        } catch (const std::exception& wrong) {
            to_relay_.send(
                load::encode_frame(load::bus_kind::refused, load::encode(load::sentence_message{wrong.what()})));
        }
    }

private:
    void take(std::string_view frame) {
        const auto [kind, body] = load::decode_frame(frame);
        if (kind == load::bus_kind::accepted) {
            place_ = load::decode_accepted(body).value_or(load::accepted_message{});
        } else if (kind == load::bus_kind::file) {
            if (auto file = load::decode_file(body)) {
                files_[file->path] = std::move(file->text);
            }
        } else if (kind == load::bus_kind::scenario) {
            if (auto scenario = load::decode_scenario(body)) {
                scenario_ = std::move(*scenario);
            }
        }
    }

    [[nodiscard]] load::workload compile() {
        auto scenario = load::file::parse_scenario(scenario_->text, scenario_->file);
        if (!scenario) {
            throw std::runtime_error(scenario.error().text());
        }
        scenario->seed = scenario_->seed; // of the file, the command line, or drawn there
        auto work = load::compile(*scenario, scenario_->file, surroundings_of(scenario_->file, files_), 0);
        if (!work) {
            throw std::runtime_error(work.error().text());
        }
        if (!work->tls_ca_file.empty()) {
            work->tls_ca_file = name_of_kept(files_[work->tls_ca_file]);
        }
        keep_own_source_addresses(*work);
        return std::move(*work);
    }

    void take_part() {
        const auto work = compile();
        files_.clear();
        const auto targets = look_up_targets(work);
        refuse_far_targets(targets,
                           settings_.allowed_targets.empty() ? scenario_->allowed_targets : settings_.allowed_targets);
        std::vector<load::endpoint> endpoints;
        for (std::size_t i = 0; i < work.targets.size(); ++i) {
            endpoints.push_back(targets[i].address);
        }
        const auto asked = scenario_->workers == 0 ? std::nullopt : std::optional(scenario_->workers);
        const auto plan = load::plan_load(work, endpoints, load::read_machine_facts(),
                                          settings_.workers ? settings_.workers : asked, place_.count);
        if (!plan) {
            throw std::runtime_error(plan.error());
        }
        std::cout << announcement(work, targets, *plan, load::outline(work)) << std::flush;
        load::machine_workers workers(work, *plan, endpoints, {place_.index, place_.count});
        workers.make();
        load::joined_run run(work, workers, to_relay_);
        run.run();
        std::cout << fmt::format("{} users came here\n", grouped(run.users_started())) << std::flush;
    }

    const load_settings& settings_;
    load::frame_channel to_relay_;
    load::accepted_message place_;
    file_texts files_;
    std::optional<load::scenario_message> scenario_;
};

struct machine_process {
    pid_t id = -1;
    load::frame_channel channel;
};

machine_process start_machine_process(const load_settings& settings) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        throw command_error(exit_code::environment, "no socket pair can be had");
    }
    const auto parent = ::getpid();
    const auto id = ::fork();
    if (id < 0) {
        throw command_error(exit_code::environment, "no process can be started");
    }
    if (id == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::signal(SIGINT, SIG_IGN);
        ::signal(SIGTERM, SIG_IGN);
        ::close(ends[0]);
        if (::getppid() == parent) {
            joined_machine(settings, load::frame_channel(ends[1])).run();
        }
        ::_exit(0);
    }
    ::close(ends[1]);
    return {id, load::frame_channel(ends[0])};
}

/// Relays until the run is over; the channel to the machine's process is closed behind it.
load::bus_relay::outcome relay(const load_settings& settings, load::frame_channel to_machine) {
    load::bus_relay relaying(bus_of(settings, settings.join), this_machine(), std::move(to_machine), wait_of(settings));
    std::cout << "waiting for a run on the bus at " << settings.join << std::endl;
    return relaying.run([] { return stop_heard.load(); },
                        [](const std::string& text) { std::cout << text << std::endl; });
}

} // namespace

exit_code join_load(const load_settings& settings) {
    check_machine_options(settings);
    auto machine = start_machine_process(settings);
    ::signal(SIGINT, [](int) { stop_heard = true; });
    ::signal(SIGTERM, [](int) { stop_heard = true; });
    load::bus_relay::outcome outcome;
    try {
        outcome = relay(settings, std::move(machine.channel));
    } catch (const std::runtime_error& wrong) {
        outcome = {false, wrong.what()};
    }
    ::waitpid(machine.id, nullptr, 0);
    if (!outcome.went_well) {
        throw command_error(stop_heard ? exit_code::inconclusive : exit_code::environment, outcome.sentence);
    }
    std::cout << outcome.sentence << std::endl;
    return exit_code::done;
}

} // namespace cb::app
