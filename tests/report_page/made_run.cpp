// SPDX-License-Identifier: Apache-2.0
// made_run KIND FOLDER: writes a run with known figures through the run's own writer, and its report. page.mjs reads
// it.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "report/faces.hpp"
#include "runstore/run_reader.hpp"
#include "runstore/run_writer.hpp"

namespace {

using namespace cb;
using runstore::run_writer;

template <class Value>
Value or_die(result<Value> what) {
    if (!what) {
        std::cerr << what.error().message << "\n";
        std::exit(1);
    }
    return std::move(*what);
}
void or_die(const result<void>& what) {
    if (!what) {
        std::cerr << what.error().message << "\n";
        std::exit(1);
    }
}

/// What a browser must never take for anything but text.
const std::string hostile = "</script><script>alert(1)</script> \"quoted\" 'q' & <b>bold</b> <!-- \xe2\x80\xa8 "
                            "\xe2\x80\xa9 \\ {{data}} \x01\x1b[31m";

struct planned {
    std::string kind;
    int seconds = 240;
    int steps = 3;
    int services = 3;
    int replicas = 2;
    bool faults = true;
};

planned plan_of(const std::string& kind) {
    if (kind == "hour") {
        return {kind, 3600, 10, 10, 2, true};
    }
    if (kind == "watch") {
        return {kind, 120, 0, 2, 3, false};
    }
    return {kind};
}

class made_run {
public:
    made_run(planned plan, const std::string& folder)
        : plan_(std::move(plan)), folder_(or_die(runstore::run_folder::create_at(folder))) {
        runstore::run_description about;
        const bool odd = plan_.kind == "hostile";
        about.title = odd ? "Title " + hostile : "Half the payments arrive twice";
        about.kind = plan_.kind == "watch" ? "watch" : "experiment";
        about.hypothesis = plan_.kind == "watch" ? ""
                           : odd                 ? hostile
                                 : "Nobody is paid twice, and announcing stays below a quarter of a second.";
        about.seed = 18'446'744'073'709'551'615U;
        about.command_line = "chaosbroker run examples/duplicates.yaml --seed 18446744073709551615";
        about.source_file = plan_.kind == "watch" ? "" : "duplicates.yaml";
        about.host = "bench-1, Linux 6.1, 2 cores";
        about.started_ms = started_ms;
        about.versions = {{"chaosbroker", "0.1.0"}, {"kernel", "6.1.0-25-amd64"}};
        std::ofstream(folder_.path() / "duplicates.yaml")
            << "format: 1\ntitle: " << about.title << "\ntimeline:\n  - {phase: warm-up, for: 30s}\n";
        run_ = or_die(run_writer::create(folder_, about));
    }

    void write() {
        make_names();
        for (std::int64_t second = 0; second < plan_.seconds; ++second) {
            phases_at(second);
            samples_at(second);
            if (plan_.steps > 0) {
                load_at(second);
            }
            or_die(run_->flush());
        }
        or_die(run_->end_phase(plan_.seconds * 1000));
        ends();
        or_die(run_->finish(plan_.seconds * 1000));
        auto reader = or_die(runstore::run_reader::open(folder_));
        or_die(report::write_faces(folder_, or_die(report::summarize(reader))));
    }

private:
    static constexpr std::int64_t started_ms = 1'764'000'000'000;

    [[nodiscard]] std::string named(const std::string& name) const {
        return plan_.kind == "hostile" ? name + " " + hostile : name;
    }
    [[nodiscard]] std::int64_t at(double share) const { return static_cast<std::int64_t>(share * plan_.seconds); }
    [[nodiscard]] bool in_fault(std::int64_t second) const {
        return plan_.faults && second >= at(0.5) && second < at(0.75);
    }

    void make_names() {
        const char* steps[] = {"announce a good",  "announce a course", "departure", "where is it",
                               "under way",        "arrival",           "confirm",   "the owner joins",
                               "the driver joins", "is it followed"};
        for (int i = 0; i < plan_.steps; ++i) {
            steps_.push_back(or_die(run_->step("deliver-a-bike", named(steps[i % 10]))));
        }
        const char* services[] = {"announcement", "billing", "tracking", "accounting", "matching",
                                  "ways",         "mail",    "search",   "audit",      "gateway"};
        for (int s = 0; s < plan_.services; ++s) {
            for (int r = 0; r < plan_.replicas; ++r) {
                instances_.push_back(or_die(
                    run_->instance({named(services[s % 10]), std::string(services[s % 10]) + "-" + std::to_string(r),
                                    std::to_string(s) + "/" + std::to_string(r), 0, "a container"})));
            }
        }
        host_ = or_die(run_->instance({"host", "host", "host", 0, "the machine"}));
        group_ = or_die(run_->instance({"consumer group billing", "billing", "group billing", 0, "a consumer group"}));
        for (const auto& [name, unit] :
             std::vector<std::pair<std::string, std::string>>{{"cpu_cores", "cores"},
                                                              {"working_set_bytes", "bytes"},
                                                              {"memory_limit_bytes", "bytes"},
                                                              {"cpu_limit_cores", "cores"},
                                                              {"busy_cores", "cores"},
                                                              {"cores", "cores"},
                                                              {"consumer_lag", "messages"}}) {
            metrics_.emplace(name, or_die(run_->metric(name, unit)));
        }
        for (const auto each : instances_) {
            or_die(run_->add(runstore::sample{0, each, metrics_.at("memory_limit_bytes"), 256.0 * 1024 * 1024}));
            or_die(run_->add(runstore::sample{0, each, metrics_.at("cpu_limit_cores"), 1}));
        }
        or_die(run_->add(runstore::sample{0, host_, metrics_.at("cores"), 4}));
    }

    void phases_at(std::int64_t second) {
        const auto begin = [&](const char* name, bool judged) {
            if (second > 0) {
                or_die(run_->end_phase(second * 1000));
            }
            or_die(run_->begin_phase(named(name), second * 1000, judged));
        };
        if (plan_.kind == "watch") {
            second == 0 ? begin("watch", true) : void();
        } else if (second == 0) {
            begin("warm-up", false);
        } else if (second == at(0.125)) {
            begin("steady", true);
        } else if (second == at(0.5)) {
            begin("duplicates", true);
            or_die(run_->add(runstore::run_note{second * 1000, "action", "rules of duplicates are on"}));
        } else if (second == at(0.75)) {
            begin("recovery", true);
            or_die(run_->add(runstore::run_note{second * 1000, "action", "rules are off"}));
        }
    }

    void samples_at(std::int64_t second) {
        const auto now = static_cast<double>(second);
        for (std::size_t i = 0; i < instances_.size(); ++i) {
            if (i == 2 && second >= at(0.6)) {
                continue; // it died
            }
            const auto wave = 0.05 * std::sin(now / 7 + static_cast<double>(i));
            or_die(run_->add(
                runstore::sample{second * 1000 + 500, instances_[i], metrics_.at("cpu_cores"),
                                 0.2 + 0.05 * static_cast<double>(i % 5) + wave + (in_fault(second) ? 0.3 : 0)}));
            const auto grows = i == 2 ? 200.0 * now / static_cast<double>(at(0.6)) : 8 * std::log1p(now);
            or_die(run_->add(runstore::sample{second * 1000 + 500, instances_[i], metrics_.at("working_set_bytes"),
                                              (50 + 5 * static_cast<double>(i % 5) + grows) * 1024 * 1024}));
        }
        or_die(run_->add(runstore::sample{second * 1000 + 500, host_, metrics_.at("busy_cores"),
                                          in_fault(second) ? 3.1 : 1.4 + 0.2 * std::sin(now / 11)}));
        or_die(run_->add(runstore::sample{second * 1000 + 500, group_, metrics_.at("consumer_lag"),
                                          in_fault(second) ? 10 * static_cast<double>(second - at(0.5)) : 3}));
    }

    void load_at(std::int64_t second) {
        runstore::load_second what;
        what.second = second;
        std::vector<std::unique_ptr<metrics::hdr_histogram>> kept;
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            const auto base = static_cast<std::int64_t>((i + 1) * 1'000'000) * (second < at(0.125) ? 3 : 1);
            const auto response = std::make_unique<metrics::hdr_histogram>(metrics::latency_shape_ns(3));
            for (int n = 0; n < 100; ++n) { // a tail that is known: the last is twenty times the first
                const auto share = std::pow(static_cast<double>(n) / 99.0, 8);
                response->record(static_cast<std::int64_t>(static_cast<double>(base) * (1 + 19 * share) *
                                                           (in_fault(second) ? 8 : 1) *
                                                           (1 + 0.1 * std::sin(static_cast<double>(second) / 5))));
            }
            const std::uint64_t failed = in_fault(second) && i == 0 ? 5 : 0;
            what.steps.push_back(
                {steps_[i], 100, failed, 20'000, 40'000, response.get(), response.get(), nullptr, nullptr});
            kept.push_back(std::make_unique<metrics::hdr_histogram>(*response));
            what.steps.back().response = what.steps.back().service = kept.back().get();
            if (failed > 0) {
                what.errors.push_back({steps_[i], named("status 503"), 3});
                what.errors.push_back({steps_[i], "connection reset", 2});
                what.witnesses.push_back({second * 1000 + 100, steps_[i], second, named("status 503"), 31'000'000,
                                          named("GET /announcements")});
            }
        }
        what.users = {{"absent", 1}, {"pausing", 200}, {"requesting", in_fault(second) ? 40 : 5}, {"awaiting", 12}};
        or_die(run_->write(what));
        if (in_fault(second)) {
            for (int n = 0; n < 2; ++n) {
                runstore::ledger_row entry;
                entry.sequence = ++sequence_;
                entry.time_ms = started_ms + second * 1000 + 200 + n;
                entry.rule = named("twice");
                entry.effect = "duplicate";
                entry.state = "done";
                entry.topic = "tracking_finished";
                entry.partition = n;
                entry.json = R"({"rule":"twice","copies":1})";
                or_die(run_->add(std::move(entry)));
            }
        }
    }

    void ends() {
        if (instances_.size() > 2) {
            or_die(run_->add(runstore::death{instances_[2], at(0.6) * 1000, std::nullopt, 9, "out of memory",
                                             named("oom_kill of its cgroup went from 0 to 1")}));
        }
        if (plan_.kind == "watch") {
            or_die(run_->add(runstore::run_note{5000, "gap", "nothing was sampled for 2 s"}));
            return;
        }
        or_die(run_->add(runstore::run_note{at(0.6) * 1000, "restart", named("billing-0 was started again")}));
        or_die(run_->add(runstore::run_note{plan_.seconds * 1000 - 1, "await",
                                            "matched: 2,000 came, 3 are missing, 12 came twice"}));
        or_die(run_->set_rule_counts(
            {{named("twice"), "duplicate", sequence_ * 2, sequence_, 0}, {"never", "drop", 0, 0, 0}}));
        or_die(run_->add(runstore::check_result{named("latency of announce a good"), named("steady"), "p99 < 250 ms",
                                                "p99 = 17 ms", runstore::outcome::passed, ""}));
        or_die(run_->add(
            runstore::check_result{"audit", "", "paid_twice = 0", "paid_twice = 3", runstore::outcome::failed, ""}));
        or_die(run_->add(runstore::check_result{"lag of billing", named("recovery"), "not rising", "",
                                                runstore::outcome::inconclusive, "samples are missing"}));
        or_die(run_->set_verdict(
            {runstore::outcome::failed,
             {named("3 were paid twice, all while rule twice was on"), "lag of billing: samples are missing",
              "billing-0 was killed, out of memory", "a fourth reason"}}));
    }

    planned plan_;
    runstore::run_folder folder_;
    std::unique_ptr<run_writer> run_;
    std::vector<runstore::step_id> steps_;
    std::vector<runstore::instance_id> instances_;
    runstore::instance_id host_{0};
    runstore::instance_id group_{0};
    std::map<std::string, runstore::metric_id> metrics_;
    std::uint64_t sequence_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: made_run known|hostile|hour|watch FOLDER\n";
        return 2;
    }
    made_run(plan_of(argv[1]), argv[2]).write();
    return 0;
}
