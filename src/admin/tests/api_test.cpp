// SPDX-License-Identifier: Apache-2.0
// The control API over real HTTP, with a data loop on its own thread as in the program.
#include "admin/api.hpp"
#include "admin/lease_timer.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include <boost/asio/connect.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "backend/backend.hpp"
#include "base/limits.hpp"
#include "broker/topics.hpp"

namespace cb::admin {
namespace {

namespace http = boost::beast::http;
namespace json = boost::json;

struct reply {
    unsigned status = 0;
    json::value body;
    std::string text;
    std::string etag;
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
              const std::string& type = "application/json", const std::string& host = "127.0.0.1:1",
              const std::string& if_match = {}) {
        auto socket = connect();
        http::request<http::string_body> request;
        request.method_string(method);
        request.target(path);
        request.version(11);
        request.set(http::field::host, host);
        if (!if_match.empty()) {
            request.set(http::field::if_match, if_match);
        }
        if (!body.empty()) {
            request.set(http::field::content_type, type);
            request.body() = body;
        }
        request.prepare_payload();
        http::write(socket, request);
        boost::beast::flat_buffer buffer;
        http::response<http::string_body> response;
        http::read(socket, buffer, response);
        reply out{response.result_int(), nullptr, response.body(), response[http::field::etag]};
        if (response[http::field::content_type].starts_with("application/json")) {
            out.body = json::parse(out.text);
        }
        return out;
    }

    /// Time goes on, and the control loop's timer does what is due.
    void wait(nanoseconds time) {
        control_loop_.ask([&] {
            data_loop_.ask([&] { clock_.advance(time); });
            api_.end_leases_due();
        });
    }

    manual_clock clock_;
    silent_log log_;
    net::event_loop data_loop_;
    net::event_loop control_loop_;
    broker::node node_{{}, clock_, random_source(1), log_};
    backend::embedded_backend backend_{node_};
    fault::ledger ledger_{1000, clock_};
    proxy::fault_pipeline pipeline_{backend_, clock_, ledger_, fault::key_form::full, log_, 1};
    proxy::gateway gateway_{data_loop_, pipeline_, log_, 100};
    fault::rule_book rules_{1, clock_,
                            [this](std::shared_ptr<const fault::plan> next) { pipeline_.publish(std::move(next)); }};
    api api_{{data_loop_, rules_, ledger_, pipeline_, gateway_, node_, log_, clock_, "test"}};
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
            if (const auto at = target.find("{id}"); at != std::string::npos) {
                const auto lease = ask("POST", "/v1/rules?lease=15s", lose).body.at("lease");
                target.replace(at, 4, lease.as_string().c_str());
            }
            std::string verb(method);
            std::transform(verb.begin(), verb.end(), verb.begin(), [](unsigned char c) { return std::toupper(c); });
            const auto body = path == "/v1/rules" || path == "/v1/dry-run" ? lose
                              : path == "/v1/mix"                          ? R"({"slow": 1})"
                              : verb == "PUT"                              ? R"({"name":"lose","do":"delete"})"
                              : path == "/v1/rules/{name}"                 ? R"({"enabled":false})"
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
            if (listed.contains("412")) {
                const auto late = ask(verb, target, body, "application/json", "127.0.0.1:1", "\"old\"");
                EXPECT_EQ(late.status, 412U) << verb << " " << target;
            }
            ++driven;
        }
    }
    EXPECT_GE(driven, 22U);
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

TEST_F(control, a_change_that_was_overtaken_is_refused) {
    const auto read = ask("GET", "/v1/rules");
    ASSERT_FALSE(read.etag.empty());
    const auto mine = ask("PUT", "/v1/rules", lose, "application/json", "127.0.0.1:1", read.etag);
    EXPECT_EQ(mine.status, 200U);
    EXPECT_EQ(mine.etag, ask("GET", "/v1/rules").etag) << "who changes them need not read them to go on";
    const std::string none = R"({"format":1,"rules":[]})";
    const auto late = ask("PUT", "/v1/rules", none, "application/json", "127.0.0.1:1", read.etag);
    EXPECT_EQ(late.status, 412U);
    EXPECT_EQ(late.body.at("error").at("code").as_string(), "rules_changed");
    EXPECT_EQ(ask("GET", "/v1/rules/lose").status, 200U) << "nothing was replaced";
    EXPECT_EQ(ask("PUT", "/v1/rules", none, "application/json", "127.0.0.1:1", "W/" + mine.etag).status, 412U);
    EXPECT_EQ(ask("PUT", "/v1/rules", none, "application/json", "127.0.0.1:1", "\"x\", " + mine.etag).status, 200U);
    EXPECT_EQ(ask("PUT", "/v1/rules", lose, "application/json", "127.0.0.1:1", "*").status, 200U);
    EXPECT_EQ(ask("PATCH", "/v1/mix", "{}", "application/json", "127.0.0.1:1", "*").status, 400U)
        << "a condition that is not looked at must not pass in silence";
}

TEST_F(control, rules_under_a_lease_go_when_nobody_renews_it) {
    ask("POST", "/v1/rules", R"({"format":1,"rules":[{"name":"stays","do":"delete"}]})");
    const auto made = ask("POST", "/v1/rules?lease=15s", lose);
    ASSERT_EQ(made.status, 200U) << made.text;
    const auto path = "/v1/leases/" + std::string(made.body.at("lease").as_string());
    wait(std::chrono::seconds(14));
    EXPECT_EQ(ask("POST", path, "{}").body.at("left_ms").as_int64(), 15'000);
    wait(std::chrono::seconds(14));
    EXPECT_EQ(ask("GET", "/v1/leases").body.at("leases").as_array().size(), 1U);
    EXPECT_EQ(ask("GET", "/v1/rules/lose").status, 200U);
    wait(std::chrono::seconds(1));
    EXPECT_EQ(ask("GET", "/v1/rules/lose").status, 404U);
    EXPECT_EQ(data_loop_.ask([&] { return pipeline_.current_plan()->rules().size(); }), 1U) << "in force at once";
    EXPECT_EQ(ask("POST", path, "{}").status, 404U);
    EXPECT_TRUE(ask("GET", "/v1/leases").body.at("leases").as_array().empty());
    for (const auto* wrong : {"0s", "x", "25h", "15"}) {
        EXPECT_EQ(ask("PUT", std::string("/v1/rules?lease=") + wrong, lose).status, 400U) << wrong;
    }
}

TEST(lease_timer, ends_what_is_due_and_waits_for_the_next) {
    net::event_loop loop;
    int left = 2;
    std::promise<void> both;
    const auto next_end = [&] { return left > 0 ? std::optional(mono_time(nanoseconds(1))) : std::nullopt; };
    const auto end_due = [&] {
        if (--left == 0) {
            both.set_value();
        }
    };
    lease_timer timer(loop, next_end, end_due);
    loop.start();
    loop.post([&] { timer.rearm(); });
    EXPECT_EQ(both.get_future().wait_for(std::chrono::minutes(1)), std::future_status::ready);
    loop.stop();
    loop.join();
}

TEST_F(control, a_seed_is_changed_by_who_names_one_and_the_answer_says_so) {
    EXPECT_FALSE(ask("POST", "/v1/rules", lose).body.as_object().contains("seed"));
    const auto named = ask("PUT", "/v1/rules", R"({"format":1,"seed":9,"rules":[]})");
    EXPECT_EQ(named.body.at("seed").to_number<int>(), 9);
    ask("PUT", "/v1/rules", lose);
    EXPECT_EQ(ask("GET", "/v1/status").body.at("seed").to_number<int>(), 9);
}

TEST_F(control, a_dry_run_says_what_would_be_hit_and_hits_nothing) {
    data_loop_.ask([&] {
        auto& orders = node_.topic_table().create("orders", 2, {});
        node_.topic_table().create("other", 1, {});
        for (int i = 0; i < 200; ++i) {
            record::batch_builder builder(record::batch_options{});
            for (int n = 0; n < 10; ++n) {
                record::record_view each;
                each.offset_delta = n;
                const std::string key = n % 2 == 0 ? "even" : "odd";
                each.key = wire::as_bytes(key);
                each.value = wire::as_bytes("secret");
                builder.add(each);
            }
            ASSERT_TRUE(orders.partitions[0]->log.append(builder.build()->view(), std::nullopt));
        }
    });
    ask("POST", "/v1/rules", lose);
    const std::string rules = R"({"format":1,"rules":[
        {"name":"half","where":{"topic":"ord*","key":"even","client_id":"x"},"chance":"50%","do":"delete"},
        {"name":"few","where":{"topic":"orders"},"first":3,"do":"delete"},
        {"name":"none","where":{"topic":"other"},"do":"delete"},
        {"name":"asks","intercept":"request","where":{"api":"Produce"},"do":"disconnect"}]})";
    const auto answer = ask("POST", "/v1/dry-run?limit=500", rules);
    ASSERT_EQ(answer.status, 200U) << answer.text;
    EXPECT_EQ(answer.body.at("messages").to_number<int>(), 500);
    EXPECT_TRUE(answer.body.at("complete").as_bool());
    const auto& rows = answer.body.at("rules").as_array();
    EXPECT_EQ(rows.at(0).at("matched").to_number<int>(), 250);
    EXPECT_NEAR(rows.at(0).at("injected").to_number<double>(), 125, 5 * std::sqrt(250 * 0.25)) << "five sigma";
    EXPECT_EQ(rows.at(0).at("draws").as_string(), "estimated");
    EXPECT_EQ(rows.at(0).at("taken_as_fitting").at(0).as_string(), "client_id");
    EXPECT_EQ(rows.at(0).at("examples").as_array().size(), limits::dry_run_examples);
    EXPECT_EQ(rows.at(0).at("examples").at(0).at("topic").as_string(), "orders");
    EXPECT_GE(rows.at(0).at("examples").at(0).at("offset").to_number<int>(), 1500) << "of the tail";
    EXPECT_EQ(rows.at(1).at("injected").to_number<int>(), 3);
    EXPECT_EQ(rows.at(2).at("matched").to_number<int>(), 0);
    EXPECT_FALSE(rows.at(3).at("judged").as_bool());
    EXPECT_EQ(answer.text.find("secret"), std::string::npos) << "values never";
    EXPECT_EQ(answer.text, ask("POST", "/v1/dry-run?limit=500", rules).text) << "it leaves no trace";
    EXPECT_EQ(ask("GET", "/v1/rules/lose").body.at("counters").at("matched").to_number<int>(), 0);
    EXPECT_EQ(ask("GET", "/v1/ledger").body.at("last_sequence").to_number<int>(), 0);
    EXPECT_EQ(ask("GET", "/v1/rules").body.at("version").to_number<int>(), 1);
    EXPECT_EQ(ask("POST", "/v1/dry-run", rules).body.at("messages").to_number<int>(), 1000) << "1000 a partition";
    EXPECT_EQ(ask("POST", "/v1/dry-run?limit=10001", rules).status, 400U);
    EXPECT_EQ(ask("POST", "/v1/dry-run", R"({"format":1,"rules":[{"name":"a","do":"explode"}]})").status, 400U);
}

TEST_F(control, lists_come_page_by_page) {
    data_loop_.ask([&] {
        for (const auto* name : {"a", "b", "c", "d", "e"}) {
            node_.topic_table().create(name, 1, {});
        }
    });
    ask("POST", "/v1/rules", R"({"format":1,"rules":[{"name":"z","do":"delete"},{"name":"y","do":"delete"},
                                                     {"name":"x","do":"delete"}]})");
    const auto walk = [&](const std::string& path, const std::string& list, const char* key) {
        std::string seen;
        std::string next;
        do {
            const auto answer = ask("GET", path + "?limit=2" + (next.empty() ? "" : "&after=" + next));
            EXPECT_EQ(answer.status, 200U);
            EXPECT_LE(answer.body.at(list).as_array().size(), 2U);
            for (const auto& row : answer.body.at(list).as_array()) {
                seen += row.at(key).as_string().c_str();
            }
            const auto* more = answer.body.as_object().if_contains("next");
            next = more == nullptr ? "" : std::string(more->as_string());
        } while (!next.empty() && seen.size() < 100);
        return seen;
    };
    EXPECT_EQ(walk("/v1/topics", "topics", "name"), "abcde");
    EXPECT_EQ(walk("/v1/rules", "rules", "name"), "zyx") << "in the order in which they act";
    EXPECT_EQ(ask("GET", "/v1/topics").body.as_object().if_contains("next"), nullptr);
    for (const auto* path : {"/v1/topics", "/v1/groups", "/v1/connections", "/v1/rules"}) {
        EXPECT_EQ(ask("GET", path + std::string("?limit=0")).body.at("error").at("field").as_string(), "limit") << path;
    }
    EXPECT_EQ(ask("GET", "/v1/connections?after=x").status, 400U);
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

/// What a client of events sees, kept.
class kept_events final : public event_stream {
public:
    bool send(const std::string& data) override {
        seen.push_back(data);
        return true;
    }
    std::vector<std::string> seen;
};

TEST_F(control, events_begin_where_the_client_left_off_and_hold_the_rule_that_it_wants) {
    data_loop_.ask([&] {
        ledger_.set_sink([&](const fault::ledger_entry& entry) {
            api_.events().send(ledger_event(entry), entry.rule);
            return true;
        });
        for (const auto* rule : {"a", "b", "a", "b"}) {
            fault::ledger_entry entry;
            entry.rule = rule;
            ledger_.open(entry);
        }
    });
    const auto stream = std::make_shared<kept_events>();
    http_request request;
    request.query = {{"since", "2"}, {"rule", "a"}};
    const auto routes = api_.routes();
    const auto events = std::find_if(routes.begin(), routes.end(), [](const auto& each) { return each.stream; });
    events->stream(request, stream);
    data_loop_.ask([&] {
        ledger_.close(ledger_sequence(3), fault::entry_state::done);
        ledger_.close(ledger_sequence(4), fault::entry_state::done);
    });
    ASSERT_EQ(stream->seen.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        const auto entry = json::parse(stream->seen[i]).at("entry");
        EXPECT_EQ(entry.at("sequence").to_number<int>(), 3);
        EXPECT_EQ(entry.at("state").as_string(), i == 0 ? "open" : "done");
    }
    ask("POST", "/v1/rules", lose);
    EXPECT_EQ(stream->seen.size(), 3U) << "changes of rules are told to everybody";
    EXPECT_EQ(ask("GET", "/v1/events?since=yesterday").status, 400U);
    EXPECT_EQ(ask("GET", "/v1/ledger?since=yesterday").status, 400U);
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
