// SPDX-License-Identifier: Apache-2.0
// The control API over real HTTP, with a data loop on its own thread as in the program.
#include "admin/api.hpp"

#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "backend/backend.hpp"

namespace cb::admin {
namespace {

namespace http = boost::beast::http;
namespace json = boost::json;

struct reply {
    unsigned status = 0;
    json::value body;
    std::string text;
};

/// Everything that `chaosbroker serve` puts together, without client listeners.
class control : public testing::Test {
protected:
    control() {
        data_loop_.start();
        server_.start();
        control_loop_.start();
    }
    ~control() override {
        control_loop_.stop();
        control_loop_.join();
        data_loop_.stop();
        data_loop_.join();
    }

    boost::asio::ip::tcp::socket connect() {
        boost::asio::ip::tcp::socket socket(client_context_);
        socket.connect({boost::asio::ip::make_address("127.0.0.1"), server_.port()});
        return socket;
    }
    reply ask(const std::string& method, const std::string& path, const std::string& body = {},
              const std::string& type = "application/json", const std::string& host = "127.0.0.1:1") {
        auto socket = connect();
        http::request<http::string_body> request;
        request.method_string(method);
        request.target(path);
        request.version(11);
        request.set(http::field::host, host);
        if (!body.empty()) {
            request.set(http::field::content_type, type);
            request.body() = body;
        }
        request.prepare_payload();
        http::write(socket, request);
        boost::beast::flat_buffer buffer;
        http::response<http::string_body> response;
        http::read(socket, buffer, response);
        reply out{response.result_int(), nullptr, response.body()};
        if (response[http::field::content_type].starts_with("application/json")) {
            out.body = json::parse(out.text);
        }
        return out;
    }

    system_clock clock_;
    silent_log log_;
    net::event_loop data_loop_;
    net::event_loop control_loop_;
    broker::node node_{{}, clock_, random_source(1), log_};
    backend::embedded_backend backend_{node_};
    fault::ledger ledger_{1000, clock_};
    proxy::fault_pipeline pipeline_{backend_, clock_, ledger_, fault::key_form::full, log_, 1};
    proxy::gateway gateway_{data_loop_, pipeline_, log_, 100};
    fault::rule_book rules_{1, clock_, [this](std::shared_ptr<const fault::plan> next) {
                                data_loop_.ask([this, next] { pipeline_.set_plan(next); });
                            }};
    api api_{{data_loop_, rules_, ledger_, pipeline_, gateway_, node_, log_, "test"}};
    http_server server_{control_loop_, {{"127.0.0.1", 0}, ""}, api_.routes(), log_};
    boost::asio::io_context client_context_;
};

const std::string lose = R"({"format":1,"rules":[{"name":"lose","chance":"20%","do":"delete"}]})";

/// The OpenAPI document is true: every operation that it lists answers with a status that it lists.
TEST_F(control, every_route_of_the_document_answers_as_it_says) {
    const auto document = ask("GET", "/openapi.json");
    ASSERT_EQ(document.status, 200U);
    std::size_t driven = 0;
    for (const auto& [path, operations] : document.body.at("paths").as_object()) {
        for (const auto& [method, operation] : operations.as_object()) {
            if (path == "/v1/events") {
                continue; // it never ends; a test of its own
            }
            ask("POST", "/v1/rules", lose);
            auto target = std::string(path);
            if (const auto at = target.find("{name}"); at != std::string::npos) {
                target.replace(at, 6, "lose");
            }
            std::string verb(method);
            std::transform(verb.begin(), verb.end(), verb.begin(), [](unsigned char c) { return std::toupper(c); });
            const auto body = path == "/v1/rules"          ? lose
                              : path == "/v1/mix"          ? R"({"slow": 1})"
                              : verb == "PUT"              ? R"({"name":"lose","do":"delete"})"
                              : path == "/v1/rules/{name}" ? R"({"enabled":false})"
                                                           : "{}";
            const bool takes_body = operation.as_object().contains("requestBody");
            const auto answer = ask(verb, target, takes_body ? body : "");
            const auto& listed = operation.at("responses").as_object();
            EXPECT_EQ(answer.status, 200U) << verb << " " << target << " " << answer.text;
            EXPECT_TRUE(listed.contains(std::to_string(answer.status))) << verb << " " << target;
            if (takes_body) {
                EXPECT_EQ(ask(verb, target, "{}", "text/plain").status, 415U) << verb << " " << target;
                EXPECT_TRUE(listed.contains("415"));
            }
            ++driven;
        }
    }
    EXPECT_GE(driven, 18U);
}

TEST_F(control, rules_come_change_and_go) {
    EXPECT_EQ(ask("POST", "/v1/rules", lose).status, 200U);
    EXPECT_EQ(data_loop_.ask([&] { return pipeline_.current_plan()->rules().size(); }), 1U) << "in force at once";
    EXPECT_EQ(ask("GET", "/v1/rules/lose").body.at("state").as_string(), "active");
    EXPECT_EQ(ask("PATCH", "/v1/rules/lose", R"({"enabled":false})").status, 200U);
    EXPECT_EQ(ask("GET", "/v1/rules/lose").body.at("state").as_string(), "off");
    EXPECT_EQ(ask("PUT", "/v1/rules", "format: 1\nrules: [{name: b, do: delete}]", "application/yaml").status, 200U);
    EXPECT_EQ(ask("GET", "/v1/rules/lose").status, 404U);
    EXPECT_EQ(ask("DELETE", "/v1/rules/b").status, 200U);
    EXPECT_TRUE(ask("GET", "/v1/rules").body.at("rules").as_array().empty());
}

TEST_F(control, a_lock_holds_until_it_is_taken_off) {
    EXPECT_EQ(ask("POST", "/v1/rules/clear", R"({"lock":true})").status, 200U);
    EXPECT_EQ(ask("POST", "/v1/rules", lose).status, 409U);
    EXPECT_EQ(ask("PATCH", "/v1/mix", R"({"slow":1})").status, 409U);
    EXPECT_EQ(ask("POST", "/v1/rules/unlock", "{}").status, 200U);
    EXPECT_EQ(ask("POST", "/v1/rules", lose).status, 200U);
}

TEST_F(control, errors_name_the_field) {
    const auto answer = ask("POST", "/v1/rules", R"({"format":1,"rules":[{"name":"a","chance":2,"do":"delete"}]})");
    EXPECT_EQ(answer.status, 400U);
    EXPECT_EQ(answer.body.at("error").at("field").as_string(), "rules[0].chance");
    EXPECT_EQ(ask("PATCH", "/v1/mix", R"({"slow":90,"delete":20})").status, 400U);
    EXPECT_EQ(ask("GET", "/v1/ledger?limit=0").status, 400U);
    EXPECT_EQ(ask("GET", "/v1/ledger?lmit=5").status, 400U);
    EXPECT_EQ(ask("GET", "/v1/nowhere").status, 404U);
    EXPECT_EQ(ask("DELETE", "/v1/rules").status, 405U);
    EXPECT_EQ(ask("POST", "/v1/rules", "{").status, 400U);
}

TEST_F(control, no_web_page_can_steer_it) {
    EXPECT_EQ(ask("POST", "/v1/rules", lose, "text/plain").status, 415U);
    EXPECT_EQ(ask("GET", "/v1/rules", "", "", "evil.example:80").status, 421U);
}

TEST_F(control, events_follow_a_change) {
    auto socket = connect();
    const std::string request = "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    boost::asio::write(socket, boost::asio::buffer(request));
    boost::asio::streambuf buffer;
    boost::asio::read_until(socket, buffer, "\r\n\r\n");
    while (!api_.events().anyone()) {
        control_loop_.ask([] {}); // the stream is taken over right behind the answer's head
    }
    ask("POST", "/v1/rules", lose);
    boost::asio::read_until(socket, buffer, "\n\n");
    const std::string seen(boost::asio::buffers_begin(buffer.data()), boost::asio::buffers_end(buffer.data()));
    EXPECT_NE(seen.find(R"("type":"rules")"), std::string::npos) << seen;
}

TEST_F(control, a_thousand_changes_from_four_clients_are_all_in_force_in_turn) {
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
        clients.emplace_back([this, i] {
            for (int n = 0; n < 250; ++n) {
                fault::rule_set one;
                fault::rule rule;
                rule.name = "r" + std::to_string(i);
                rule.limit = n + 1;
                one.rules.push_back(rule);
                EXPECT_TRUE(rules_.apply(one, false));
            }
        });
    }
    for (auto& each : clients) {
        each.join();
    }
    EXPECT_EQ(rules_.look().current->version(), 1000U);
    EXPECT_EQ(data_loop_.ask([&] { return pipeline_.current_plan()->version(); }), 1000U);
}

} // namespace
} // namespace cb::admin
