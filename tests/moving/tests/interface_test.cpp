// SPDX-License-Identifier: Apache-2.0
// What the services say of themselves: health, figures, description, log.
#include <gtest/gtest.h>

#include <set>

#include <boost/json/serialize.hpp>

#include "eventually.hpp"
#include "journey_driver.hpp"
#include "shared_system.hpp"

namespace moving::tests {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using http::verb;

const std::vector<std::string> services{"accounting", "announcement", "matching", "tracking", "billing"};

class services_say : public shared_system {};

TEST_F(services_say, that_they_are_well_and_ready) {
    for (const auto& service : services) {
        EXPECT_EQ(users().get(service, "/healthz").body, R"({"status":"ok"})") << service;
        const auto ready = users().get(service, "/readyz");
        EXPECT_EQ(ready.status, 200) << service;
        EXPECT_EQ(ready.body, R"({"ready":true,"started":true,"database":true,"kafka":true})") << service;
    }
}

TEST_F(services_say, their_figures_by_the_names_that_are_promised) {
    ASSERT_TRUE(drive(system().urls(), {1, 1, 0, 60s}).front().over());
    for (const auto& service : services) {
        const bool takes = service != "accounting";
        said page;
        // Events come some moments after the request that caused them.
        EXPECT_TRUE(eventually(20s, [&] {
            page = users().get(service, "/metrics");
            return page.body.find("\nmoving_events_consumed_total{") != std::string::npos || !takes;
        })) << service;
        EXPECT_EQ(page.status, 200);
        EXPECT_TRUE(page.header("Content-Type").starts_with("text/plain")) << page.header("Content-Type");
        for (const auto* name :
             {"moving_requests_total", "moving_request_duration_seconds_bucket", "moving_connections", "moving_streams",
              "moving_consumer_lag", "moving_outbox_depth", "moving_parked_events", "moving_waiting_requests",
              "moving_database_sessions_busy", "moving_database_up", "moving_kafka_up"}) {
            EXPECT_NE(page.body.find("\n" + std::string(name) + "{"), std::string::npos) << service << ": " << name;
        }
        const bool tells = service != "billing";
        EXPECT_EQ(page.body.find("\nmoving_events_sent_total{") != std::string::npos, tells) << service;
        EXPECT_EQ(page.body.find("\nmoving_events_consumed_total{") != std::string::npos, takes) << service;
    }
}

/// A request that drives an operation of the description.
struct drive_of {
    std::string service;
    std::string operation; ///< "get /tracking/{good}"
    verb method;
    std::string path;
    std::string body;
};

std::string text(const json::object& of) { return json::serialize(of); }

/// Every operation at least once; those that can fail also so that they do.
std::vector<drive_of> drives(caller& users, const journey& over) {
    const auto events = users.get("announcement", "/events?limit=1&older_than_ms=3000").value();
    const auto& list = events.at("events").as_array();
    const std::string event = list.empty() ? std::string("none") : std::string(list.front().at("id").as_string());
    const json::object account{
        {"username", new_name("a")}, {"email", new_name("a") + "@x"}, {"first_name", "A"}, {"last_name", "B"}};
    auto taken = account;
    taken["username"] = over.owner;
    const json::object good{{"type", "GOOD"},           {"owner", over.owner},    {"from", "Pau"}, {"to", "Metz"},
                            {"earliest", "2040-01-01"}, {"latest", "2040-01-02"}, {"litres", 5}};
    const auto open_good = users.post("announcement", "/announcements", good).text("id");
    std::vector<drive_of> out{
        {"accounting", "post /accounts", verb::post, "/accounts", text(account)},
        {"accounting", "post /accounts", verb::post, "/accounts", text(taken)},
        {"accounting", "post /accounts", verb::post, "/accounts", "{"},
        {"accounting", "post /accounts", verb::post, "/accounts", "{}"},
        {"accounting", "get /accounts", verb::get, "/accounts", {}},
        {"accounting", "get /accounts", verb::get, "/accounts?limit=0", {}},
        {"accounting", "get /accounts/{username}", verb::get, "/accounts/" + over.owner, {}},
        {"accounting", "get /accounts/{username}", verb::get, "/accounts/nobody", {}},
        {"accounting", "delete /accounts/{username}", verb::remove, "/accounts/nobody", {}},
        {"accounting", "delete /accounts/{username}", verb::remove, "/accounts/" + over.owner, {}},
        {"announcement", "post /announcements", verb::post, "/announcements", text(good)},
        {"announcement", "post /announcements", verb::post, "/announcements", "[]"},
        {"announcement", "get /announcements", verb::get, "/announcements?owner=" + over.owner, {}},
        {"announcement", "get /announcements", verb::get, "/announcements?limit=x", {}},
        {"announcement", "get /announcements/{id}", verb::get, "/announcements/" + over.good, {}},
        {"announcement", "get /announcements/{id}", verb::get, "/announcements/none", {}},
        {"announcement", "delete /announcements/{id}", verb::remove, "/announcements/" + open_good, {}},
        {"announcement", "delete /announcements/{id}", verb::remove, "/announcements/" + over.good, {}},
        {"announcement", "delete /announcements/{id}", verb::remove, "/announcements/none", {}},
        {"matching", "get /match/{good}", verb::get, "/match/" + over.good, {}},
        {"matching", "get /match/{good}", verb::get, "/match/none", {}},
        {"matching", "get /waiting", verb::get, "/waiting", {}},
        {"matching", "get /waiting", verb::get, "/waiting?limit=-1", {}},
        {"tracking", "get /tracking", verb::get, "/tracking?driver=" + over.drivers.front(), {}},
        {"tracking", "get /tracking", verb::get, "/tracking", {}},
        {"tracking", "get /tracking/{good}", verb::get, "/tracking/" + over.good, {}},
        {"tracking", "get /tracking/{good}", verb::get, "/tracking/none", {}},
        {"tracking", "get /tracking/{good}/history", verb::get, "/tracking/" + over.good + "/history", {}},
        {"tracking", "get /tracking/{good}/history", verb::get, "/tracking/none/history", {}},
        {"tracking", "get /tracking/{good}/events", verb::get, "/tracking/none/events", {}},
        {"tracking", "patch /tracking/{good}", verb::patch, "/tracking/" + over.good, R"({"state":"CONFIRMED"})"},
        {"tracking", "patch /tracking/{good}", verb::patch, "/tracking/" + over.good, R"({"state":"STARTED"})"},
        {"tracking", "patch /tracking/{good}", verb::patch, "/tracking/" + over.good, R"({"state":"LOST"})"},
        {"tracking", "patch /tracking/{good}", verb::patch, "/tracking/none", R"({"state":"STARTED"})"},
        {"billing", "get /billing", verb::get, "/billing", {}},
        {"billing", "get /billing", verb::get, "/billing?limit=201", {}},
        {"billing", "get /billing/{client}", verb::get, "/billing/" + over.owner, {}},
        {"billing", "get /billing/{client}", verb::get, "/billing/nobody", {}},
        {"billing", "get /billing/{client}/entries", verb::get, "/billing/" + over.owner + "/entries", {}},
        {"billing", "get /billing/{client}/entries", verb::get, "/billing/*bank*/entries", {}},
        {"billing", "post /billing/estimate", verb::post, "/billing/estimate",
         R"({"from":"Pau","to":"Metz","litres":5})"},
        {"billing", "post /billing/estimate", verb::post, "/billing/estimate",
         R"({"from":"Pau","to":"Atlantis","litres":5})"},
    };
    for (const auto* what : {"waypoints", "incidents"}) {
        const auto operation = "post /tracking/{good}/" + std::string(what);
        const std::string body = R"({"place":"Pau","note":"seen"})";
        out.push_back({"tracking", operation, verb::post, "/tracking/" + over.good + "/" + what, body});
        out.push_back({"tracking", operation, verb::post, std::string("/tracking/none/") + what, body});
    }
    for (const auto& service : services) {
        for (const auto* path : {"/healthz", "/readyz", "/metrics", "/openapi.json"}) {
            out.push_back({service, "get " + std::string(path), verb::get, path, {}});
        }
        out.push_back({service, "get /events", verb::get, "/events", {}});
        out.push_back({service, "get /events", verb::get, "/events?limit=1001", {}});
        out.push_back(
            {service, "get /events/{id}", verb::get, "/events/" + (service == "announcement" ? event : "x"), {}});
    }
    return out;
}

TEST_F(services_say, in_their_description_what_they_do) {
    const auto over = drive(system().urls(), {1, 1, 0, 60s}).front();
    ASSERT_TRUE(over.over());
    ASSERT_TRUE(eventually(20s, [&] {
        return !users()
                    .get("announcement", "/events?limit=1&older_than_ms=3000")
                    .value()
                    .at("events")
                    .as_array()
                    .empty();
    }));
    std::map<std::string, json::object> documents;
    std::set<std::string> left;
    for (const auto& service : services) {
        documents[service] = users().get(service, "/openapi.json").value().as_object();
        EXPECT_EQ(documents[service].at("openapi").as_string(), "3.1.0");
        for (const auto& [path, operations] : documents[service].at("paths").as_object()) {
            for (const auto& [method, operation] : operations.as_object()) {
                left.insert(service + " " + std::string(method) + " " + std::string(path));
            }
        }
    }
    for (const auto& each : drives(users(), over)) {
        const auto name = each.service + " " + each.operation;
        left.erase(name);
        const auto space = each.operation.find(' ');
        const auto& paths = documents[each.service].at("paths").as_object();
        const auto* path = paths.if_contains(each.operation.substr(space + 1));
        ASSERT_NE(path, nullptr) << name << " is not described";
        const auto& responses = path->at(each.operation.substr(0, space)).at("responses").as_object();
        const auto answer = users().ask(each.method, each.service, each.path, each.body);
        EXPECT_TRUE(responses.contains(std::to_string(answer.status)))
            << name << " " << each.path << " answered " << answer.status << " " << answer.body << "; described are "
            << json::serialize(responses);
        if (answer.status >= 400 && each.path != "/readyz") {
            EXPECT_EQ(answer.header("Content-Type"), "application/problem+json") << name;
            EXPECT_EQ(answer.value().at("status").as_int64(), answer.status);
            EXPECT_FALSE(answer.text("detail").empty());
        }
    }
    EXPECT_TRUE(left.empty()) << "described and not driven: " << *left.begin();
}

TEST_F(services_say, json_lines_with_the_promised_fields) {
    const auto over = drive(system().urls(), {1, 1, 0, 60s}).front();
    ASSERT_TRUE(over.over());
    ASSERT_TRUE(eventually(
        20s, [&] { return users().get("billing", "/billing/" + over.owner).body.find("200") == std::string::npos; }));
    std::vector<std::string> other;
    const auto lines = system().log_lines(&other);
    EXPECT_TRUE(other.empty()) << other.front();
    std::set<std::string> takers;
    std::set<std::string> tellers;
    std::set<std::string> answerers;
    for (const auto& line : lines) {
        for (const auto* name : {"time", "level", "service", "instance", "event"}) {
            ASSERT_TRUE(line.contains(name) && line.at(name).is_string()) << name << ": " << json::serialize(line);
        }
        const auto has = [&](std::initializer_list<const char*> names) {
            for (const auto* name : names) {
                EXPECT_TRUE(line.contains(name)) << name << ": " << json::serialize(line);
            }
        };
        const std::string service(line.at("service").as_string());
        if (line.at("event").as_string() == "event taken") {
            has({"trace", "event_id", "topic", "partition", "offset", "duration_us"});
            takers.insert(service);
        } else if (line.at("event").as_string() == "event told") {
            has({"trace", "event_id", "topic", "key"});
            tellers.insert(service);
        } else if (line.at("event").as_string() == "request") {
            has({"trace", "method", "path", "status", "duration_us"});
            answerers.insert(service);
        }
    }
    EXPECT_EQ(takers, (std::set<std::string>{"announcement", "matching", "tracking", "billing"}));
    EXPECT_EQ(tellers, (std::set<std::string>{"accounting", "announcement", "matching", "tracking"}));
    EXPECT_TRUE(answerers.contains("accounting") && answerers.contains("announcement") &&
                answerers.contains("tracking"));
}

} // namespace
} // namespace moving::tests
