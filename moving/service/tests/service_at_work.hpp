// SPDX-License-Identifier: Apache-2.0
// A service without sockets and brokers: requests and events are given to its handlers as the instance does it.
// In a header alone, because the tests of each service are a program of their own.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "moving/http/executor.hpp"
#include "moving/http/router.hpp"
#include "moving/service/definition.hpp"
#include "moving/service/intake.hpp"
#include "moving/service/relay.hpp"
#include "moving/service/request_pool.hpp"
#include "moving/store/delivery.hpp"
#include "moving/store/event_log.hpp"
#include "moving/store/migrations.hpp"
#include "moving/store/transact.hpp"
#include "moving/text/ids.hpp"
#include "moving/text/time.hpp"

namespace moving::service::tests {

/// A folder that goes with the test.
class temporary_folder {
public:
    temporary_folder() {
        auto name = (std::filesystem::temp_directory_path() / "moving-tests-").string() + std::string(6, 'X');
        if (mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("no temporary folder");
        }
        path_ = name;
    }
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// The way to a Kafka that is not there, one for the whole program: nothing of what is handed to it arrives, and what
/// was told is seen in the event log.
class way_to_nowhere {
public:
    static relay& sender() {
        static way_to_nowhere one;
        return one.relay_;
    }

private:
    static settings nowhere(const temporary_folder& folder) {
        settings out;
        out.service = out.instance = "nowhere";
        out.database.url = "sqlite:" + folder.file("nowhere.db");
        out.kafka.brokers = "127.0.0.1:1";
        out.grace = std::chrono::milliseconds(20);
        return out;
    }
    way_to_nowhere()
        : settings_(nowhere(folder_)),
          database_(settings_.database),
          counts_("nowhere", "nowhere"),
          lines_("nowhere", "nowhere", log::level::error, log::form::json),
          relay_(ready(), database_, counts_, lines_) {}
    const settings& ready() {
        auto session = database_.connect();
        if (!store::migrate(session, store::delivery_migrations())) {
            throw std::runtime_error("no tables");
        }
        return settings_;
    }

    temporary_folder folder_;
    settings settings_;
    store::database database_;
    metrics counts_;
    log::logger lines_;
    relay relay_;
};

/// A service with its tables in a database of its own. One thread.
class service_at_work {
public:
    /// `url` empty: SQLite in a temporary folder.
    explicit service_at_work(const std::function<definition(const settings&)>& define, delivery how = delivery::safe,
                             const std::string& url = {})
        : settings_(settings_for(how, url.empty() ? "sqlite:" + folder_.file("test.db") : url)),
          definition_(define(settings_)),
          database_(settings_.database),
          counts_(definition_.name, settings_.instance),
          lines_(definition_.name, settings_.instance, log::level::error, log::form::json),
          intake_(settings_, definition_, lines_, counts_),
          desk_(settings_, database_, way_to_nowhere::sender(), lines_) {
        settings_.service = definition_.name;
        auto tables = store::delivery_migrations();
        tables.insert(tables.end(), definition_.tables.begin(), definition_.tables.end());
        if (const auto done = store::migrate(db(), tables); !done) {
            throw std::runtime_error(done.error().sentence);
        }
        for (const auto& each : definition_.routes) {
            router_.add(each);
        }
    }

    [[nodiscard]] store::session& db() { return desk_.session(); }
    [[nodiscard]] store::session another_session() { return database_.connect(); }
    [[nodiscard]] store::database& all_of_it() { return database_; }
    [[nodiscard]] const settings& of() const { return settings_; }
    [[nodiscard]] const definition& what() const { return definition_; }
    [[nodiscard]] log::logger& lines() { return lines_; }
    [[nodiscard]] desk& place() { return desk_; }
    [[nodiscard]] const http::router& routes() const { return router_; }
    /// As if the command line had told so; before the service does anything.
    [[nodiscard]] settings& change() { return settings_; }
    [[nodiscard]] service::intake& into() { return intake_; }

    using headers = std::vector<std::pair<std::string, std::string>>;

    /// A request as the server hands it on.
    http::answer ask(http::verb method, const std::string& target, const std::string& body = {},
                     const headers& more = {}) {
        http::request asked;
        asked.set_method(method);
        asked.set_target(target);
        asked.mutable_body() = body;
        if (!body.empty()) {
            asked.add_header("Content-Type", "application/json");
        }
        for (const auto& [name, value] : more) {
            asked.add_header(name, value);
        }
        const auto found = router_.find(asked);
        if (!found) {
            return http::problem(404, "no route");
        }
        if (auto fits = http::router::check_body(asked, **found); !fits) {
            return std::move(fits.error());
        }
        return http::run_handler(**found, asked, desk_);
    }
    http::answer get(const std::string& target) { return ask(http::verb::get, target); }
    http::answer post(const std::string& target, const boost::json::value& body, const headers& more = {}) {
        return ask(http::verb::post, target, boost::json::serialize(body), more);
    }
    http::answer patch(const std::string& target, const boost::json::value& body) {
        return ask(http::verb::patch, target, boost::json::serialize(body));
    }
    http::answer remove(const std::string& target) { return ask(http::verb::remove, target); }

    /// The bytes of an event as another service tells it.
    static std::string event(const std::string& type, boost::json::object data, const std::string& key = "key",
                             std::string id = text::new_id()) {
        bus::event out;
        out.id = std::move(id);
        out.type = type;
        out.time = text::rfc3339(text::now_us());
        out.source = "test";
        out.traceparent = text::trace_context::begin().traceparent();
        out.key = key;
        out.data = std::move(data);
        return out.encode();
    }

    /// The way of a message from Kafka, in one transaction (naive: in none).
    fate take(const std::string& topic, std::string_view bytes) { return take_with(db(), topic, bytes); }
    fate take_with(store::session& session, const std::string& topic, std::string_view bytes) {
        const arrival came{topic, 3, 7, bytes};
        std::vector<outgoing> told;
        if (settings_.how == delivery::naive) {
            return intake_.take_hurriedly(session, came, told);
        }
        const auto became = store::transact(session, [&](store::session& on) {
            told.clear();
            return intake_.take(on, came, told);
        });
        if (!became) {
            throw std::runtime_error(became.error().sentence);
        }
        return *became;
    }
    fate take(const std::string& topic, const std::string& type, boost::json::object data) {
        return take(topic, event(type, std::move(data)));
    }

    std::int64_t number(store::sql text, std::initializer_list<store::argument> arguments = {}) {
        return db().one(text, arguments)->integer(0);
    }
    /// The data of the events that were told (safe delivery), the oldest first.
    std::vector<boost::json::object> told(const std::string& type) {
        std::vector<boost::json::object> out;
        for (const auto& each : db().query("SELECT payload FROM event_log ORDER BY sequence")) {
            if (const auto event = bus::decode(each.text(0), bus::check_digest::yes); event && event->type == type) {
                out.push_back(event->data);
            }
        }
        return out;
    }

private:
    static settings settings_for(delivery how, const std::string& url) {
        settings out;
        out.instance = "test-1";
        out.how = how;
        out.database.url = url;
        return out;
    }

    temporary_folder folder_;
    settings settings_;
    definition definition_;
    store::database database_;
    metrics counts_;
    log::logger lines_;
    service::intake intake_;
    desk desk_;
    http::router router_;
};

inline boost::json::object json_of(const http::answer& given) {
    boost::system::error_code error;
    auto value = boost::json::parse(given.body, error);
    return !error && value.is_object() ? value.get_object() : boost::json::object();
}

} // namespace moving::service::tests
