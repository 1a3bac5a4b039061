// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/service_command.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "moving/accounting/accounting.hpp"
#include "moving/announcement/announcement.hpp"
#include "moving/billing/billing.hpp"
#include "moving/matching/matching.hpp"
#include "moving/service/instance.hpp"
#include "moving/tracking/tracking.hpp"

namespace moving::operate {

namespace {

/// What the command line of a service fills in.
struct service_options {
    service::settings of;
    std::string listen;
    std::string database;
    std::vector<std::string> peers;
    std::chrono::milliseconds keep{std::chrono::hours(24)};
    std::string log_level = "info";
    std::string log_format;
};

std::optional<std::string> set_listen(const std::string& text, http::server_options& into) {
    const auto colon = text.rfind(':');
    std::uint16_t port = 0;
    const auto* first = text.data() + (colon == std::string::npos ? 0 : colon + 1);
    const auto [end, error] = std::from_chars(first, text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size()) {
        return "--listen " + text + ": give HOST:PORT or PORT, for example 127.0.0.1:8080";
    }
    if (colon != std::string::npos) {
        into.address = text.substr(0, colon);
    }
    into.port = port;
    return std::nullopt;
}

std::optional<std::string> set_peers(const std::vector<std::string>& texts, std::map<std::string, std::string>& into) {
    for (const auto& text : texts) {
        const auto equals = text.find('=');
        const auto url = equals == std::string::npos ? std::string() : text.substr(equals + 1);
        if (!url.starts_with("http://")) {
            return "--peer " + text + ": give NAME=URL, for example matching=http://127.0.0.1:8084";
        }
        into[text.substr(0, equals)] = url;
    }
    return std::nullopt;
}

/// Everything that depends on several options; the error is a sentence.
std::optional<std::string> complete(service_options& options) {
    auto& of = options.of;
    if (auto wrong = set_listen(options.listen, of.http)) {
        return wrong;
    }
    if (auto wrong = set_peers(options.peers, of.peers)) {
        return wrong;
    }
    of.database.url = options.database.empty() ? "sqlite:" + of.service + ".db" : options.database;
    if (const auto parsed = store::parse_url(of.database.url); !parsed) {
        return "--database " + of.database.url + ": " + parsed.error();
    }
    of.kafka.member = of.instance; // whoever gives a name says that no other replica has it
    if (of.instance.empty()) {
        const char* host = std::getenv("HOSTNAME");
        of.instance = of.service + "-" + (host != nullptr ? host : std::to_string(getpid()));
    }
    of.database.application = of.instance;
    of.kafka.client_id = of.instance;
    of.keep = std::chrono::duration_cast<std::chrono::seconds>(options.keep);
    if (of.keep < std::chrono::duration_cast<std::chrono::seconds>(2 * of.reconcile_after)) {
        return "--keep must be at least twice --reconcile-after: what is forgotten cannot be found missing";
    }
    of.least = options.log_level == "debug"     ? log::level::debug
               : options.log_level == "info"    ? log::level::info
               : options.log_level == "warning" ? log::level::warning
                                                : log::level::error;
    const bool text = options.log_format == "text" || (options.log_format.empty() && isatty(STDOUT_FILENO) == 1);
    of.form = text ? log::form::text : log::form::json;
    return std::nullopt;
}

int run_service(service_options& options, const known_service& which) {
    if (const auto wrong = complete(options)) {
        std::cerr << "moving " << which.name << ": " << *wrong << '\n';
        return exit_usage;
    }
    setenv("CHAOSBROKER_SERVICE", which.name.c_str(), 0); // for children; `moving up` has set it before us
    return service::run_instance(options.of, which.define);
}

void add_service_command(CLI::App& program, const known_service& which, std::function<int()>& run) {
    auto options = std::make_shared<service_options>();
    options->of.service = which.name;
    options->listen = "127.0.0.1:" + std::to_string(which.port);
    auto* command = program.add_subcommand(which.name, which.summary)->group("Services");
    command->add_option("--listen", options->listen, "HOST:PORT, or a port of all addresses; replicas share it")
        ->capture_default_str();
    command->add_option("--database", options->database,
                        "sqlite:FILE or postgresql://USER@HOST:PORT/DATABASE (sqlite:" + which.name + ".db)");
    add_durability_option(*command, options->of.database.durability);
    add_broker_option(*command, options->of.kafka.brokers);
    command->add_option("--partitions", options->of.partitions, "of the topics that it creates")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    add_delivery_option(*command, options->of.how);
    command->add_option("--peer", options->peers,
                        "NAME=URL of another service, for the reconciler; may be given several times");
    command->add_option("--instance", options->of.instance, "a name that no other replica has");
    add_duration_option(*command, "--reconcile-every", options->of.reconcile_every, "how often the reconciler looks");
    add_duration_option(*command, "--reconcile-after", options->of.reconcile_after,
                        "how old an event must be to be missed");
    add_duration_option(*command, "--keep", options->keep, "how long events and their ids are remembered");
    add_duration_option(*command, "--grace", options->of.grace, "how long it takes at most to end");
    command->add_option("--log-level", options->log_level, "debug, info, warning or error")
        ->capture_default_str()
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
    command->add_option("--log-format", options->log_format, "json or text (text on a terminal)")
        ->check(CLI::IsMember({"json", "text"}));
    command->callback([options, &which, &run] { run = [options, &which] { return run_service(*options, which); }; });
}

} // namespace

const std::vector<known_service>& known_services() {
    static const std::vector<known_service> all{
        {"accounting", "accounts", 8081, accounting::define},
        {"announcement", "goods to be moved, and courses with room", 8080, announcement::define},
        {"matching", "finds courses for goods", 8084, matching::define},
        {"tracking", "follows each move", 8085, tracking::define},
        {"billing", "points", 8082, billing::define},
    };
    return all;
}

void add_service_commands(CLI::App& program, std::function<int()>& run) {
    for (const auto& each : known_services()) {
        add_service_command(program, each, run);
    }
}

void add_broker_option(CLI::App& command, std::string& brokers) {
    command.add_option("--brokers", brokers, "HOST:PORT[,…] of Kafka, or of the chaos broker")->capture_default_str();
}

void add_delivery_option(CLI::App& command, service::delivery& how) {
    const std::map<std::string, service::delivery> words{{"safe", service::delivery::safe},
                                                         {"naive", service::delivery::naive}};
    command.add_option("--delivery", how, "safe (default), or naive: what a hurried team writes")
        ->transform(CLI::CheckedTransformer(words).description("safe or naive"));
}

void add_durability_option(CLI::App& command, store::durability& how) {
    const std::map<std::string, store::durability> words{{"normal", store::durability::normal},
                                                         {"full", store::durability::full}};
    command
        .add_option("--durability", how, "of SQLite: normal (default; a power cut may take the last commits) or full")
        ->transform(CLI::CheckedTransformer(words).description("normal or full"));
}

tl::expected<std::chrono::milliseconds, std::string> parse_duration(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string unit(end, text.data() + text.size());
    static const std::map<std::string, std::int64_t> units{{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}};
    const auto found = units.find(unit);
    if (error != std::errc() || value < 0 || value > 1'000'000 || found == units.end()) {
        return tl::make_unexpected("\"" + text + "\" is no duration: write 300ms, 10s, 5m or 24h");
    }
    return std::chrono::milliseconds(value * found->second);
}

void add_duration_option(CLI::App& command, const std::string& name, std::chrono::milliseconds& into,
                         const std::string& summary) {
    command
        .add_option_function<std::string>(
            name,
            [&into, name](const std::string& text) {
                const auto parsed = parse_duration(text);
                if (!parsed) {
                    throw CLI::ValidationError(name, parsed.error());
                }
                into = *parsed;
            },
            summary)
        ->type_name("DURATION")
        ->default_str(std::to_string(into.count()) + "ms");
}

} // namespace moving::operate
