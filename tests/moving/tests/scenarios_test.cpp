// SPDX-License-Identifier: Apache-2.0
// The two scenarios of moving/README.md, step by step, on every broker and database: what each service shows after
// each.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include <boost/json/parse.hpp>
#include <boost/json/value_from.hpp>

#include "caller.hpp"
#include "event_stream_reader.hpp"
#include "eventually.hpp"
#include "expect_clean_audit.hpp"
#include "stage.hpp"

namespace moving::tests {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using http::verb;

constexpr auto soon = 20s;
constexpr std::int64_t first_points = 200;

json::object announcement(const char* type, const std::string& owner, const char* from, const char* to) {
    return {{"type", type},           {"owner", owner}, {"from", from}, {"to", to}, {"earliest", "2031-05-01"},
            {"latest", "2031-05-03"}, {"litres", 90}};
}

class scenarios : public testing::TestWithParam<ground> {
protected:
    void SetUp() override {
        if (const auto why = why_not_here(GetParam()); !why.empty()) {
            GTEST_SKIP() << why;
        }
        stage_ = set_up(GetParam());
        users_.emplace(stage_->moving->urls());
    }

    running_moving& system() { return *stage_->moving; }
    caller& users() { return *users_; }

    json::value shown(const std::string& service, const std::string& path) {
        const auto answer = users().get(service, path);
        EXPECT_EQ(answer.status, 200) << path << ": " << answer.body;
        return answer.value();
    }

    /// Opens an account under a trace of the test's own, and waits for its points.
    std::string join(const char* kind, const std::string& trace_id) {
        auto name = new_name(kind);
        const auto made = users().ask(
            verb::post, "accounting", "/accounts",
            json::serialize(json::object{
                {"username", name}, {"email", name + "@example.org"}, {"first_name", "A"}, {"last_name", "B"}}),
            {{"traceparent", "00-" + trace_id + "-00f067aa0ba902b7-01"}});
        EXPECT_EQ(made.status, 201) << made.body;
        EXPECT_EQ(made.header("Location"), "/accounts/" + name);
        EXPECT_EQ(shown("accounting", "/accounts/" + name).at("username").as_string(), name);
        EXPECT_TRUE(eventually(soon, [&] { return users().get("billing", "/billing/" + name).status == 200; }));
        EXPECT_EQ(points(name), first_points);
        return name;
    }

    std::int64_t points(const std::string& name) {
        return shown("billing", "/billing/" + name).at("points").as_int64();
    }

    std::int64_t estimate(const char* from, const char* to) {
        const auto answer = users().post("billing", "/billing/estimate", {{"from", from}, {"to", to}, {"litres", 90}});
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.value().at("points").as_int64();
    }

    std::string announce(const json::object& what, const std::string& trace_id) {
        const auto made = users().ask(
            verb::post, "announcement", "/announcements", json::serialize(what),
            {{"traceparent", "00-" + trace_id + "-00f067aa0ba902b7-01"}, {"Idempotency-Key", new_name("key")}});
        EXPECT_EQ(made.status, 201) << made.body;
        const auto id = made.text("id");
        EXPECT_EQ(made.header("Location"), "/announcements/" + id);
        EXPECT_EQ(made.text("state"), "OPEN");
        EXPECT_EQ(made.text("trace"), trace_id);
        EXPECT_EQ(announced(id).at("state").as_string(), "OPEN");
        return id;
    }

    json::value announced(const std::string& id) { return shown("announcement", "/announcements/" + id); }

    bool waits(const std::string& id) {
        const auto all = users().get("matching", "/waiting?limit=200").body;
        return all.find("\"" + id + "\"") != std::string::npos;
    }

    void expect_waiting(const std::string& id) {
        EXPECT_TRUE(eventually(soon, [&] { return waits(id); })) << id;
    }

    /// The match as matching shows it, when it is there; and what announcement says of it.
    json::array expect_matched(const std::string& good, const std::vector<std::string>& courses) {
        EXPECT_TRUE(eventually(soon, [&] { return users().get("matching", "/match/" + good).status == 200; }));
        const auto match = shown("matching", "/match/" + good);
        EXPECT_EQ(match.at("good").at("id").as_string(), good);
        EXPECT_FALSE(waits(good));
        EXPECT_TRUE(eventually(soon, [&] { return announced(good).at("state").as_string() == "MATCHED"; }));
        EXPECT_EQ(announced(good).at("courses").as_array(), json::value_from(courses).as_array());
        for (const auto& course : courses) {
            EXPECT_EQ(announced(course).at("goods").as_array(), json::value_from(std::vector{good}).as_array());
        }
        return match.at("legs").as_array();
    }

    void expect_followed(const std::string& good, const std::string& owner, const std::vector<std::string>& drivers) {
        EXPECT_TRUE(eventually(soon, [&] { return users().get("tracking", "/tracking/" + good).status == 200; }));
        const auto move = shown("tracking", "/tracking/" + good);
        EXPECT_EQ(move.at("state").as_string(), "RECEIVED");
        EXPECT_EQ(move.at("version").as_int64(), 1);
        EXPECT_EQ(move.at("owner").as_string(), owner);
        ASSERT_EQ(move.at("legs").as_array().size(), drivers.size());
        for (std::size_t i = 0; i < drivers.size(); ++i) {
            EXPECT_EQ(move.at("legs").at(i).at("driver").as_string(), drivers[i]);
            EXPECT_NE(users().get("tracking", "/tracking?driver=" + drivers[i]).body.find(good), std::string::npos);
        }
        EXPECT_NE(users().get("tracking", "/tracking?owner=" + owner).body.find(good), std::string::npos);
        EXPECT_EQ(users().get("tracking", "/tracking").status, 400) << "whose?";
        expect_delivery(good, "RECEIVED");
    }

    void expect_delivery(const std::string& good, const std::string& state) {
        EXPECT_TRUE(eventually(soon, [&] {
            const auto now = announced(good);
            const auto* delivery = now.as_object().if_contains("delivery");
            return delivery != nullptr && delivery->as_string() == state;
        })) << state;
    }

    void step(const std::string& good, const std::string& state, std::int64_t version) {
        const auto answer = users().patch("tracking", "/tracking/" + good, {{"state", state}});
        ASSERT_EQ(answer.status, 200) << answer.body;
        EXPECT_EQ(answer.text("state"), state);
        EXPECT_EQ(shown("tracking", "/tracking/" + good).at("version").as_int64(), version);
        expect_delivery(good, state);
    }

    void happens(const std::string& good, const std::string& what, const json::object& body, std::int64_t version) {
        const auto answer = users().post("tracking", "/tracking/" + good + "/" + what, body, new_name("key"));
        ASSERT_EQ(answer.status, 201) << answer.body;
        EXPECT_EQ(answer.value().at("version").as_int64(), version);
    }

    /// What tracking remembers, as "kind state version".
    std::vector<std::string> history(const std::string& good) {
        const auto all = shown("tracking", "/tracking/" + good + "/history");
        std::vector<std::string> out;
        for (const auto& each : all.at("history").as_array()) {
            out.push_back(std::string(each.at("kind").as_string()) + " " + std::string(each.at("state").as_string()) +
                          " " + std::to_string(each.at("version").as_int64()));
        }
        return out;
    }

    static std::vector<std::string> seen_by(const event_stream_reader& reader) {
        std::vector<std::string> out;
        for (const auto& each : reader.events()) {
            const auto data = json::parse(each.data);
            out.push_back(each.name + " " + std::string(data.at("state").as_string()) + " " + each.id);
        }
        return out;
    }

    void expect_in_all_logs(const std::string& trace_id, const std::string& good) {
        const auto services_of = [](const std::vector<json::object>& lines) {
            std::set<std::string> out;
            for (const auto& line : lines) {
                out.insert(std::string(line.at("service").as_string()));
            }
            return out;
        };
        const std::set<std::string> all{"accounting", "announcement", "matching", "tracking", "billing"};
        EXPECT_EQ(services_of(system().trace(trace_id)), all);
        const auto lines = system().trace(good);
        EXPECT_EQ(services_of(lines), all);
        const auto has = [&](const char* service, const char* event) {
            return std::any_of(lines.begin(), lines.end(), [&](const json::object& line) {
                return line.at("service").as_string() == service && line.at("event").as_string() == event;
            });
        };
        EXPECT_TRUE(has("accounting", "account opened"));
        EXPECT_TRUE(has("billing", "points given"));
        EXPECT_TRUE(has("announcement", "announced"));
        EXPECT_TRUE(has("matching", "matched"));
        EXPECT_TRUE(has("tracking", "move updated"));
        EXPECT_TRUE(has("tracking", "move finished"));
        EXPECT_TRUE(has("billing", "payment made"));
        EXPECT_TRUE(std::is_sorted(lines.begin(), lines.end(), [](const json::object& a, const json::object& b) {
            return a.at("time").as_string() < b.at("time").as_string();
        }));
    }

    /// Everybody's points, which are moved and never made.
    void expect_paid(const std::string& owner, const std::vector<std::pair<std::string, std::int64_t>>& drivers) {
        std::int64_t price = 0;
        for (const auto& [driver, part] : drivers) {
            EXPECT_TRUE(eventually(soon, [&] { return points(driver) == first_points + part; })) << driver;
            price += part;
            const auto entries = shown("billing", "/billing/" + driver + "/entries").at("entries").as_array();
            ASSERT_EQ(entries.size(), 2U);
            EXPECT_EQ(entries.at(0).at("points").as_int64(), part);
            EXPECT_EQ(entries.at(1).at("points").as_int64(), first_points);
        }
        EXPECT_EQ(points(owner), first_points - price);
        EXPECT_EQ(shown("billing", "/billing/" + owner).at("owes").as_int64(), 0);
        std::int64_t sum = 0;
        const auto accounts = shown("billing", "/billing?limit=200").at("accounts").as_array();
        for (const auto& each : accounts) {
            sum += each.at("points").as_int64();
        }
        EXPECT_EQ(sum, first_points * static_cast<std::int64_t>(accounts.size()));
    }

    void end_cleanly() {
        expect_clean_audit(system());
        EXPECT_EQ(system().stop(), 0) << system().output();
    }

private:
    std::unique_ptr<stage> stage_;
    std::optional<caller> users_;
};

TEST_P(scenarios, direct_route) {
    const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const auto owner = join("owner", trace);
    const auto driver = join("driver", "4bf92f3577b34da6a3ce929d0e0e4737");
    const auto price = estimate("Paris", "Lyon");
    EXPECT_GE(price, 5);
    EXPECT_LE(price, 100);

    const auto good = announce(announcement("GOOD", owner, "Paris", "Lyon"), trace);
    expect_waiting(good);
    EXPECT_EQ(users().get("matching", "/match/" + good).status, 404);
    EXPECT_EQ(users().get("tracking", "/tracking/" + good).status, 404);
    const auto course = announce(announcement("COURSE", driver, "Paris", "Lyon"), "4bf92f3577b34da6a3ce929d0e0e4738");
    const auto legs = expect_matched(good, {course});
    ASSERT_EQ(legs.size(), 1U);
    EXPECT_EQ(legs.at(0).at("course").as_string(), course);
    EXPECT_EQ(legs.at(0).at("driver").as_string(), driver);
    EXPECT_EQ(users().ask(verb::remove, "announcement", "/announcements/" + good).status, 409);
    expect_followed(good, owner, {driver});

    const event_stream_reader stream(system().url("tracking"), "/tracking/" + good + "/events");
    ASSERT_TRUE(eventually(soon, [&] { return !stream.events().empty(); }));
    step(good, "STARTED", 2);
    EXPECT_EQ(users().patch("tracking", "/tracking/" + good, {{"state", "CONFIRMED"}}).status, 409);
    step(good, "DELIVERING", 3);
    happens(good, "waypoints", {{"place", "Dijon"}}, 4);
    happens(good, "incidents", {{"note", "a flat tyre"}}, 5);
    step(good, "DELIVERED", 6);
    EXPECT_EQ(points(owner), first_points) << "who has not confirmed does not pay";
    step(good, "CONFIRMED", 7);
    EXPECT_EQ(users().post("tracking", "/tracking/" + good + "/incidents", {{"note", "too late"}}).status, 409);

    const std::vector<std::string> all{"state RECEIVED 1",      "state STARTED 2",       "state DELIVERING 3",
                                       "waypoint DELIVERING 4", "incident DELIVERING 5", "state DELIVERED 6",
                                       "state CONFIRMED 7"};
    EXPECT_EQ(history(good), all);
    EXPECT_TRUE(eventually(soon, [&] { return seen_by(stream).size() >= all.size(); }));
    EXPECT_EQ(seen_by(stream), all);
    expect_paid(owner, {{driver, price}});
    expect_in_all_logs(trace, good);
    end_cleanly();
}

TEST_P(scenarios, combined_route) {
    const std::string trace = "5bf92f3577b34da6a3ce929d0e0e4736";
    const auto owner = join("owner", trace);
    const auto first = join("driver", "5bf92f3577b34da6a3ce929d0e0e4737");
    const auto second = join("driver", "5bf92f3577b34da6a3ce929d0e0e4738");
    const auto price_of_first = estimate("Paris", "Lyon");
    const auto price_of_second = estimate("Lyon", "Nice");

    const auto course_of_second =
        announce(announcement("COURSE", second, "Lyon", "Nice"), "5bf92f3577b34da6a3ce929d0e0e4739");
    expect_waiting(course_of_second);
    const auto good = announce(announcement("GOOD", owner, "Paris", "Nice"), trace);
    expect_waiting(good);
    EXPECT_EQ(users().get("matching", "/match/" + good).status, 404) << "half of the way is none";
    const auto course_of_first =
        announce(announcement("COURSE", first, "Paris", "Lyon"), "5bf92f3577b34da6a3ce929d0e0e4740");
    const auto legs = expect_matched(good, {course_of_first, course_of_second});
    ASSERT_EQ(legs.size(), 2U);
    EXPECT_EQ(legs.at(0).at("driver").as_string(), first);
    EXPECT_EQ(legs.at(0).at("to").as_string(), "Lyon");
    EXPECT_EQ(legs.at(1).at("driver").as_string(), second);
    expect_followed(good, owner, {first, second});

    const event_stream_reader stream(system().url("tracking"), "/tracking/" + good + "/events");
    ASSERT_TRUE(eventually(soon, [&] { return !stream.events().empty(); }));
    step(good, "STARTED", 2);
    step(good, "DELIVERING", 3);
    happens(good, "waypoints", {{"place", "Lyon"}, {"note", "handed over to " + second}}, 4);
    step(good, "DELIVERED", 5);
    step(good, "CONFIRMED", 6);

    const std::vector<std::string> all{"state RECEIVED 1",      "state STARTED 2",   "state DELIVERING 3",
                                       "waypoint DELIVERING 4", "state DELIVERED 5", "state CONFIRMED 6"};
    EXPECT_EQ(history(good), all);
    EXPECT_TRUE(eventually(soon, [&] { return seen_by(stream).size() >= all.size(); }));
    EXPECT_EQ(seen_by(stream), all);
    expect_paid(owner, {{first, price_of_first}, {second, price_of_second}});
    expect_in_all_logs(trace, good);
    end_cleanly();
}

INSTANTIATE_TEST_SUITE_P(on, scenarios,
                         testing::Values(ground{false, false}, ground{false, true}, ground{true, false},
                                         ground{true, true}),
                         [](const testing::TestParamInfo<ground>& of) {
                             return std::string(of.param.apache_kafka ? "apache_kafka" : "chaos_broker") + "_with_" +
                                    (of.param.postgresql ? "postgresql" : "sqlite");
                         });

} // namespace
} // namespace moving::tests
