// SPDX-License-Identifier: Apache-2.0
// load pause, resume, rate, status, stop: they talk to a run that goes on.
#include <memory>

#include <boost/json/object.hpp>

#include "app/client_options.hpp"
#include "app/commands.hpp"
#include "app/load_commands.hpp"

namespace cb::app {
namespace {

namespace json = boost::json;

void add_options(CLI::App& command, const std::shared_ptr<client_options>& options) {
    options->target.url = "http://127.0.0.1:8475";
    options->target.default_port = "8475";
    options->target.hint = "a run prints its control address when it begins; name it with --admin";
    command.add_option("--admin", options->target.url, "Control address of the run, as it printed it")
        ->envname("CHAOSBROKER_LOAD_ADMIN_URL")
        ->capture_default_str();
    command.add_option("--token-file", options->target.token_file, "File whose first line is the token")
        ->envname("CHAOSBROKER_TOKEN_FILE");
    command.add_flag("--json", options->as_json, "Print JSON");
}

void ask(const client_options& options, const std::string& method, const std::string& path, const json::object& body) {
    admin_client client(options.target);
    show(options, admin_client::accepted(method == "GET" ? client.get(path) : client.send(method, path, body)));
}

} // namespace

void add_load_client_commands(CLI::App& load) {
    const auto options = std::make_shared<client_options>();
    const auto add = [&](const char* verb, const char* what) {
        auto* sub = load.add_subcommand(verb, what);
        add_options(*sub, options);
        return sub;
    };
    add("status", "How a run stands")->callback([=] { ask(*options, "GET", "/v1/load", {}); });
    add("pause", "Nobody comes until resumed; who is there goes on")->callback([=] {
        ask(*options, "POST", "/v1/load/pause", {});
    });
    add("resume", "Users come again, as fast as before the pause")->callback([=] {
        ask(*options, "POST", "/v1/load/resume", {});
    });
    add("stop", "End a run; it reports what was measured")->callback([=] {
        ask(*options, "POST", "/v1/load/stop", {});
    });
    const auto factor = std::make_shared<double>(1);
    auto* rate = add("rate", "Let users come so many times as fast as the plan says");
    rate->add_option("factor", *factor, "1: as planned, 2: twice as fast, 0: as pause")->required();
    rate->callback([=] { ask(*options, "PATCH", "/v1/load", {{"rate", *factor}}); });
}

} // namespace cb::app
