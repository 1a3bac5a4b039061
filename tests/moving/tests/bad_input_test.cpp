// SPDX-License-Identifier: Apache-2.0
// What clients do wrong, by mistake or on purpose: a clear answer, nothing changed, nothing lost.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "eventually.hpp"
#include "expect_clean_audit.hpp"
#include "journey_driver.hpp"
#include "moving/http/tests/wire.hpp"
#include "shared_system.hpp"

namespace moving::tests {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using http::verb;

class bad_input : public shared_system {
protected:
    static void SetUpTestSuite() {
        shared_system::SetUpTestSuite();
        over_ = drive(system().urls(), {1, 1, 0, 60s}).front();
    }

    void SetUp() override {
        ASSERT_TRUE(over_.over()) << over_.trouble;
        before_ = json::serialize(system().audit().at("journeys"));
    }
    /// Nobody's state has changed, and the books are in order.
    void TearDown() override {
        const auto after = system().audit();
        EXPECT_EQ(json::serialize(after.at("journeys")), before_);
        expect_clean_audit(system());
    }

    void expect_refused(int status, const said& answer) {
        EXPECT_EQ(answer.status, status) << answer.body;
        EXPECT_EQ(answer.header("Content-Type"), "application/problem+json") << answer.body;
        EXPECT_FALSE(answer.text("detail").empty()) << answer.body;
    }

    static std::uint16_t port_of(const std::string& service) {
        const auto& url = system().url(service);
        return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    }

    /// Something that was done after all, so that the books differ.
    void expect_books_like_now() { before_ = json::serialize(system().audit().at("journeys")); }

    static inline journey over_;

private:
    std::string before_;
};

const std::string good = R"({"type":"GOOD","owner":"ada","from":"Pau","to":"Metz","earliest":"2040-01-01",)"
                         R"("latest":"2040-01-02","litres":5})";

std::string with(const std::string& name, const json::value& value) {
    auto out = json::parse(good).as_object();
    if (value.is_null()) {
        out.erase(name);
    } else {
        out[name] = value;
    }
    return json::serialize(out);
}

TEST_F(bad_input, bodies_that_are_no_announcement) {
    const auto post = [&](const std::string& body) {
        return users().ask(verb::post, "announcement", "/announcements", body);
    };
    expect_refused(415, post("")); // the client gives nothing a type
    expect_refused(400, post("{"));
    expect_refused(400, post("not json"));
    expect_refused(400, post(good + good));
    expect_refused(400, post(std::string(5'000, '[')));
    expect_refused(422, post("[]"));
    expect_refused(422, post("{}"));
    expect_refused(422, post("null"));
    expect_refused(422, post(with("litres", "5")));
    expect_refused(422, post(with("litres", 0)));
    expect_refused(422, post(with("litres", 5'001)));
    expect_refused(422, post(with("litres", 1e300)));
    expect_refused(422, post(with("type", "BIKE")));
    expect_refused(422, post(with("owner", "")));
    expect_refused(422, post(with("owner", json::string(65, 'a'))));
    expect_refused(422, post(with("from", "Atlantis")));
    expect_refused(422, post(with("to", "Pau")));
    expect_refused(422, post(with("latest", "2039-12-31")));
    expect_refused(422, post(with("latest", "2040-02-30")));
    expect_refused(422, post(with("earliest", nullptr)));
    const auto wrong = post(with("litres", "five"));
    EXPECT_EQ(wrong.text("pointer"), "/litres") << wrong.body;
    expect_refused(415,
                   users().ask(verb::post, "announcement", "/announcements", good, {{"Content-Type", "text/plain"}}));
}

TEST_F(bad_input, accounts_that_cannot_be) {
    const auto post = [&](const char* name, const json::value& value) {
        json::object account{
            {"username", "bob"}, {"email", "bob@example.org"}, {"first_name", "B"}, {"last_name", "B"}};
        account[name] = value;
        return users().post("accounting", "/accounts", account);
    };
    expect_refused(422, post("username", "*bank*"));
    expect_refused(422, post("username", "../etc"));
    expect_refused(422, post("username", "a b"));
    expect_refused(422, post("username", 7));
    expect_refused(422, post("email", "nobody"));
    expect_refused(422, post("email", "@x"));
    expect_refused(409, post("username", json::string(over_.owner)));
}

TEST_F(bad_input, ids_that_nobody_has_and_paths_that_are_none) {
    for (const auto* id : {"none", "'; DROP TABLE move; --", "%00", "..", "%2e%2e%2f", "0"}) {
        std::string path;
        for (const char c : std::string(id)) {
            path += c == ' ' || c == '\'' || c == ';' ? "%20" : std::string(1, c);
        }
        const auto answer = users().get("tracking", "/tracking/" + path);
        EXPECT_TRUE(answer.status == 404 || answer.status == 400) << id << ": " << answer.status << answer.body;
    }
    expect_refused(404, users().patch("tracking", "/tracking/none", {{"state", "STARTED"}}));
    expect_refused(404, users().post("tracking", "/tracking/none/waypoints", {{"place", "Pau"}}));
    expect_refused(404, users().get("announcement", "/announcements/none"));
    expect_refused(404, users().ask(verb::remove, "announcement", "/announcements/none"));
    expect_refused(404, users().get("matching", "/match/none"));
    expect_refused(404, users().get("billing", "/billing/nobody"));
    expect_refused(404, users().get("billing", "/billing/*bank*"));
    expect_refused(404, users().get("accounting", "/nothing/here"));
    const auto method = users().ask(verb::put, "accounting", "/accounts", "{}");
    expect_refused(405, method);
    EXPECT_FALSE(method.header("Allow").empty());
    expect_refused(400, users().get("billing", "/billing?limit=many"));
}

TEST_F(bad_input, steps_that_are_not_legal) {
    const auto path = "/tracking/" + over_.good;
    for (const auto* state : {"RECEIVED", "STARTED", "DELIVERING", "DELIVERED"}) {
        expect_refused(409, users().patch("tracking", path, {{"state", state}}));
    }
    expect_refused(422, users().patch("tracking", path, {{"state", "confirmed"}}));
    expect_refused(422, users().patch("tracking", path, {{"state", 5}}));
    expect_refused(409, users().post("tracking", path + "/waypoints", {{"place", "Pau"}}));
    expect_refused(409, users().post("tracking", path + "/incidents", {{"note", "late"}}));
    expect_refused(409, users().ask(verb::remove, "announcement", "/announcements/" + over_.good));
    EXPECT_EQ(users().patch("tracking", path, {{"state", "CONFIRMED"}}).status, 200) << "said again, not done again";
}

TEST_F(bad_input, bodies_of_ten_mebibytes) {
    const std::string large(10 * 1024 * 1024, ' ');
    const std::vector<std::pair<std::string, std::string>> routes{
        {"accounting", "/accounts"},
        {"announcement", "/announcements"},
        {"tracking", "/tracking/" + over_.good + "/waypoints"},
        {"billing", "/billing/estimate"}};
    for (const auto& [service, path] : routes) {
        http::tests::wire line(port_of(service));
        line.send("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
                  std::to_string(large.size()) + "\r\n\r\n");
        line.send(large); // it may break off: the answer stands before it
        const auto answer = line.read_answer("POST");
        ASSERT_TRUE(answer) << service;
        EXPECT_EQ(answer->status, 413) << answer->body;
        EXPECT_EQ(users().get(service, "/healthz").status, 200);
    }
}

TEST_F(bad_input, slow_clients_are_ended_and_nobody_waits_for_them) {
    std::vector<http::tests::wire> slow;
    for (int i = 0; i < 50; ++i) {
        slow.emplace_back(port_of("tracking"));
        slow.back().send(i % 2 == 0 ? "GET /tracking/x HT"
                                    : "PATCH /tracking/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                                      "Content-Length: 100\r\n\r\n{");
    }
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(users().get("tracking", "/tracking/" + over_.good).status, 200);
    }
    for (auto& each : slow) {
        const auto answer = each.read_answer();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, 408);
        EXPECT_TRUE(each.ended());
    }
}

TEST_F(bad_input, garbage_on_the_socket) {
    const std::vector<std::string> garbage{
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "GET / HTTP/9.9\r\n\r\n",
        "\r\n\r\n\r\n\r\nwhat?\r\n\r\n",
        std::string(100'000, 'A'),
        "GET " + std::string(60'000, '/') + " HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /accounts HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        "POST /accounts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        std::string(64, '\0')};
    for (const auto& service : {"accounting", "announcement", "matching", "tracking", "billing"}) {
        for (const auto& each : garbage) {
            http::tests::wire line(port_of(service));
            line.send(each);
            line.end_sending();
            const auto heard = line.read_all();
            if (!heard.empty()) {
                EXPECT_TRUE(heard.starts_with("HTTP/1.1 4") || heard.starts_with("HTTP/1.1 5")) << heard.substr(0, 200);
            }
        }
        EXPECT_EQ(users().get(service, "/healthz").status, 200) << service;
    }
}

TEST_F(bad_input, requests_that_are_sent_again) {
    const auto body = json::parse(good).as_object();
    const auto key = new_name("key");
    const auto first = users().post("announcement", "/announcements", body, key);
    ASSERT_EQ(first.status, 201) << first.body;
    const auto second = users().post("announcement", "/announcements", body, key);
    EXPECT_EQ(second.status, 201);
    EXPECT_EQ(second.body, first.body);
    EXPECT_EQ(second.header("Idempotent-Replay"), "true");
    auto other = body;
    other["litres"] = 6;
    expect_refused(422, users().post("announcement", "/announcements", other, key));
    expect_refused(400, users().post("announcement", "/announcements", body, std::string(129, 'k')));
    const auto without = users().post("announcement", "/announcements", body);
    EXPECT_EQ(without.status, 201) << "without a key it is another one";
    EXPECT_NE(without.text("id"), first.text("id"));
    const auto all = system().audit();
    EXPECT_EQ(all.at("journeys").at("goods").at("waiting").to_number<int>(), 2);
    const json::object account{
        {"username", over_.owner}, {"email", over_.owner + "@example.org"}, {"first_name", "Ada"}, {"last_name", "T"}};
    expect_refused(409, users().post("accounting", "/accounts", account));
    for (const auto& id : {first.text("id"), without.text("id")}) {
        EXPECT_EQ(users().ask(verb::remove, "announcement", "/announcements/" + id).status, 204);
        EXPECT_EQ(users().ask(verb::remove, "announcement", "/announcements/" + id).status, 204);
    }
    expect_books_like_now();
}

} // namespace
} // namespace moving::tests
