// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/seed.hpp"

#include <chrono>
#include <iostream>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "moving/http/client.hpp"
#include "moving/operate/seed_plan.hpp"
#include "moving/operate/service_command.hpp"
#include "moving/operate/system_file.hpp"
#include "moving/text/time.hpp"

namespace moving::operate {

namespace {

constexpr std::int64_t microseconds_of_day = 86'400'000'000;
/// A service that is busy or waits for its database says 503; some seconds are worth waiting.
constexpr int most_tries = 10;
constexpr std::chrono::milliseconds next_try_after{500};

struct made {
    std::int64_t now = 0;
    std::int64_t before = 0; ///< it was there already
};

/// Sends requests, one after the other. Owner: the command.
class sower {
public:
    /// The error is a sentence.
    tl::expected<made, std::string> post_all(const std::string& url, const std::vector<boost::json::object>& bodies,
                                             const std::string& key) {
        made out;
        std::int64_t number = 0;
        for (const auto& body : bodies) {
            auto given = post(url, body, key + '-' + std::to_string(++number));
            if (!given) {
                return tl::make_unexpected(std::move(given.error()));
            }
            if (was_there(*given)) {
                ++out.before;
            } else if (given->status == 201) {
                ++out.now;
            } else {
                return tl::make_unexpected(url + " answers " + std::to_string(given->status) + ": " + given->body);
            }
        }
        return out;
    }

private:
    tl::expected<http::answer, std::string> post(const std::string& url, const boost::json::object& body,
                                                 const std::string& key) {
        for (int tries = 1;; ++tries) {
            auto given = client_.post(url, body, {{"Idempotency-Key", key}});
            if (!given) {
                return tl::make_unexpected(given.error().sentence + "; `moving up` starts the system");
            }
            if (given->status != 503 || tries == most_tries) {
                return std::move(*given);
            }
            std::this_thread::sleep_for(next_try_after);
        }
    }

    /// The same request was answered before; or the account is there from another time; or the same seed announced it
    /// on another day, and its dates were others.
    static bool was_there(const http::answer& given) {
        return given.status == 409 || given.header("Idempotent-Replay").has_value() ||
               (given.status == 422 && given.body.find("Idempotency-Key") != std::string::npos);
    }

    http::client client_;
};

int refuse(const std::string& sentence) {
    std::cerr << "moving seed: " << sentence << '\n';
    return exit_environment;
}

int run_seed(const seed_options& options) {
    const auto began = std::chrono::steady_clock::now();
    const auto system = read_system_file(options.folder);
    if (!system) {
        return refuse(system.error());
    }
    for (const auto* service : {"accounting", "announcement"}) {
        if (!system->services.contains(service)) {
            return refuse("services.json does not name " + std::string(service));
        }
    }
    const auto accounts = system->services.at("accounting").url + "/accounts";
    const auto announcements = system->services.at("announcement").url + "/announcements";
    const auto plan = plan_seed(options, text::now_us() / microseconds_of_day);
    const auto key = "seed-" + std::to_string(options.seed);
    sower sows;
    struct part {
        const char* name;
        const std::string& url;
        const std::vector<boost::json::object>& bodies;
    };
    for (const auto& each : {part{"people", accounts, plan.people}, part{"goods", announcements, plan.goods},
                             part{"courses", announcements, plan.courses}}) {
        const auto done = sows.post_all(each.url, each.bodies, key + '-' + each.name);
        if (!done) {
            return refuse(done.error());
        }
        std::cout << fmt::format("{:<8} {:>7}", each.name, done->now)
                  << (done->before > 0 ? fmt::format("   ({} were there already)\n", done->before) : "\n");
    }
    const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began);
    std::cout << fmt::format("in {:.1f} s\n", took.count());
    return exit_done;
}

} // namespace

void add_seed_command(CLI::App& program, std::function<int()>& run) {
    auto options = std::make_shared<seed_options>();
    auto* command =
        program.add_subcommand("seed", "Fill a running system with people, goods and courses")->group("All of it");
    command->add_option("--dir", options->folder, "the folder of `moving up`")->capture_default_str();
    const auto add_number = [command](const char* name, std::int64_t& into, const char* summary) {
        command->add_option(name, into, summary)->capture_default_str()->check(CLI::Range(0, 1'000'000));
    };
    add_number("--people", options->people, "accounts to open");
    add_number("--goods", options->goods, "goods to announce");
    add_number("--courses", options->courses, "courses to announce");
    command->add_option("--seed", options->seed, "the same seed makes the same; a second time it changes nothing")
        ->capture_default_str();
    command->callback([options, &run] { run = [options] { return run_seed(*options); }; });
}

} // namespace moving::operate
