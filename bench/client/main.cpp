// SPDX-License-Identifier: Apache-2.0
// The client of the benchmarks, on librdkafka: the same against every broker.
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "client/commands.hpp"

int main(int argc, char** argv) {
    CLI::App app("client of the benchmarks");
    std::string bootstrap;
    std::string admin;
    std::string topic = "bench";
    int rate = 5000;
    int seconds = 20;
    std::int64_t count = 100'000;
    std::size_t bytes = 1024;
    const auto command = [&](const char* name, const char* what) {
        auto* made = app.add_subcommand(name, what);
        made->add_option("--bootstrap", bootstrap)->required();
        made->add_option("--topic", topic);
        made->add_option("--rate", rate);
        made->add_option("--seconds", seconds);
        made->add_option("--count", count);
        made->add_option("--bytes", bytes);
        return made;
    };
    app.require_subcommand(1);
    auto* latency = command("latency", "produce to consume at a fixed rate");
    auto* produce = command("produce", "as fast as they go");
    auto* rules = command("rules", "change rules under traffic");
    rules->add_option("--admin", admin)->required();
    app.add_subcommand("mock", "run librdkafka's mock cluster")->callback([] { cb::bench::run_mock_cluster(); });
    latency->callback([&] { cb::bench::measure_latency(bootstrap, topic, rate, seconds, bytes); });
    produce->callback([&] { cb::bench::measure_produce(bootstrap, topic, count, bytes); });
    rules->callback([&] { cb::bench::measure_rule_changes(bootstrap, admin, rate, seconds); });
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return app.exit(wrong);
    } catch (const std::exception& wrong) {
        std::fprintf(stderr, "%s\n", wrong.what());
        return 1;
    }
    return 0;
}
