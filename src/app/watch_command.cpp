// SPDX-License-Identifier: Apache-2.0
// watch: what every replica of every service uses, and how it ended.
#include <csignal>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>

#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "admin/http.hpp"
#include "app/commands.hpp"
#include "app/load_users.hpp"
#include "app/log_output.hpp"
#include "app/targets_file.hpp"
#include "app/watch_recording.hpp"
#include "app/watch_table.hpp"
#include "base/limits.hpp"
#include "base/open_files.hpp"
#include "metrics/prometheus.hpp"
#include "watch/metrics_page.hpp"
#include "watch/sample_json.hpp"
#include "watch/watcher.hpp"

namespace cb::app {
namespace {

struct watch_words {
    std::vector<std::string> targets;
    std::string targets_file;
    std::string every = "1s";
    std::string lasts;
    std::string metrics_address;
    std::string out_folder;
    std::string load_url;
    bool as_json = false;
};

nanoseconds duration_of(const std::string& flag, const std::string& text, nanoseconds least, nanoseconds most,
                        const std::string& right) {
    const auto value = document::parse_duration(text);
    if (!value || *value < least || *value > most) {
        throw command_error(exit_code::usage, flag + " " + text + ": write " + right);
    }
    return *value;
}

std::vector<watch::target> targets_of(const watch_words& words) {
    std::vector<watch::target> targets;
    for (const auto& each : words.targets) {
        auto parsed = watch::parse_target(each);
        if (!parsed) {
            throw command_error(exit_code::usage, parsed.error().message);
        }
        targets.push_back(std::move(*parsed));
    }
    if (!words.targets_file.empty()) {
        std::ifstream in(words.targets_file, std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        if (!in.is_open()) {
            throw command_error(exit_code::usage, "--targets " + words.targets_file + ": cannot be read");
        }
        auto parsed = parse_targets(text, words.targets_file);
        if (!parsed) {
            throw command_error(exit_code::usage, parsed.error().text());
        }
        targets.insert(targets.end(), parsed->begin(), parsed->end());
    }
    if (targets.empty()) {
        throw command_error(exit_code::usage,
                            "watch what? Name targets (self, pid:N, process:REGEX, cgroup:PATH, container:NAME, "
                            "compose:PROJECT, service:NAME) or a file of them (--targets FILE)");
    }
    if (targets.size() > limits::watch_targets) {
        throw command_error(exit_code::usage, std::to_string(targets.size()) + " targets; at most " +
                                                  std::to_string(limits::watch_targets) + " are watched at once");
    }
    return targets;
}

/// SIGINT and SIGTERM make a descriptor readable. One a program: the handler has no other way to find it.
class stop_signal {
public:
    stop_signal() {
        number_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        std::signal(SIGINT, &stop_signal::caught);
        std::signal(SIGTERM, &stop_signal::caught);
        std::signal(SIGPIPE, SIG_IGN);
    }
    [[nodiscard]] int descriptor() const { return number_; }
    [[nodiscard]] bool given() const { return asked_ != 0; }

private:
    static void caught(int) {
        asked_ = 1;
        const std::uint64_t one = 1;
        static_cast<void>(!::write(number_, &one, sizeof(one)));
    }
    static inline int number_ = -1;
    static inline volatile std::sig_atomic_t asked_ = 0;
};

/// The latest look as a page for Prometheus, served from a thread of its own.
class metrics_server {
public:
    explicit metrics_server(const std::string& address) {
        const auto where = net::parse_host_and_port(address);
        if (!where) {
            throw command_error(exit_code::usage, "--metrics " + where.error().message);
        }
        admin::route page;
        page.method = "GET";
        page.path = "/metrics";
        page.summary = "Prometheus text";
        page.statuses = {200};
        page.handle = [this](const admin::http_request&) {
            admin::http_response answer;
            answer.content_type = metrics::prometheus_page::content_type;
            const std::lock_guard lock(mutex_);
            answer.body = page_;
            return answer;
        };
        try {
            server_ = std::make_unique<admin::http_server>(loop_, admin::http_settings{*where, ""},
                                                           std::vector<admin::route>{page}, *log_);
        } catch (const std::exception& wrong) {
            throw command_error(exit_code::environment, "--metrics " + address + ": " + wrong.what());
        }
        server_->start();
        loop_.start();
        log_->info("metrics", {{"address", where->host}, {"port", server_->port()}});
    }
    ~metrics_server() {
        server_->stop();
        loop_.stop();
        loop_.join();
    }
    metrics_server(const metrics_server&) = delete;
    metrics_server& operator=(const metrics_server&) = delete;

    void publish(const watch::look& latest) {
        auto text = watch::metrics_page(latest);
        const std::lock_guard lock(mutex_);
        page_ = std::move(text);
    }

private:
    std::unique_ptr<log_sink> log_ = make_log_output(log_format::json, log_level::info);
    net::event_loop loop_;
    std::mutex mutex_;
    std::string page_;
    std::unique_ptr<admin::http_server> server_;
};

/// The table on a terminal, each time over the one before.
class redrawn_table {
public:
    redrawn_table() { std::cout << "\x1b[?25l"; }
    ~redrawn_table() { std::cout << "\x1b[?25h" << std::flush; }
    redrawn_table(const redrawn_table&) = delete;
    redrawn_table& operator=(const redrawn_table&) = delete;

    void draw(const watch::look& latest) {
        table_.add(latest);
        watch_table::screen size;
        winsize window{};
        if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0) {
            size.columns = window.ws_col;
            size.rows = window.ws_row;
        }
        const auto lines = table_.lines(size);
        std::string out;
        if (drawn_ > 0) {
            out += "\x1b[" + std::to_string(drawn_) + "A";
        }
        for (const auto& line : lines) {
            out += "\r" + line + "\x1b[K\n";
        }
        out += "\x1b[J";
        drawn_ = lines.size();
        std::cout << out << std::flush;
    }

private:
    watch_table table_;
    std::size_t drawn_ = 0;
};

/// A word as a shell takes it.
std::string quoted(const std::string& word) {
    constexpr auto plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) {
        return word;
    }
    std::string out = "'";
    for (const char each : word) {
        out += each == '\'' ? std::string("'\\''") : std::string(1, each);
    }
    return out + "'";
}

std::unique_ptr<watch_recording> begin_recording(const watch_words& words) {
    watch_recording::description about;
    about.title = "Watch";
    about.command_line = "chaosbroker watch";
    for (const auto& each : words.targets) {
        about.title += (about.title.size() == 5 ? " " : ", ") + each;
        about.command_line += " " + quoted(each);
    }
    if (!words.targets_file.empty()) {
        about.source_file = words.targets_file;
        about.title += (about.title.size() == 5 ? " " : ", ") + about.source_file.filename().string();
        about.command_line += " --targets " + quoted(words.targets_file);
    }
    about.command_line += " --every " + quoted(words.every);
    auto opened = watch_recording::open(words.out_folder, about);
    if (!opened) {
        const bool machine = opened.error().kind == errc::io || opened.error().kind == errc::timed_out;
        throw command_error(machine ? exit_code::environment : exit_code::usage, "--out " + opened.error().message);
    }
    return std::move(*opened);
}

void run_watch(const watch_words& words) {
    using namespace std::chrono_literals;
    watch::watch_options options;
    options.targets = targets_of(words);
    options.every = std::chrono::duration_cast<milliseconds>(
        duration_of("--every", words.every, 100ms, 1h, "a duration from 100ms to 1h, as 1s"));
    std::optional<mono_time> end;
    const auto began = mono_time(std::chrono::steady_clock::now());
    if (!words.lasts.empty()) {
        end = began + duration_of("--for", words.lasts, 100ms, 24h * 365, "a duration, as 30s or 10m");
    }
    raise_file_limit(); // two descriptors a process that is watched
    const stop_signal stop;
    std::unique_ptr<metrics_server> metrics;
    if (!words.metrics_address.empty()) {
        metrics = std::make_unique<metrics_server>(words.metrics_address);
    }
    std::unique_ptr<watch_recording> recording;
    if (!words.out_folder.empty()) {
        recording = begin_recording(words);
    }
    std::unique_ptr<redrawn_table> table;
    if (!words.as_json && ::isatty(STDOUT_FILENO) != 0) {
        table = std::make_unique<redrawn_table>();
    }
    std::unique_ptr<load_users> load;
    if (!words.load_url.empty()) {
        load = std::make_unique<load_users>(words.load_url);
    }
    watch::watcher watcher(options);
    auto due = began;
    std::string text;
    while (!stop.given()) {
        if (load) {
            watcher.users_now(load->now());
        }
        auto latest = watcher.take_look();
        if (metrics) {
            metrics->publish(latest);
        }
        if (table) {
            table->draw(latest);
        } else {
            text.clear();
            if (words.as_json) {
                watch::append_json_lines(text, latest);
            } else {
                text = plain_lines(latest);
            }
            std::cout << text << std::flush;
        }
        if (recording) {
            recording->keep(std::move(latest));
        }
        if (!std::cout || (end && std::chrono::steady_clock::now() >= *end)) {
            break; // the reader has gone, or the time is over
        }
        // A look that comes late does not move the ones after it; whole intervals that were missed are left out.
        due += options.every;
        const mono_time now = std::chrono::steady_clock::now();
        if (due < now) {
            due += options.every * ((now - due) / options.every);
        }
        watcher.wait_until(end ? std::min(due, *end) : due, stop.descriptor());
    }
    if (recording) {
        if (const auto finished = recording->finish(); !finished) {
            throw command_error(exit_code::environment,
                                "--out " + words.out_folder + ": not all was written: " + finished.error().message);
        }
    }
}

} // namespace

void add_watch_command(CLI::App& program, exit_code& /*outcome*/) {
    auto* command = program.add_subcommand("watch", "What every replica uses, and how it ended");
    auto words = std::make_shared<watch_words>();
    command->add_option("target", words->targets,
                        "self, pid:N, process:REGEX, cgroup:PATH, container:NAME, compose:PROJECT, service:NAME");
    command->add_option("--targets", words->targets_file, "A file of named targets");
    command->add_option("--every", words->every, "Between two looks")->capture_default_str();
    command->add_option("--for", words->lasts, "End after so long; otherwise at a signal");
    command->add_option("--out", words->out_folder,
                        "Keep it as a run in this folder: a new one, or that of a run that goes on");
    command->add_option("--load", words->load_url,
                        "Control address of a load that runs: forecasts say at how many users a memory limit is met");
    command->add_flag("--json", words->as_json, "A line of JSON for each instance, event and the host");
    command->add_option("--metrics", words->metrics_address, "Serve the figures to Prometheus at HOST:PORT/metrics");
    command->callback([words] { run_watch(*words); });
}

} // namespace cb::app
