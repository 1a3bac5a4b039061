// SPDX-License-Identifier: Apache-2.0
// `./cb bench watch`: what `chaosbroker watch` finds beside what programs of known use say of themselves (a process, a
// cgroup and a container at once), then what watching 200 instances each second costs.
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <boost/json/parse.hpp>

#include "base/log.hpp"
#include "watch/support/podman.hpp"
#include "watch/support/watch_run.hpp"

namespace {

using namespace cb::tests;
using boost::json::object;

constexpr double mib = 1024 * 1024;
const std::vector<std::string> use{"--before-others", "1", "--cpu",   "0.37", "--hold",      "123",
                                   "--grow",          "5", "--files", "1000", "--child-cpu", "0.1"};

double wall_s(const object& sample) {
    return static_cast<double>(cb::parse_utc_timestamp(text_of(sample, "time")).value_or(0)) / 1000;
}

/// The truth between two reports, on a straight line.
double truth_at(const std::vector<object>& truth, double at_s, const char* figure) {
    for (std::size_t i = 1; i < truth.size(); ++i) {
        const double from = number_of(truth[i - 1], "at_s");
        const double to = number_of(truth[i], "at_s");
        if (at_s >= from && at_s <= to) {
            const double share = (at_s - from) / (to - from);
            return number_of(truth[i - 1], figure) * (1 - share) + number_of(truth[i], figure) * share;
        }
    }
    return std::nan("");
}

double worst_percent = 0;

void print_row(const std::string& what, const std::string& figure, double truth, double found, const char* unit) {
    const double off = 100 * (found - truth) / truth;
    worst_percent = std::isnan(off) ? 1000 : std::max(worst_percent, std::abs(off));
    std::printf("| %s | %s | %.3f %s | %.3f %s | %+.2f %% |\n", what.c_str(), figure.c_str(), truth, unit, found, unit,
                off);
}

/// The last figure that was read in rotation is of a moment before the sample: that is what its age says.
double read_at(const object& sample, bool in_rotation) {
    return wall_s(sample) - (in_rotation ? number_in(sample, "figures", "rotation_age_seconds") : 0);
}

void compare(const std::string& what, const std::vector<object>& samples, const std::vector<object>& truth,
             const char* memory, bool in_rotation) {
    // The first second has the taking of the memory in it, the last may have no report behind it.
    std::vector<object> inside;
    for (const auto& each : samples) {
        if (!std::isnan(truth_at(truth, wall_s(each), "cpu_s")) && !std::isnan(number_in(each, "figures", memory)) &&
            !std::isnan(truth_at(truth, read_at(each, in_rotation), "cpu_s"))) {
            inside.push_back(each);
        }
    }
    if (inside.size() < 5) {
        std::printf("| %s | no samples | | | |\n", what.c_str());
        worst_percent = 1000;
        return;
    }
    const auto& first = inside.front();
    const auto& last = inside.back();
    const double elapsed = wall_s(last) - wall_s(first);
    const auto change = [&](const char* figure) {
        return truth_at(truth, wall_s(last), figure) - truth_at(truth, wall_s(first), figure);
    };
    print_row(what, "CPU over " + std::to_string(static_cast<int>(elapsed + 0.5)) + " s", change("cpu_s") / elapsed,
              (number_in(last, "totals", "cpu_seconds") - number_in(first, "totals", "cpu_seconds")) / elapsed,
              "cores");
    const double from = read_at(first, in_rotation);
    const double to = read_at(last, in_rotation);
    const double held = truth_at(truth, to, "resident_bytes");
    print_row(what, std::string("memory (`") + memory + "`)", held / mib, number_in(last, "figures", memory) / mib,
              "MiB");
    print_row(what, "its growth", (held - truth_at(truth, from, "resident_bytes")) / mib / (to - from),
              (number_in(last, "figures", memory) - number_in(first, "figures", memory)) / mib / (to - from), "MiB/s");
    print_row(what, "open files", number_of(truth.back(), "files"), number_in(last, "figures", "open_files_fullest"),
              "");
}

std::vector<std::string> command_of_known_use(const std::string& seconds) {
    std::vector<std::string> words{known_use_program()};
    words.insert(words.end(), use.begin(), use.end());
    words.insert(words.end(), {"--seconds", seconds});
    return words;
}

void measure_accuracy(int seconds) {
    const auto lasts = std::to_string(seconds + 4);
    const auto group = test_group::make("bench");
    const auto engine = podman::make();
    const bool with_containers = engine && engine->problem().empty();
    child_process process(command_of_known_use(lasts));
    std::unique_ptr<child_process> grouped;
    std::vector<std::string> targets{"pid:" + std::to_string(process.pid())};
    if (group) {
        grouped = std::make_unique<child_process>(group->inside(command_of_known_use(lasts)));
        targets.push_back("cgroup:" + group->name());
    }
    if (with_containers) {
        auto arguments = use;
        arguments.insert(arguments.end(), {"--seconds", lasts});
        engine->start("bench", {"--cap-add", "SYS_NICE"}, arguments);
        targets.emplace_back("container:bench");
    }
    targets.insert(targets.end(), {"--for", std::to_string(seconds) + "s"});
    watch_run watch(targets, with_containers ? engine->environment() : std::map<std::string, std::string>{});
    watch.process().wait(std::chrono::seconds(seconds + 60));
    process.wait(std::chrono::seconds(60));
    std::printf("| target | figure | its own accounting | watch | difference |\n| --- | --- | ---: | ---: | ---: |\n");
    compare("process", watch.samples("pid:" + std::to_string(process.pid())), truth_of(process), "proportional_bytes",
            true);
    if (group) {
        grouped->wait(std::chrono::seconds(60));
        compare("cgroup", watch.samples(group->name()), truth_of(*grouped), "working_set_bytes", false);
    }
    if (with_containers) {
        std::vector<object> truth;
        const auto log = engine->run({"logs", "bench"}).output;
        for (std::size_t at = 0; at < log.size();) {
            const auto end = std::min(log.find('\n', at), log.size());
            boost::system::error_code code;
            const auto line = boost::json::parse(log.substr(at, end - at), code);
            if (!code && line.is_object()) {
                truth.push_back(line.get_object());
            }
            at = end + 1;
        }
        compare("container", watch.samples("bench"), truth, "working_set_bytes", false);
    }
    std::printf("\nworst: %.2f %%\n", worst_percent);
}

/// Of the watch itself, which is its own target as well.
void print_cost(const std::string& what, const watch_run& watch) {
    const auto samples = watch.samples("self");
    // What it takes to find them all is in the first looks.
    const std::size_t settled = 3;
    if (samples.size() <= settled + 1) {
        std::printf("| %s | no samples | |\n", what.c_str());
        return;
    }
    double elapsed = 0;
    for (std::size_t i = settled + 1; i < samples.size(); ++i) {
        elapsed += number_of(samples[i], "interval_s");
    }
    const double used =
        number_in(samples.back(), "totals", "cpu_seconds") - number_in(samples[settled], "totals", "cpu_seconds");
    double most_bytes = 0;
    for (const auto& each : samples) {
        const double bytes = number_in(each, "figures", "proportional_bytes");
        most_bytes = std::isnan(bytes) ? most_bytes : std::max(most_bytes, bytes);
    }
    std::printf("| %s | %.2f %% | %.1f MiB |\n", what.c_str(), 100 * used / elapsed, most_bytes / mib);
}

void measure_cost(int seconds) {
    constexpr std::size_t instances = 200;
    const auto lasts = std::to_string(seconds) + "s";
    std::printf("\n| 200 instances, a look a second, JSON lines | CPU of one core | memory (PSS) |\n"
                "| --- | ---: | ---: |\n");
    {
        std::vector<std::unique_ptr<child_process>> sleepers;
        for (std::size_t i = 0; i < instances; ++i) {
            sleepers.push_back(
                std::make_unique<child_process>(std::vector<std::string>{"sleep", "3600"},
                                                std::map<std::string, std::string>{{"CHAOSBROKER_SERVICE", "bench"}}));
        }
        watch_run watch({"service:bench", "self", "--for", lasts});
        watch.process().wait(std::chrono::seconds(seconds + 60));
        print_cost("processes (`service:`)", watch);
    }
    std::vector<std::unique_ptr<test_group>> groups;
    std::vector<std::unique_ptr<child_process>> sleepers;
    std::vector<std::string> targets;
    for (std::size_t i = 0; i < instances; ++i) {
        groups.push_back(test_group::make("cost-" + std::to_string(i)));
        if (!groups.back()) {
            return;
        }
        sleepers.push_back(std::make_unique<child_process>(groups.back()->inside({"sleep", "3600"})));
        targets.push_back("cgroup:" + groups.back()->name());
    }
    targets.insert(targets.end(), {"self", "--for", lasts});
    watch_run watch(targets);
    watch.process().wait(std::chrono::seconds(seconds + 60));
    print_cost("cgroups (`cgroup:`)", watch);
    sleepers.clear();
}

} // namespace

int main(int count, char** words) {
    const int seconds = count > 1 ? std::atoi(words[1]) : 32;
    measure_accuracy(seconds);
    measure_cost(seconds);
    return worst_percent <= 2 ? 0 : 1;
}
