// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <boost/json/value.hpp>

#include "app/admin_client.hpp"

namespace cb::app {

/// What commands that talk to a running broker have in common.
struct client_options {
    admin_target target;
    bool as_json = false;
};

void add_client_options(CLI::App& command, const std::shared_ptr<client_options>& options);
/// One line of JSON on standard output.
void print_json(const boost::json::value& value);
/// As JSON, or as lines for people.
void show(const client_options& options, const boost::json::value& value);
/// The whole file, or standard input for "-". Throws command_error.
std::string read_input(const std::string& name);
/// For a query: what is not a letter, a digit or one of -._~ as %XX.
std::string url_encoded(const std::string& text);

} // namespace cb::app
