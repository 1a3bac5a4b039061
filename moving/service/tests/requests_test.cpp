// SPDX-License-Identifier: Apache-2.0
// What a writing route is wrapped in: one unit of work, once for each key.
#include <thread>

#include "moving/service/tests/counting_service.hpp"

namespace moving::service::tests {
namespace {

using boost::json::object;

service_at_work::headers key(const std::string& text) { return {{"Idempotency-Key", text}}; }

TEST(requests, an_effect_and_its_event_are_one) {
    counting_service service;
    EXPECT_EQ(service.post("/numbers", object{{"value", 7}}).status, 201);
    EXPECT_EQ(service.counted(), 1);
    EXPECT_EQ(service.told("added").size(), 1U);
}

TEST(requests, what_fails_leaves_nothing_and_tells_nothing) {
    counting_service service;
    EXPECT_EQ(service.post("/numbers", object{{"value", 1'000}}).status, 503);
    EXPECT_EQ(service.post("/numbers", object{{"value", 2'000}}).status, 500);
    EXPECT_EQ(service.counted(), 0);
    EXPECT_TRUE(service.told("added").empty());
    EXPECT_EQ(service.post("/numbers", object{{"value", 7}}).status, 201); // and harms nobody after it
}

TEST(requests, a_naive_service_keeps_what_it_saved_before_it_failed) {
    counting_service service(delivery::naive);
    EXPECT_EQ(service.post("/numbers", object{{"value", 1'000}}).status, 503);
    EXPECT_EQ(service.counted(), 1);
}

TEST(requests, the_same_key_has_the_same_answer_and_no_effect) {
    counting_service service;
    const auto first = service.post("/numbers", object{{"value", 7}}, key("k"));
    const auto again = service.post("/numbers", object{{"value", 7}}, key("k"));
    EXPECT_EQ(first.status, 201);
    EXPECT_EQ(again.status, 201);
    EXPECT_EQ(again.body, first.body);
    EXPECT_FALSE(first.header("Idempotent-Replay").has_value());
    EXPECT_EQ(again.header("Idempotent-Replay"), "true");
    EXPECT_EQ(service.counted(), 1);
    EXPECT_EQ(service.told("added").size(), 1U);
    EXPECT_EQ(service.post("/numbers", object{{"value", 7}}, key("other")).status, 201);
    EXPECT_EQ(service.counted(), 2);
}

TEST(requests, the_same_key_for_another_body_is_a_mistake) {
    counting_service service;
    service.post("/numbers", object{{"value", 7}}, key("k"));
    EXPECT_EQ(service.post("/numbers", object{{"value", 8}}, key("k")).status, 422);
    EXPECT_EQ(service.counted(), 1);
}

TEST(requests, a_refusal_is_an_answer_that_stays_a_failure_is_not) {
    counting_service service;
    EXPECT_EQ(service.post("/numbers", object{{"value", 0}}, key("k")).status, 409);
    EXPECT_EQ(service.post("/numbers", object{{"value", 0}}, key("k")).header("Idempotent-Replay"), "true");
    EXPECT_EQ(service.post("/numbers", object{{"value", 1'000}}, key("failing")).status, 503);
    EXPECT_EQ(service.post("/numbers", object{{"value", 7}}, key("failing")).status, 201);
}

TEST(requests, a_key_has_one_to_128_characters) {
    counting_service service;
    EXPECT_EQ(service.post("/numbers", object{{"value", 7}}, key("")).status, 400);
    EXPECT_EQ(service.post("/numbers", object{{"value", 7}}, key(std::string(129, 'k'))).status, 400);
    EXPECT_EQ(service.post("/numbers", object{{"value", 7}}, key(std::string(128, 'k'))).status, 201);
    EXPECT_EQ(service.counted(), 1);
}

TEST(requests, the_same_key_at_once_has_one_effect) {
    counting_service service;
    constexpr int rounds = 20;
    const auto& found = service.routes().routes().front();
    for (int round = 0; round < rounds; ++round) {
        std::vector<std::string> bodies(4);
        std::vector<std::thread> clients;
        for (auto& body : bodies) {
            clients.emplace_back([&] {
                desk place(service.of(), service.all_of_it(), way_to_nowhere::sender(), service.lines());
                http::request asked;
                asked.set_method(http::verb::post);
                asked.set_target("/numbers");
                asked.add_header("Idempotency-Key", "round " + std::to_string(round));
                asked.set_json(object{{"value", 7}});
                body = http::run_handler(found, asked, place).body;
            });
        }
        for (auto& each : clients) {
            each.join();
        }
        for (const auto& body : bodies) {
            EXPECT_EQ(body, bodies.front());
        }
    }
    EXPECT_EQ(service.counted(), rounds);
    EXPECT_EQ(service.told("added").size(), static_cast<std::size_t>(rounds));
}

} // namespace
} // namespace moving::service::tests
