// SPDX-License-Identifier: Apache-2.0
// What the services stand on goes away and comes back, while people use them.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include <boost/json/parse.hpp>

#include "caller.hpp"
#include "eventually.hpp"
#include "expect_clean_audit.hpp"
#include "free_port.hpp"
#include "journey_driver.hpp"
#include "stage.hpp"

namespace moving::tests {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto patience = 120s;

/// Journeys that go on while the test does something else.
class traffic {
public:
    traffic(std::map<std::string, std::string> urls, journeys_wanted wanted)
        : urls_(std::move(urls)),
          wanted_(wanted),
          thread_([this] { journeys_ = drive(urls_, wanted_, &over_, &enough_); }) {}
    ~traffic() { end(); }
    traffic(const traffic&) = delete;
    traffic& operator=(const traffic&) = delete;

    /// Until so many are over.
    [[nodiscard]] bool has_come_to(int count) const {
        return eventually(
            60s, [&] { return over_ >= count; }, 10ms);
    }
    /// Begins no other journey, and waits for those under way.
    void end() {
        enough_ = true;
        join();
    }
    const std::vector<journey>& join() {
        if (thread_.joinable()) {
            thread_.join();
        }
        return journeys_;
    }
    void expect_all_over() {
        for (const auto& each : join()) {
            EXPECT_TRUE(each.over()) << "journey " << each.number << " reached " << each.reached << ": "
                                     << each.trouble;
        }
    }

private:
    std::map<std::string, std::string> urls_;
    journeys_wanted wanted_;
    std::atomic<int> over_ = 0;
    std::atomic<bool> enough_ = false;
    std::vector<journey> journeys_;
    std::thread thread_;
};

bool is_ready(caller& users, const std::string& service, int status) {
    return users.get(service, "/readyz").status == status;
}

json::object account(const std::string& name) {
    return {{"username", name}, {"email", name + "@example.org"}, {"first_name", "A"}, {"last_name", "B"}};
}

TEST(outages, the_embedded_broker_is_killed_and_comes_back) {
    const temporary_folder data;
    const std::vector<std::string> flags{"--listen", "127.0.0.1:" + std::to_string(free_port()), "--data",
                                         (data.path() / "broker").string()};
    auto broker = std::make_unique<cb::tests::running_broker>(flags);
    running_moving system({broker->bootstrap(), "sqlite", {"--reconcile-after", "3s"}});
    traffic going(system.urls(), {60, 6, 3, patience});
    ASSERT_TRUE(going.has_come_to(15));
    broker->process().signal(SIGKILL);
    broker->process().wait(10s);

    caller users(system.urls());
    EXPECT_TRUE(eventually(20s, [&] { return is_ready(users, "accounting", 503); }));
    const auto name = new_name("meanwhile");
    EXPECT_EQ(users.post("accounting", "/accounts", account(name)).status, 201) << "requests are served";
    EXPECT_EQ(users.get("accounting", "/accounts/" + name).status, 200);
    EXPECT_EQ(users.get("accounting", "/healthz").status, 200);

    broker = std::make_unique<cb::tests::running_broker>(flags);
    going.expect_all_over();
    EXPECT_TRUE(eventually(30s, [&] { return users.get("billing", "/billing/" + name).status == 200; }));
    EXPECT_TRUE(eventually(20s, [&] { return is_ready(users, "accounting", 200); }));
    expect_clean_audit(system, 60s);
    EXPECT_EQ(system.stop(), 0);
}

TEST(outages, apache_kafka_is_killed_and_comes_back) {
    if (!running_kafka::installed()) {
        GTEST_SKIP() << "apache kafka: CB_KAFKA_LIBS names no folder";
    }
    running_kafka kafka;
    running_moving system({kafka.bootstrap(), "sqlite", {"--reconcile-after", "3s"}});
    traffic going(system.urls(), {60, 6, 3, patience});
    ASSERT_TRUE(going.has_come_to(15));
    kafka.kill();
    caller users(system.urls());
    EXPECT_EQ(users.post("accounting", "/accounts", account(new_name("meanwhile"))).status, 201);
    kafka.start();
    going.expect_all_over();
    expect_clean_audit(system, 60s);
    EXPECT_EQ(system.stop(), 0);
}

TEST(outages, postgresql_is_killed_and_comes_back) {
    if (!cb::tests::running_postgres::installed()) {
        GTEST_SKIP() << "PostgreSQL is not installed: skipped";
    }
    const auto all = set_up({false, true}, {"--reconcile-after", "3s"});
    auto& system = *all->moving;
    traffic going(system.urls(), {60, 6, 3, patience});
    ASSERT_TRUE(going.has_come_to(15));
    all->postgres->kill();

    caller users(system.urls());
    const auto refused = users.post("accounting", "/accounts", account(new_name("meanwhile")));
    EXPECT_EQ(refused.status, 503) << refused.body;
    EXPECT_EQ(refused.header("Retry-After"), "1");
    EXPECT_EQ(refused.header("Content-Type"), "application/problem+json");
    EXPECT_TRUE(eventually(20s, [&] { return is_ready(users, "accounting", 503); }));
    EXPECT_EQ(users.get("accounting", "/healthz").status, 200);

    all->postgres->start();
    going.expect_all_over();
    EXPECT_TRUE(eventually(20s, [&] { return is_ready(users, "accounting", 200); }));
    expect_clean_audit(system, 60s);
    EXPECT_EQ(system.stop(), 0);
}

TEST(outages, a_stop_under_traffic_loses_nothing) {
    const auto all = set_up({}, {"--reconcile-after", "3s"});
    auto& system = *all->moving;
    traffic going(system.urls(), {100'000, 8, 3, 1s});
    ASSERT_TRUE(going.has_come_to(40));
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(system.stop(20s), 0) << system.output();
    EXPECT_LT(std::chrono::steady_clock::now() - began, 15s);
    going.end();
    system.start_again();
    expect_clean_audit(system, 60s);
    EXPECT_EQ(system.stop(), 0);
}

TEST(outages, who_is_started_again_still_finds_what_was_lost) {
    const auto all = set_up({}, {"--reconcile-after", "3s", "--partitions", "1"});
    auto& system = *all->moving;
    // More than a batch of messages that are read and stay in their topics.
    for (const auto& each : drive(system.urls(), {120, 12, 0, patience})) {
        ASSERT_TRUE(each.over()) << each.trouble;
    }
    expect_clean_audit(system);
    system.kill("billing-1");
    ASSERT_TRUE(eventually(20s, [&] { return system.instances().at("billing-1") > 0; }));
    caller users(system.urls());
    ASSERT_TRUE(eventually(20s, [&] { return is_ready(users, "billing", 200); }));
    caller operator_of_broker({{"admin", all->broker->admin()}});
    ASSERT_EQ(operator_of_broker.patch("admin", "/v1/mix", {{"delete", 100}}).status, 200);
    const auto name = new_name("lost");
    ASSERT_EQ(users.post("accounting", "/accounts", account(name)).status, 201);
    EXPECT_TRUE(eventually(30s, [&] { return users.get("billing", "/billing/" + name).status == 200; }))
        << users.get("billing", "/metrics").body;
    EXPECT_EQ(system.stop(), 0);
}

TEST(outages, a_service_that_is_there_before_its_database_and_its_broker) {
    if (!cb::tests::running_postgres::installed()) {
        GTEST_SKIP() << "PostgreSQL is not installed: skipped";
    }
    cb::tests::running_postgres postgres;
    const auto database = postgres.create_database("accounting");
    postgres.stop();
    const auto broker_at = "127.0.0.1:" + std::to_string(free_port());
    cb::tests::child_process service({moving_program(), "accounting", "--listen", "127.0.0.1:0", "--database", database,
                                      "--brokers", broker_at, "--log-format", "json"});
    const auto started = service.wait_for_line(
        [](const std::string& line) { return line.find("\"event\":\"started\"") != std::string::npos; });
    ASSERT_TRUE(started) << service.output();
    const auto port = json::parse(*started).at("port").as_int64();
    caller users({{"accounting", "http://127.0.0.1:" + std::to_string(port)}});
    EXPECT_EQ(users.get("accounting", "/healthz").status, 200);
    EXPECT_EQ(users.get("accounting", "/readyz").body,
              R"({"ready":false,"started":false,"database":false,"kafka":false})");
    const auto refused = users.get("accounting", "/accounts");
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.header("Retry-After"), "1");
    postgres.start();
    EXPECT_TRUE(service.wait_for_line([](const std::string& line) {
        return line.find("kafka is not ready") != std::string::npos;
    })) << service.output();
    EXPECT_EQ(users.get("accounting", "/readyz").status, 503);
    const cb::tests::running_broker broker({"--listen", broker_at});
    EXPECT_TRUE(eventually(30s, [&] { return is_ready(users, "accounting", 200); })) << service.output();
    EXPECT_EQ(users.post("accounting", "/accounts", account("ada")).status, 201);
    service.signal(SIGTERM);
    EXPECT_EQ(service.wait(20s), 0) << service.output();
}

} // namespace
} // namespace moving::tests
