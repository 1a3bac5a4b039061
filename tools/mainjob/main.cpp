// SPDX-License-Identifier: Apache-2.0
// The main job: a broker, a real producer, a real consumer group, and the mix phase by phase. What the consumer saw is
// joined with what the ledger says, message by message; any difference is an error.
//
// Equal seeds must hit equal messages however they are sent: the last line is a hash to compare runs by.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "app/admin_client.hpp"
#include "app/tables.hpp"
#include "base/random.hpp"
#include "mainjob/job_options.hpp"
#include "mainjob/kafka_clients.hpp"
#include "mainjob/ledger_file.hpp"
#include "support/running_broker.hpp"

namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using cb::mainjob::delivery;
using cb::mainjob::job_options;
using cb::mainjob::reader;
using cb::mainjob::send_report;
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

/// The effect whose messages a kind holds.
const std::map<std::string, std::string> effect_of_kind{
    {"late", "late"}, {"missing", "delete"}, {"doubled", "duplicate"}, {"salted", "salt"}};

struct outcome {
    std::size_t sent = 0;
    std::size_t acknowledged = 0;
    std::size_t received = 0;
    std::map<std::string, comparison> kinds;
    /// Messages whose sender was not told what became of them; and those of them that never got to the broker, as far
    /// as consumer and ledger show: they are no difference.
    std::set<std::int64_t> unknown;
    std::set<std::int64_t> never_came;
    std::uint64_t victims_hash = 0;

    [[nodiscard]] std::string unknown_cell() const {
        return unknown.empty() ? "0"
                               : fmt::format("{}, {} arrived", unknown.size(), unknown.size() - never_came.size());
    }
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

/// A consumer that reads on a thread of its own while messages are sent, and ends with it when sending fails.
class consumption {
public:
    explicit consumption(reader& consumer) : thread_([this, &consumer] { all_ = consumer.read_until(expected_); }) {}
    ~consumption() {
        if (thread_.joinable()) {
            until(0);
        }
    }
    consumption(const consumption&) = delete;
    consumption& operator=(const consumption&) = delete;

    /// What it got, once that is so many messages or nothing comes any more.
    const std::vector<delivery>& until(std::int64_t messages) {
        expected_ = messages;
        thread_.join();
        return all_;
    }

private:
    std::vector<delivery> all_;
    std::atomic<std::int64_t> expected_ = -1;
    std::thread thread_; ///< behind what it uses
};

class main_job {
public:
    explicit main_job(job_options options)
        : options_(std::move(options)),
          ledger_file_(std::filesystem::temp_directory_path() / fmt::format("chaosbroker-ledger-{}.jsonl", getpid())),
          broker_({"--ledger", ledger_file_.string(), "--seed", std::to_string(options_.seed)}),
          control_({broker_.admin(), ""}) {}
    ~main_job() { std::filesystem::remove(ledger_file_); }

    outcome run(const phase& what) {
        const auto topic = "main-job-" + what.name;
        set_faults(what, topic);
        writer producer(broker_.bootstrap());
        producer.create_topic(topic, partitions);
        reader consumer(broker_.bootstrap(), "main-job-" + what.name, topic);
        consumption reading(consumer);

        outcome out;
        out.sent = static_cast<std::size_t>(options_.messages);
        const auto report = options_.how.java_libraries.empty() ? send_all(topic) : send_all_by_java(topic);
        out.acknowledged = report.acknowledged;
        out.unknown.insert(report.unknown.begin(), report.unknown.end());
        // Whatever comes behind the end mark was late, and so is whatever another message overtook.
        cb::app::admin_client::accepted(control_.send("POST", "/v1/rules/clear", json::object()));
        for (int partition = 0; partition < partitions; ++partition) {
            producer.send(topic, std::to_string(end_mark), "end", partition);
        }
        producer.finish();
        wait_until_nothing_is_held();
        compare(topic, reading.until(producer.records_in(topic, partitions)), out);
        return out;
    }

    int stop() { return broker_.stop(); }

private:
    static constexpr int partitions = 4;
    static constexpr std::int64_t end_mark = INT64_MAX;
    static constexpr std::size_t bytes_in_batch_about = 72; ///< of one message of value_pattern with its key

    void set_faults(const phase& what, const std::string& topic) {
        json::array rules;
        if (options_.lose_ack > 0) {
            rules.push_back(json::object{{"name", "lost-answers"},
                                         {"intercept", "request"},
                                         {"where", json::object{{"api", "Produce"}, {"topic", topic}}},
                                         {"chance", fmt::format("{}%", options_.lose_ack)},
                                         {"do", "lose_ack"}});
        }
        if (options_.draw_by.empty()) {
            set_mix(what, topic);
        } else {
            add_rule(rules, what.slow, topic, "late",
                     json::object{{"late", json::object{{"delay", fmt::format("{}ms", options_.delay_ms)}}}});
            add_rule(rules, what.delete_, topic, "delete", "delete");
            add_rule(rules, what.duplicate, topic, "duplicate", "duplicate");
            add_rule(rules, what.salt, topic, "salt", "salt");
        }
        if (!rules.empty()) {
            cb::app::admin_client::accepted(
                control_.send("POST", "/v1/rules", json::object{{"format", 1}, {"rules", rules}}));
        }
    }

    void set_mix(const phase& what, const std::string& topic) {
        json::object mix;
        mix["slow"] = what.slow;
        mix["delete"] = what.delete_;
        mix["duplicate"] = what.duplicate;
        mix["salt"] = what.salt;
        mix["topic"] = topic;
        mix["delay"] = fmt::format("{}ms", options_.delay_ms);
        cb::app::admin_client::accepted(control_.send("PATCH", "/v1/mix", mix));
    }

    /// As the mix would, of each message at most one effect, but with the draw that is asked for.
    void add_rule(json::array& rules, int percent, const std::string& topic, const std::string& name,
                  const json::value& effect) const {
        if (percent > 0) {
            rules.push_back(json::object{{"name", name},
                                         {"where", json::object{{"topic", topic}}},
                                         {"chance", fmt::format("{}%", percent)},
                                         {"one_of", "main-job"},
                                         {"draw_by", options_.draw_by},
                                         {"do", effect}});
        }
    }

    send_report send_all(const std::string& topic) const {
        std::vector<std::unique_ptr<writer>> producers;
        for (int i = 0; i < options_.how.producers; ++i) {
            const auto id = options_.how.producers == 1 ? std::string("main-job") : fmt::format("main-job-{}", i);
            producers.push_back(std::make_unique<writer>(broker_.bootstrap(), id, options_.how));
        }
        for (std::int64_t n = 0; n < options_.messages; ++n) {
            producers[producer_of(n)]->send(topic, std::to_string(n), value_of(n));
        }
        send_report sum;
        for (const auto& each : producers) {
            const auto& report = each->finish();
            sum.acknowledged += report.acknowledged;
            sum.unknown.insert(sum.unknown.end(), report.unknown.begin(), report.unknown.end());
        }
        return sum;
    }

    /// The Java client's own producers, idempotent by default, in a process of their own.
    send_report send_all_by_java(const std::string& topic) const {
        const auto& how = options_.how;
        std::vector<std::string> words{"java",
                                       "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                                       "-cp",
                                       how.java_libraries + "/*",
                                       CB_PEERS_DIR "/java/Peer.java",
                                       "send",
                                       broker_.bootstrap(),
                                       topic,
                                       std::to_string(options_.messages),
                                       std::string(value_pattern),
                                       std::to_string(how.producers)};
        const auto set = [&](const std::string& name, const std::string& value) {
            words.push_back(name);
            words.push_back(value);
        };
        if (!how.idempotent) {
            set("enable.idempotence", "false");
            set("retries", "0"); // a resend would store messages twice that no rule doubled
        }
        if (how.linger_ms >= 0) {
            set("linger.ms", std::to_string(how.linger_ms));
        }
        if (how.batch_messages_max > 0) { // the Java client limits bytes, not messages
            set("batch.size", std::to_string(static_cast<std::size_t>(how.batch_messages_max) * bytes_in_batch_about));
        }
        cb::tests::child_process client(words);
        if (client.wait(std::chrono::seconds(300)) != 0) {
            throw std::runtime_error("the Java producer failed:\n" + client.output());
        }
        send_report out;
        std::istringstream lines(client.output());
        for (std::string word; lines >> word;) {
            if (word == "unknown") {
                lines >> out.unknown.emplace_back();
            } else if (word == "acknowledged") {
                lines >> out.acknowledged;
            }
        }
        return out;
    }

    [[nodiscard]] std::size_t producer_of(std::int64_t n) const {
        return static_cast<std::size_t>(n % options_.how.producers);
    }

    void wait_until_nothing_is_held() {
        while (cb::app::admin_client::accepted(control_.get("/v1/status")).at("held_messages").as_int64() > 0) {
            std::this_thread::sleep_for(20ms);
        }
    }

    void compare(const std::string& topic, const std::vector<delivery>& deliveries, outcome& out) const {
        std::map<std::int64_t, std::vector<const delivery*>> by_number;
        for (const auto& each : deliveries) {
            by_number[std::stoll(each.key)].push_back(&each);
        }
        out.received = deliveries.size() - by_number[end_mark].size();
        out.kinds["late"].seen = overtaken(deliveries);
        for (std::int64_t n = 0; n < options_.messages; ++n) {
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
        const auto ledger = cb::mainjob::read_ledger(ledger_file_, topic);
        for (const auto& [kind, effect] : effect_of_kind) {
            const auto found = ledger.find(effect);
            out.kinds[kind].ledger = found == ledger.end() ? std::set<std::int64_t>() : found->second;
        }
        out.victims_hash = cb::mainjob::victims_hash(ledger, 0);
        set_apart_what_never_came(out);
    }

    /// What came behind a later message of its producer and partition. Nothing orders different producers.
    std::set<std::int64_t> overtaken(const std::vector<delivery>& deliveries) const {
        std::set<std::int64_t> out;
        std::map<std::pair<int, std::size_t>, std::int64_t> greatest;
        std::set<int> ended; // partitions whose end mark has come
        for (const auto& each : deliveries) {
            const auto n = std::stoll(each.key);
            if (n == end_mark) {
                ended.insert(each.partition);
                continue;
            }
            auto& last = greatest[{each.partition, producer_of(n)}];
            if (n < last || ended.contains(each.partition)) {
                out.insert(n);
            }
            last = std::max(last, static_cast<std::int64_t>(n));
        }
        return out;
    }

    static void set_apart_what_never_came(outcome& out) {
        auto& missing = out.kinds["missing"];
        for (const auto n : out.unknown) {
            if (missing.seen.contains(n) && !missing.ledger.contains(n)) {
                missing.seen.erase(n);
                out.never_came.insert(n);
            }
        }
    }

    job_options options_;
    std::filesystem::path ledger_file_;
    cb::tests::running_broker broker_;
    cb::app::admin_client control_;
};

/// Says which messages differ, the first of each kind by number.
int report_differences(const std::string& phase_name, const outcome& what, bool idempotent) {
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
    // An idempotent producer resends until it knows; of any other, what is unknown has a column of its own.
    const auto answered = what.acknowledged + (idempotent ? 0 : what.unknown.size());
    if (what.sent != answered) {
        std::fprintf(stderr, "phase %s: %zu sent, %zu acknowledged, %zu of unknown outcome\n", phase_name.c_str(),
                     what.sent, what.acknowledged, what.unknown.size());
        ++differences;
    }
    return differences;
}

std::vector<phase> phases_of(const job_options& options) {
    const int share = options.share;
    std::vector<phase> out{{"nothing"},
                           {"slow", share},
                           {"delete", 0, share},
                           {"duplicate", 0, 0, share},
                           {"salt", 0, 0, 0, share},
                           {"all-at-once", share, share, share, share}};
    if (!options.only.empty()) {
        std::erase_if(out, [&](const phase& each) { return each.name != options.only; });
    }
    return out;
}

void introduce(const job_options& options) {
    const auto& how = options.how;
    std::printf(
        "%lld messages a phase, %d %% each, seed %llu. Of each kind: what the consumer saw / what the ledger says\n\n",
        static_cast<long long>(options.messages), options.share, static_cast<unsigned long long>(options.seed));
    if (!options.draw_by.empty() || how.producers > 1 || !how.idempotent || options.lose_ack > 0) {
        std::printf("drawn by %s, %s, producers: %d, answers lost: %d %%\n\n",
                    options.draw_by.empty() ? "position" : options.draw_by.c_str(),
                    how.idempotent ? "idempotent" : "without idempotence", how.producers, options.lose_ack);
    }
    std::fflush(stdout);
}

int run(const job_options& options) {
    introduce(options);
    main_job job(options);
    cb::app::text_table table(
        {"PHASE", "SENT", "ACKNOWLEDGED", "UNKNOWN", "RECEIVED", "LATE", "MISSING", "DOUBLED", "SALTED", ""});
    int differences = 0;
    std::uint64_t victims_hash = 0;
    for (const auto& each : phases_of(options)) {
        auto what = job.run(each);
        const auto found = report_differences(each.name, what, options.how.idempotent);
        differences += found;
        victims_hash = cb::hash_join(victims_hash, what.victims_hash);
        table.add({each.name, std::to_string(what.sent), std::to_string(what.acknowledged), what.unknown_cell(),
                   std::to_string(what.received), what.kinds["late"].cell(), what.kinds["missing"].cell(),
                   what.kinds["doubled"].cell(), what.kinds["salted"].cell(), found == 0 ? "agrees" : "DIFFERS"});
    }
    const int ended = job.stop();
    std::printf("%s\n", table.text().c_str());
    const bool fine = differences == 0 && ended == 0;
    if (fine) {
        std::printf("every message is accounted for\n");
    } else {
        std::printf("%d differences, broker's exit code %d\n", differences, ended);
    }
    std::printf("victims %016llx\n", static_cast<unsigned long long>(victims_hash));
    return fine ? 0 : 1;
}

void add_sending_options(CLI::App& program, cb::mainjob::sending& how) {
    program.add_option("--producers", how.producers, "They take turns; each with a connection of its own")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    program.add_option("--linger", how.linger_ms, "How long a producer waits for a batch to fill, in ms")
        ->check(CLI::Range(0, 10'000));
    program.add_option("--batch-messages", how.batch_messages_max, "Messages in a batch at most (Java: about)")
        ->check(CLI::Range(1, 100'000));
    program.add_flag("!--not-idempotent", how.idempotent, "Producers without idempotence, which resend nothing");
    program.add_option("--java", how.java_libraries, "Folder with the Java client's jars: its producer sends")
        ->check(CLI::ExistingDirectory);
}

} // namespace

int main(int argc, char** argv) {
    CLI::App program("The mix, phase by phase, reconciled with the ledger to the last message");
    job_options options;
    program.add_option("--messages", options.messages, "A phase")
        ->check(CLI::Range(1, 10'000'000))
        ->capture_default_str();
    program.add_option("--share", options.share, "Percent of each effect")
        ->check(CLI::Range(1, 25))
        ->capture_default_str();
    program.add_option("--delay", options.delay_ms, "Of late messages, in ms")
        ->check(CLI::Range(500, 60'000))
        ->capture_default_str();
    program.add_option("--seed", options.seed, "Decides which messages are hit")->capture_default_str();
    program.add_option("--only", options.only, "One phase alone, as all-at-once")
        ->check(CLI::IsMember({"nothing", "slow", "delete", "duplicate", "salt", "all-at-once"}));
    program.add_option("--draw-by", options.draw_by, "Rules that draw so, in place of the mix")
        ->check(CLI::IsMember({"position", "content"}));
    program.add_option("--lose-ack", options.lose_ack, "Percent of Produce requests that are stored and not answered")
        ->check(CLI::Range(0, 50))
        ->capture_default_str();
    add_sending_options(program, options.how);
    CLI11_PARSE(program, argc, argv);
    try {
        return run(options);
    } catch (const std::exception& wrong) {
        std::fprintf(stderr, "mainjob: %s\n", wrong.what());
        return 4;
    }
}
