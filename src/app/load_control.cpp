// SPDX-License-Identifier: Apache-2.0
#include "app/load_control.hpp"

#include <fstream>

#include "app/commands.hpp"
#include "app/load_targets.hpp"

namespace cb::app {
namespace {

std::string token_of(const std::string& file) {
    if (file.empty()) {
        return {};
    }
    std::ifstream in(file);
    std::string token;
    if (!std::getline(in, token) || token.empty()) {
        throw command_error(exit_code::usage, "--admin-token-file " + file + ": needs a token in its first line");
    }
    return token;
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

} // namespace

load_control::load_control(load_desk& desk, const std::string& address, bool any_port_will_do,
                           const std::string& token_file) {
    auto where = net::parse_host_and_port(address);
    if (!where) {
        throw command_error(exit_code::usage, "--admin " + address + ": " + where.error().message);
    }
    const auto token = token_of(token_file);
    if (token.empty() && !is_loopback(where->host)) {
        throw command_error(exit_code::usage,
                            "--admin " + address + ": beyond loopback a token is needed (--admin-token-file)");
    }
    const auto routes = desk.routes(CB_VERSION);
    const auto listen = [&] {
        server_ = std::make_unique<admin::http_server>(loop_, admin::http_settings{*where, token}, routes, log_);
    };
    try {
        listen();
    } catch (const boost::system::system_error& wrong) {
        if (!any_port_will_do) {
            throw command_error(exit_code::environment, "--admin " + address + ": " + wrong.code().message());
        }
        where->port = 0;
        listen();
    }
    url_ = "http://" + with_port(where->host, server_->port());
    loop_.post([this] { server_->start(); });
    loop_.start();
}

load_control::~load_control() {
    loop_.stop();
    loop_.join();
}

} // namespace cb::app
