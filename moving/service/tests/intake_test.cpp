// SPDX-License-Identifier: Apache-2.0
#include "moving/service/intake.hpp"

#include "moving/service/tests/counting_service.hpp"
#include "moving/text/limits.hpp"

namespace moving::service::tests {
namespace {

std::string add(std::int64_t value, const std::string& id = text::new_id()) {
    return service_at_work::event("add", {{"value", value}}, "key", id);
}

TEST(intake, gives_an_event_its_effect) {
    counting_service service;
    const auto became = service.take("numbers", add(7));
    EXPECT_STREQ(became.what, "taken");
    EXPECT_EQ(became.topic, "numbers");
    EXPECT_EQ(became.partition, 3);
    EXPECT_EQ(became.offset, 7);
    EXPECT_EQ(service.counted(), 1);
    EXPECT_EQ(service.told("added").size(), 1U);
}

TEST(intake, gives_an_event_its_effect_once) {
    counting_service service;
    const auto bytes = add(7);
    service.take("numbers", bytes);
    EXPECT_STREQ(service.take("numbers", bytes).what, "twice");
    EXPECT_EQ(service.counted(), 1);
    EXPECT_TRUE(service.letters().empty());
}

TEST(intake, what_was_changed_is_a_dead_letter_with_its_reason_and_its_bytes) {
    counting_service service;
    auto bytes = add(7);
    bytes.replace(bytes.find("\"value\":7"), 9, "\"value\":8");
    const auto became = service.take("numbers", bytes);
    EXPECT_STREQ(became.what, "dead");
    EXPECT_EQ(service.counted(), 0);
    const auto letters = service.letters();
    ASSERT_EQ(letters.size(), 1U);
    EXPECT_NE(letters[0].at("reason").as_string().find("digest"), std::string::npos);
    EXPECT_EQ(letters[0].at("original").as_string(), bytes);
    EXPECT_EQ(letters[0].at("topic").as_string(), "numbers");
    EXPECT_EQ(letters[0].at("partition").as_int64(), 3);
    EXPECT_EQ(letters[0].at("offset").as_int64(), 7);
    EXPECT_EQ(letters[0].at("service").as_string(), "counting");
}

TEST(intake, the_right_event_still_has_its_effect_after_a_changed_copy) {
    counting_service service;
    const auto bytes = add(7);
    auto changed = bytes;
    changed.replace(changed.find("\"value\":7"), 9, "\"value\":8");
    service.take("numbers", changed);
    EXPECT_STREQ(service.take("numbers", bytes).what, "taken");
    EXPECT_EQ(service.number("SELECT value FROM counted"), 7);
}

TEST(intake, what_is_no_json_is_buried_as_base64) {
    counting_service service;
    EXPECT_STREQ(service.take("numbers", std::string_view("\xff\x00", 2)).what, "dead");
    ASSERT_EQ(service.letters().size(), 1U);
    EXPECT_EQ(service.letters()[0].at("original_base64").as_string(), "/wA=");
}

TEST(intake, data_of_another_shape_is_a_dead_letter) {
    counting_service service;
    EXPECT_STREQ(service.take("numbers", "add", {{"value", "seven"}}).what, "dead");
    EXPECT_STREQ(service.take("numbers", "add", {{"value", 7}, {"more", 1}}).what, "dead");
    EXPECT_STREQ(service.take("numbers", "add", {}).what, "dead");
    EXPECT_EQ(service.letters().size(), 3U);
    EXPECT_EQ(service.counted(), 0);
}

TEST(intake, a_type_that_is_not_taken_is_ignored) {
    counting_service service;
    EXPECT_STREQ(service.take("numbers", "subtract", {{"value", 7}}).what, "ignored");
    EXPECT_STREQ(service.take("letters", "add", {{"value", 7}}).what, "ignored");
    EXPECT_EQ(service.counted(), 0);
    EXPECT_TRUE(service.letters().empty());
}

TEST(intake, poison_is_a_dead_letter_and_known_when_it_comes_again) {
    counting_service service;
    const auto bytes = add(0);
    EXPECT_STREQ(service.take("numbers", bytes).what, "dead");
    EXPECT_STREQ(service.take("numbers", bytes).what, "twice");
    ASSERT_EQ(service.letters().size(), 1U);
    EXPECT_EQ(service.letters()[0].at("reason").as_string(), "nothing is no number");
}

TEST(intake, a_handler_that_fails_takes_all_back) {
    counting_service service;
    EXPECT_THROW(service.take("numbers", add(1'000)), std::runtime_error);
    EXPECT_EQ(service.counted(), 0);
    EXPECT_TRUE(service.told("added").empty());
    EXPECT_EQ(service.number("SELECT COUNT(*) FROM inbox"), 0);
}

TEST(intake, buries_what_makes_its_handler_fail) {
    counting_service service;
    const auto bytes = add(1'000);
    std::vector<outgoing> told;
    const auto became = service.into().bury(service.db(), {"numbers", 3, 7, bytes}, "it fails", told);
    EXPECT_STREQ(became.what, "dead");
    EXPECT_EQ(told.size(), 1U);
    EXPECT_EQ(service.letters().at(0).at("reason").as_string(), "it fails");
}

TEST(intake, what_is_not_possible_yet_is_parked_and_tried_again) {
    counting_service service;
    const auto bytes = add(-5);
    EXPECT_STREQ(service.take("numbers", bytes).what, "parked");
    EXPECT_STREQ(service.take("numbers", bytes).what, "twice");
    EXPECT_EQ(service.parked(), 1);
    service.into().retry(service.db(), 100, [](std::vector<outgoing>&&) {}); // not due
    EXPECT_EQ(service.number("SELECT attempts FROM parked"), 1);
    const auto before = text::now_us();
    service.retry_now();
    EXPECT_EQ(service.number("SELECT attempts FROM parked"), 2);
    EXPECT_GT(service.number("SELECT due_us FROM parked"), before + limits::first_retry_us); // later each time
}

TEST(intake, what_is_parked_has_its_effect_when_its_time_has_come) {
    counting_service service;
    service.take("numbers", add(-5));
    // What it needed has come: here the event itself says so.
    service.db().execute("UPDATE parked SET payload = :payload", {add(5)});
    service.retry_now();
    EXPECT_EQ(service.parked(), 0);
    EXPECT_EQ(service.counted(), 1);
    EXPECT_EQ(service.sent, 1U);
    service.retry_now();
    EXPECT_EQ(service.counted(), 1);
}

TEST(intake, what_is_never_possible_is_a_dead_letter_after_the_last_attempt) {
    counting_service service;
    service.take("numbers", add(-5));
    for (std::int64_t tries = 1; tries < limits::attempts_max; ++tries) {
        service.retry_now();
        ASSERT_EQ(service.parked(), 1) << tries;
    }
    service.retry_now();
    EXPECT_EQ(service.parked(), 0);
    ASSERT_EQ(service.letters().size(), 1U);
    EXPECT_EQ(service.letters()[0].at("reason").as_string(), "its time has not come");
}

TEST(naive_intake, has_no_memory_and_checks_no_digest) {
    counting_service service(delivery::naive);
    auto bytes = add(7);
    service.take("numbers", bytes);
    service.take("numbers", bytes);
    EXPECT_EQ(service.counted(), 2);
    bytes.replace(bytes.find("\"value\":7"), 9, "\"value\":8");
    EXPECT_STREQ(service.take("numbers", bytes).what, "taken");
    EXPECT_EQ(service.number("SELECT COUNT(*) FROM counted WHERE value = 8"), 1);
}

TEST(naive_intake, drops_what_it_cannot_use_and_keeps_halves) {
    counting_service service(delivery::naive);
    EXPECT_STREQ(service.take("numbers", "no JSON").what, "dropped");
    EXPECT_STREQ(service.take("numbers", add(0)).what, "dropped");
    EXPECT_STREQ(service.take("numbers", add(-5)).what, "dropped");
    EXPECT_STREQ(service.take("numbers", "add", {{"value", "seven"}}).what, "dropped");
    EXPECT_STREQ(service.take("numbers", add(1'000)).what, "dropped");
    EXPECT_EQ(service.counted(), 1); // what was saved before the handler failed stays
    EXPECT_EQ(service.parked(), 0);
    EXPECT_TRUE(service.letters().empty());
}

} // namespace
} // namespace moving::service::tests
