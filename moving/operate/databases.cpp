// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/databases.hpp"

#include "moving/operate/service_command.hpp"
#include "moving/store/session.hpp"
#include "moving/store/transact.hpp"

namespace moving::operate {

namespace {

/// The URL of the same server's database "postgres", and the name of the one that is wanted.
std::pair<std::string, std::string> server_and_name(const std::string& url) {
    const auto host = url.find("://") + 3;
    const auto slash = url.find('/', host);
    const auto question = url.find('?', slash);
    const auto parameters = question == std::string::npos ? std::string() : url.substr(question);
    return {url.substr(0, slash) + "/postgres" + parameters, url.substr(slash + 1, question - slash - 1)};
}

bool is_plain_name(const std::string& name) {
    return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

} // namespace

tl::expected<void, refusal> make_databases(const up_plan& plan) {
    for (const auto& each : plan.services) {
        if (const auto parsed = store::parse_url(each.database); !parsed) {
            return tl::make_unexpected(refusal{"--database: " + parsed.error(), exit_usage});
        }
        if (!each.database.starts_with("postgresql://")) {
            continue;
        }
        const auto [server, name] = server_and_name(each.database);
        if (!is_plain_name(name)) {
            return tl::make_unexpected(refusal{
                "--database: the name \"" + name + "\" must have small letters, digits and _ only", exit_usage});
        }
        store::settings settings;
        settings.url = server;
        store::database database(settings);
        auto session = database.connect();
        const auto made = store::attempt(session, [&](store::session& db) {
            if (!db.one("SELECT datname FROM pg_database WHERE datname = :name", {name})) {
                db.run_once("CREATE DATABASE " + name);
            }
        });
        if (!made) {
            return tl::make_unexpected(
                refusal{"the database " + name + " cannot be made: " + made.error().sentence, exit_environment});
        }
    }
    return {};
}

} // namespace moving::operate
