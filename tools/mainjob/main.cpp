// SPDX-License-Identifier: Apache-2.0
// The main job: a broker, a real producer, a real consumer group, and the mix phase by phase. What the consumer saw is
// joined with what the ledger says, message by message; any difference is an error.
//
//   mainjob [--messages N] [--share PERCENT] [--delay MS] [--seed N]
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "app/admin_client.hpp"
#include "app/tables.hpp"
#include "mainjob/kafka_clients.hpp"
#include "support/running_broker.hpp"

namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using cb::mainjob::delivery;
using cb::mainjob::reader;
using cb::mainjob::writer;

struct phase {
    std::string name;
    int slow = 0;
    int delete_ = 0;
    int duplicate = 0;
    int salt = 0;
};

/// The messages of one kind, by number: what the consumer saw, and what the ledger says.
struct comparison {
    std::set<std::int64_t> seen;
    std::set<std::int64_t> ledger;

    [[nodiscard]] bool agrees() const { return seen == ledger; }
    [[nodiscard]] std::string cell() const { return fmt::format("{} / {}", seen.size(), ledger.size()); }
};

struct outcome {
    std::size_t sent = 0;
    std::size_t acknowledged = 0;
    std::size_t received = 0;
    std::map<std::string, comparison> kinds;
};

/// Of message n: % stands for n, & for 100 + n % 900. The Java producer gets the pattern itself.
constexpr std::string_view value_pattern = R"({"n":%,"amount":&,"town":"Nice","paid":true})";

std::string value_of(std::int64_t n) {
    std::string out;
    for (const char c : value_pattern) {
        out += c == '%' ? std::to_string(n) : c == '&' ? std::to_string(100 + n % 900) : std::string(1, c);
    }
    return out;
}

/// Ledger entries of one topic, by effect, as message numbers (the keys). Only what was done counts.
std::map<std::string, std::set<std::int64_t>> read_ledger(const std::filesystem::path& file, const std::string& topic) {
    std::map<std::int64_t, json::object> last; // a later line of a sequence number counts
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        auto entry = json::parse(line).as_object();
        if (entry.at("topic").as_string() == topic) {
            last[entry.at("sequence").as_int64()] = std::move(entry);
        }
    }
    std::map<std::string, std::set<std::int64_t>> out;
    for (const auto& [sequence, entry] : last) {
        if (entry.at("state").as_string() == "done") {
            out[std::string(entry.at("effect").as_string())].insert(
                std::stoll(std::string(entry.at("key").as_string())));
        }
    }
    return out;
}

class main_job {
public:
    main_job(std::int64_t messages, std::int64_t delay_ms, std::uint64_t seed, std::string java_libraries)
        : messages_(messages),
          java_libraries_(std::move(java_libraries)),
          delay_ms_(delay_ms),
          ledger_file_(std::filesystem::temp_directory_path() / fmt::format("chaosbroker-ledger-{}.jsonl", getpid())),
          broker_({"--ledger", ledger_file_.string(), "--seed", std::to_string(seed)}),
          control_({broker_.admin(), ""}) {}
    ~main_job() { std::filesystem::remove(ledger_file_); }

    outcome run(const phase& what) {
        const auto topic = "main-job-" + what.name;
        set_mix(what, topic);
        writer producer(broker_.bootstrap());
        producer.create_topic(topic, partitions);
        reader consumer(broker_.bootstrap(), "main-job-" + what.name, topic);
        std::vector<delivery> deliveries;
        std::atomic<std::int64_t> expected = -1;
        std::thread reading([&] { deliveries = consumer.read_until(expected); });

        outcome out;
        out.sent = static_cast<std::size_t>(messages_);
        out.acknowledged = java_libraries_.empty() ? send_all(producer, topic) : send_all_by_java(topic);
        // Whatever comes behind the end mark was late, and so is whatever another message overtook.
        set_mix({"off"}, topic);
        for (int partition = 0; partition < partitions; ++partition) {
            producer.send(topic, std::to_string(end_mark), "end", partition);
        }
        producer.finish();
        wait_until_nothing_is_held();
        expected = producer.records_in(topic, partitions);
        reading.join();
        compare(topic, deliveries, out);
        return out;
    }

    int stop() { return broker_.stop(); }

private:
    static constexpr int partitions = 4;
    static constexpr std::int64_t end_mark = INT64_MAX;

    void set_mix(const phase& what, const std::string& topic) {
        json::object mix;
        mix["slow"] = what.slow;
        mix["delete"] = what.delete_;
        mix["duplicate"] = what.duplicate;
        mix["salt"] = what.salt;
        mix["topic"] = topic;
        mix["delay"] = fmt::format("{}ms", delay_ms_);
        cb::app::admin_client::accepted(control_.send("PATCH", "/v1/mix", mix));
    }

    std::size_t send_all(writer& producer, const std::string& topic) const {
        for (std::int64_t n = 0; n < messages_; ++n) {
            producer.send(topic, std::to_string(n), value_of(n));
        }
        return producer.finish();
    }

    /// The Java client's own producer, idempotent by default, as a process of its own.
    std::size_t send_all_by_java(const std::string& topic) const {
        cb::tests::child_process client({"java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp",
                                         java_libraries_ + "/*", CB_PEERS_DIR "/java/Peer.java", "send",
                                         broker_.bootstrap(), topic, std::to_string(messages_),
                                         std::string(value_pattern)});
        if (client.wait(std::chrono::seconds(300)) != 0) {
            throw std::runtime_error("the Java producer failed:\n" + client.output());
        }
        return static_cast<std::size_t>(messages_);
    }

    void wait_until_nothing_is_held() {
        while (cb::app::admin_client::accepted(control_.get("/v1/status")).at("held_messages").as_int64() > 0) {
            std::this_thread::sleep_for(20ms);
        }
    }

    void compare(const std::string& topic, const std::vector<delivery>& deliveries, outcome& out) const {
        std::map<std::int64_t, std::vector<const delivery*>> by_number;
        std::map<int, std::int64_t> greatest; // by partition, in the order of arrival
        for (const auto& each : deliveries) {
            const auto n = std::stoll(each.key);
            by_number[n].push_back(&each);
            if (n < greatest[each.partition]) {
                out.kinds["late"].seen.insert(n);
            }
            greatest[each.partition] = std::max(greatest[each.partition], static_cast<std::int64_t>(n));
        }
        out.received = deliveries.size() - by_number[end_mark].size();
        for (std::int64_t n = 0; n < messages_; ++n) {
            const auto found = by_number.find(n);
            if (found == by_number.end()) {
                out.kinds["missing"].seen.insert(n);
                continue;
            }
            const auto& copies = found->second;
            const auto wanted = value_of(n);
            if (copies.size() > 1) {
                out.kinds["doubled"].seen.insert(n);
            }
            if (std::any_of(copies.begin(), copies.end(),
                            [&](const delivery* each) { return each->value != wanted; })) {
                out.kinds["salted"].seen.insert(n);
            }
        }
        auto ledger = read_ledger(ledger_file_, topic);
        out.kinds["missing"].ledger = ledger["delete"];
        out.kinds["doubled"].ledger = ledger["duplicate"];
        out.kinds["salted"].ledger = ledger["salt"];
        out.kinds["late"].ledger = ledger["late"];
    }

    std::int64_t messages_;
    std::string java_libraries_; ///< empty: librdkafka produces
    std::int64_t delay_ms_;
    std::filesystem::path ledger_file_;
    cb::tests::running_broker broker_;
    cb::app::admin_client control_;
};

/// Says which messages differ, the first of each kind by number.
int report_differences(const std::string& phase_name, const outcome& what) {
    int differences = 0;
    for (const auto& [kind, both] : what.kinds) {
        std::vector<std::int64_t> differ;
        std::set_symmetric_difference(both.seen.begin(), both.seen.end(), both.ledger.begin(), both.ledger.end(),
                                      std::back_inserter(differ));
        if (!differ.empty()) {
            std::fprintf(stderr, "phase %s, %s: seen and ledger differ in %zu messages; the first is %lld\n",
                         phase_name.c_str(), kind.c_str(), differ.size(), static_cast<long long>(differ.front()));
        }
        differences += static_cast<int>(differ.size());
    }
    if (what.sent != what.acknowledged) {
        std::fprintf(stderr, "phase %s: %zu sent, %zu acknowledged\n", phase_name.c_str(), what.sent,
                     what.acknowledged);
        ++differences;
    }
    return differences;
}

int run(std::int64_t messages, int share, std::int64_t delay_ms, std::uint64_t seed, const std::string& only,
        const std::string& java_libraries) {
    std::vector<phase> phases{{"nothing"},
                              {"slow", share},
                              {"delete", 0, share},
                              {"duplicate", 0, 0, share},
                              {"salt", 0, 0, 0, share},
                              {"all-at-once", share, share, share, share}};
    if (!only.empty()) {
        std::erase_if(phases, [&](const phase& each) { return each.name != only; });
    }
    std::printf(
        "%lld messages a phase, %d %% each, seed %llu. Of each kind: what the consumer saw / what the ledger says\n\n",
        static_cast<long long>(messages), share, static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    main_job job(messages, delay_ms, seed, java_libraries);
    cb::app::text_table table(
        {"PHASE", "SENT", "ACKNOWLEDGED", "RECEIVED", "LATE", "MISSING", "DOUBLED", "SALTED", ""});
    int differences = 0;
    for (const auto& each : phases) {
        auto what = job.run(each);
        const auto found = report_differences(each.name, what);
        differences += found;
        table.add({each.name, std::to_string(what.sent), std::to_string(what.acknowledged),
                   std::to_string(what.received), what.kinds["late"].cell(), what.kinds["missing"].cell(),
                   what.kinds["doubled"].cell(), what.kinds["salted"].cell(), found == 0 ? "agrees" : "DIFFERS"});
    }
    const int ended = job.stop();
    std::printf("%s\n", table.text().c_str());
    if (differences == 0 && ended == 0) {
        std::printf("every message is accounted for\n");
        return 0;
    }
    std::printf("%d differences, broker's exit code %d\n", differences, ended);
    return 1;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App program("The mix, phase by phase, reconciled with the ledger to the last message");
    std::int64_t messages = 5000;
    int share = 20;
    std::int64_t delay_ms = 1000;
    std::uint64_t seed = 1;
    std::string only;
    program.add_option("--messages", messages, "A phase")->check(CLI::Range(1, 10'000'000))->capture_default_str();
    program.add_option("--share", share, "Percent of each effect")->check(CLI::Range(1, 25))->capture_default_str();
    program.add_option("--delay", delay_ms, "Of late messages, in ms")
        ->check(CLI::Range(500, 60'000))
        ->capture_default_str();
    program.add_option("--seed", seed, "Decides which messages are hit")->capture_default_str();
    program.add_option("--only", only, "One phase alone, as all-at-once")
        ->check(CLI::IsMember({"nothing", "slow", "delete", "duplicate", "salt", "all-at-once"}));
    std::string java_libraries;
    program.add_option("--java", java_libraries, "Folder with the Java client's jars: its producer sends")
        ->check(CLI::ExistingDirectory);
    CLI11_PARSE(program, argc, argv);
    try {
        return run(messages, share, delay_ms, seed, only, java_libraries);
    } catch (const std::exception& wrong) {
        std::fprintf(stderr, "mainjob: %s\n", wrong.what());
        return 4;
    }
}
