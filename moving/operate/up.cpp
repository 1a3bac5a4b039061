// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/up.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <list>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>

#include "moving/operate/child.hpp"
#include "moving/operate/databases.hpp"
#include "moving/operate/log_view.hpp"
#include "moving/operate/readiness.hpp"
#include "moving/operate/service_command.hpp"
#include "moving/operate/system_file.hpp"
#include "moving/operate/up_plan.hpp"

namespace moving::operate {

namespace {

namespace asio = boost::asio;

/// A line of a log longer than this is cut: a process that writes without end takes no memory here.
constexpr std::size_t longest_line = 64 * 1024;
constexpr std::chrono::milliseconds restart_after{500};
constexpr std::chrono::milliseconds ready_look_every{200};

/// An instance that runs, dies and is started again. Owner: `everything`; lives on its loop.
struct running {
    explicit running(asio::io_context& loop, planned_instance which)
        : plan(std::move(which)), output(loop), restart(loop) {}

    planned_instance plan;
    pid_t pid = -1;
    asio::posix::stream_descriptor output;
    asio::streambuf pending{longest_line};
    asio::steady_timer restart;
};

/// All of it: starts, shows, restarts, ends. Owner: the command; one thread.
class everything {
public:
    everything(const up_options& options, up_plan plan)
        : options_(options),
          plan_(std::move(plan)),
          log_(options.folder + "/moving.jsonl"),
          signals_(loop_, SIGTERM, SIGINT, SIGCHLD),
          grace_(loop_),
          look_(loop_),
          readiness_(plan_) {
        for (auto& each : plan_.instances) {
            instances_.emplace_back(loop_, each);
        }
    }

    int run() {
        for (auto& each : instances_) {
            start(each);
        }
        for (const auto& each : plan_.services) {
            log_.say("info", "service", {{"name", each.name}, {"url", each.url}});
        }
        wait_for_signal();
        look_until_ready();
        loop_.run();
        log_.say("info", "all stopped");
        return exit_code_;
    }

private:
    void start(running& which) {
        const auto made = start_child(which.plan.arguments, which.plan.service);
        which.pid = made.pid;
        which.output.assign(made.output);
        log_.say("info", "instance started", {{"name", which.plan.name}, {"pid", made.pid}});
        read(which);
    }

    void read(running& which) {
        asio::async_read_until(which.output, which.pending, '\n',
                               [this, &which](const boost::system::error_code& error, std::size_t bytes) {
                                   if (error) {
                                       which.pending.consume(which.pending.size());
                                       which.output.close();
                                       return;
                                   }
                                   const auto* begin = static_cast<const char*>(which.pending.data().data());
                                   log_.line({begin, bytes - 1});
                                   which.pending.consume(bytes);
                                   read(which);
                               });
    }

    void wait_for_signal() {
        signals_.async_wait([this](const boost::system::error_code& error, int number) {
            if (error) {
                return;
            }
            if (number == SIGCHLD) {
                reap();
            } else {
                stop();
            }
            if (!done()) {
                wait_for_signal();
            }
        });
    }

    void reap() {
        int status = 0;
        for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
            for (auto& each : instances_) {
                if (each.pid == pid) {
                    each.pid = -1;
                    ended(each, status);
                }
            }
        }
        if (done()) {
            grace_.cancel();
            look_.cancel();
            signals_.cancel();
        }
    }

    void ended(running& which, int status) {
        if (stopping_) {
            return;
        }
        log_.say("warning", "instance died", {{"name", which.plan.name}, {"end", end_of(status)}});
        // A port that is taken or a wrong option does not heal by trying again.
        if (WIFEXITED(status) && (WEXITSTATUS(status) == exit_environment || WEXITSTATUS(status) == exit_usage)) {
            exit_code_ = WEXITSTATUS(status);
            stop();
            return;
        }
        which.restart.expires_after(restart_after);
        which.restart.async_wait([this, &which](const boost::system::error_code& error) {
            if (!error && !stopping_) {
                start(which);
            }
        });
    }

    void look_until_ready() {
        look_.expires_after(ready_look_every);
        look_.async_wait([this](const boost::system::error_code& error) {
            if (error || stopping_) {
                return;
            }
            const auto state = readiness_.look();
            if (state.all_ready) {
                log_.say("info", "all ready");
                return;
            }
            if (!state.sentence.empty()) {
                log_.say("warning", "not ready yet", {{"why", state.sentence}});
            }
            look_until_ready();
        });
    }

    void stop() {
        if (stopping_) {
            return;
        }
        stopping_ = true;
        signal_all(SIGTERM);
        for (auto& each : instances_) {
            each.restart.cancel();
        }
        grace_.expires_after(options_.grace + std::chrono::seconds(2));
        grace_.async_wait([this](const boost::system::error_code& error) {
            if (!error) {
                log_.say("warning", "some did not stop in time and are killed");
                exit_code_ = exit_failed;
                signal_all(SIGKILL);
            }
        });
        if (done()) {
            reap();
        }
    }

    void signal_all(int number) {
        for (const auto& each : instances_) {
            if (each.pid > 0) {
                kill(each.pid, number);
            }
        }
    }

    [[nodiscard]] bool done() const {
        return stopping_ &&
               std::all_of(instances_.begin(), instances_.end(), [](const running& each) { return each.pid < 0; });
    }

    const up_options& options_;
    up_plan plan_;
    log_view log_;
    asio::io_context loop_{1};
    asio::signal_set signals_;
    asio::steady_timer grace_;
    asio::steady_timer look_;
    readiness readiness_;
    std::list<running> instances_;
    bool stopping_ = false;
    int exit_code_ = exit_done;
};

/// The ports of the services, held so that nobody else takes them.
std::map<std::string, std::uint16_t> hold_ports(const up_options& options, const std::map<std::string, int>& wanted) {
    std::map<std::string, std::uint16_t> out;
    for (const auto& each : known_services()) {
        const auto found = wanted.find(each.name);
        out[each.name] =
            hold_port(options.host, found != wanted.end() ? static_cast<std::uint16_t>(found->second) : each.port).port;
    }
    return out;
}

int refuse(const std::string& sentence, int code) {
    std::cerr << "moving up: " << sentence << '\n';
    return code;
}

int run_up(const up_options& options) {
    const auto ports = numbers_by_service("--port", options.ports, 0, 65'535);
    if (!ports) {
        return refuse(ports.error(), exit_usage);
    }
    std::error_code error;
    std::filesystem::create_directories(options.folder, error);
    if (error) {
        return refuse("the folder " + options.folder + " cannot be made: " + error.message(), exit_environment);
    }
    auto plan = plan_up(options, hold_ports(options, *ports));
    if (!plan) {
        return refuse(plan.error(), exit_usage);
    }
    if (const auto made = make_databases(*plan); !made) {
        return refuse(made.error().sentence, made.error().exit_code);
    }
    write_system_file(options, *plan);
    everything all(options, std::move(*plan));
    return all.run();
}

} // namespace

void add_up_command(CLI::App& program, std::function<int()>& run) {
    auto options = std::make_shared<up_options>();
    auto* command = program.add_subcommand("up", "Start all five services, show their log, stop them with Ctrl-C")
                        ->group("All of it");
    command->add_option("--dir", options->folder, "where databases and the log (moving.jsonl) are")
        ->capture_default_str();
    command->add_option("--host", options->host, "the address of all services")->capture_default_str();
    command->add_option("--replicas", options->replicas, "NAME=N, for example tracking=3; may be given several times");
    command->add_option("--port", options->ports, "NAME=PORT; 0 takes a free one; may be given several times");
    command
        ->add_option(
            "--database", options->database,
            "sqlite, or postgresql://USER@HOST:PORT: each service has a database moving_NAME there, made if it is not")
        ->capture_default_str();
    add_broker_option(*command, options->brokers);
    command->add_option("--partitions", options->partitions, "of the topics")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    command->add_option("--delivery", options->delivery, "safe, or naive: what a hurried team writes")
        ->capture_default_str()
        ->check(CLI::IsMember({"safe", "naive"}));
    command->add_option("--durability", options->durability, "of SQLite: normal or full")
        ->capture_default_str()
        ->check(CLI::IsMember({"normal", "full"}));
    command->add_option("--reconcile-after", options->reconcile_after, "how old an event must be to be missed")
        ->check([](const std::string& text) {
            const auto parsed = parse_duration(text);
            return parsed ? std::string() : parsed.error();
        })
        ->type_name("DURATION")
        ->capture_default_str();
    command->add_option("--log-level", options->log_level, "debug, info, warning or error")
        ->capture_default_str()
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
    add_duration_option(*command, "--grace", options->grace, "how long ending takes at most");
    command->callback([options, &run] { run = [options] { return run_up(*options); }; });
}

} // namespace moving::operate
