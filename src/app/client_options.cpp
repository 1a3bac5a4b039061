// SPDX-License-Identifier: Apache-2.0
#include "app/client_options.hpp"

#include <cctype>
#include <fstream>
#include <iostream>
#include <iterator>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "app/commands.hpp"
#include "app/tables.hpp"

namespace cb::app {

void add_client_options(CLI::App& command, const std::shared_ptr<client_options>& options) {
    command.add_option("--admin", options->target.url, "Address of the control API")
        ->envname("CHAOSBROKER_ADMIN_URL")
        ->capture_default_str();
    command.add_option("--token-file", options->target.token_file, "File whose first line is the token")
        ->envname("CHAOSBROKER_TOKEN_FILE");
    command.add_flag("--json", options->as_json, "Print JSON: one document, or one a line when following");
}

void print_json(const boost::json::value& value) { std::cout << boost::json::serialize(value) << "\n"; }

void show(const client_options& options, const boost::json::value& value) {
    if (options.as_json) {
        print_json(value);
    } else {
        std::cout << indented(value);
    }
}

std::string read_input(const std::string& name) {
    if (name == "-") {
        return {std::istreambuf_iterator<char>(std::cin), {}};
    }
    std::ifstream in(name, std::ios::binary);
    if (!in) {
        throw command_error(exit_code::usage, name + ": cannot be read");
    }
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string url_encoded(const std::string& text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~';
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
    }
    return out;
}

} // namespace cb::app
