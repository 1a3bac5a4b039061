// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <thread>

#include <gmock/gmock.h>

#include "moving/store/delivery.hpp"
#include "moving/store/event_log.hpp"
#include "moving/store/idempotency.hpp"
#include "moving/store/inbox.hpp"
#include "moving/store/leases.hpp"
#include "moving/store/marks.hpp"
#include "moving/store/parked.hpp"
#include "moving/store/tests/databases.hpp"
#include "moving/store/transact.hpp"

namespace moving::store::tests {
namespace {

using testing::ElementsAre;

class tables_test : public on_database {
protected:
    void SetUp() override {
        on_database::SetUp();
        if (!IsSkipped()) {
            database_ = std::make_unique<database>(how());
            session_ = std::make_unique<session>(database_->connect());
            ASSERT_EQ(migrate(*session_, delivery_migrations()), std::ssize(delivery_migrations()));
        }
    }
    session& on() { return *session_; }
    std::int64_t append(const std::string& id, std::int64_t created_us, std::string_view instance = "billing-1") {
        return event_log(on()).append({.id = id,
                                       .topic = "account_created",
                                       .key = "k",
                                       .payload = R"({"id":"x"})",
                                       .traceparent = "00-a-b-01",
                                       .created_us = created_us,
                                       .instance = instance});
    }
    static std::vector<std::string> ids(const std::vector<logged_event>& events) {
        std::vector<std::string> out;
        std::transform(events.begin(), events.end(), std::back_inserter(out), [](const auto& each) { return each.id; });
        return out;
    }
    std::unique_ptr<database> database_;
    std::unique_ptr<session> session_;
};
INSTANTIATE_TEST_SUITE_P(all, tables_test, every_product, name_of);

TEST_P(tables_test, the_event_log_is_an_outbox) {
    event_log log(on());
    const auto first = append("e1", 100);
    const auto second = append("e2", 200);
    const auto third = append("e3", 300);
    EXPECT_LT(first, second);
    EXPECT_LT(second, third);
    EXPECT_EQ(log.unsent_count(), 3);
    EXPECT_THAT(ids(log.unsent(300, 10)), ElementsAre("e1", "e2"));
    EXPECT_THAT(ids(log.unsent(1000, 1)), ElementsAre("e1"));
    const auto event = log.unsent(1000, 1).front();
    EXPECT_EQ(event.sequence, first);
    EXPECT_EQ(event.topic, "account_created");
    EXPECT_EQ(event.key, "k");
    EXPECT_EQ(event.payload, R"({"id":"x"})");
    EXPECT_EQ(event.traceparent, "00-a-b-01");
    EXPECT_EQ(event.created_us, 100);
    EXPECT_EQ(event.instance, "billing-1");
    EXPECT_EQ(event.sent_us, std::nullopt);

    log.mark_sent(std::vector<std::int64_t>{first, third}, 777);
    EXPECT_THAT(ids(log.unsent(1000, 10)), ElementsAre("e2"));
    EXPECT_EQ(log.unsent_count(), 1);
    EXPECT_EQ(log.by_ids(std::vector<std::string>{"e1"}).front().sent_us, 777);
}

TEST_P(tables_test, many_are_marked_in_one_go) {
    std::vector<std::int64_t> all;
    ASSERT_TRUE(transact(on(), [&](session&) {
        for (int i = 0; i < 1'203; ++i) {
            all.push_back(append("e" + std::to_string(i), i));
        }
    }));
    event_log log(on());
    for (const std::size_t count : {0U, 1U, 2U, 9U, 65U, 1'126U}) {
        log.mark_sent(std::span(all).first(count), 5);
        all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
        EXPECT_EQ(log.unsent_count(), std::ssize(all));
    }
    EXPECT_TRUE(all.empty());
}

TEST_P(tables_test, events_of_a_dead_instance_are_taken_over_by_one) {
    for (int i = 0; i < 50; ++i) {
        append("e" + std::to_string(i), 100 + i, "dead-1");
    }
    append("young", 5'000, "dead-1");
    event_log log(on());
    EXPECT_THAT(ids(log.claim("billing-2", 10'000, 1'000, 3)), ElementsAre("e0", "e1", "e2"));
    EXPECT_EQ(log.by_ids(std::vector<std::string>{"e1"}).front().instance, "billing-2");

    std::vector<std::string> taken[2];
    const auto sweep = [this](std::vector<std::string>& mine, const char* name) {
        auto session = database_->connect();
        for (;;) {
            const auto got =
                transact(session, [name](store::session& s) { return event_log(s).claim(name, 10'000, 1'000, 5); });
            ASSERT_TRUE(got) << got.error().sentence;
            if (got->empty()) {
                break;
            }
            for (const auto& each : *got) {
                mine.push_back(each.id);
            }
        }
    };
    std::thread other([&] { sweep(taken[1], "billing-4"); });
    sweep(taken[0], "billing-3");
    other.join();
    taken[0].insert(taken[0].end(), taken[1].begin(), taken[1].end());
    std::sort(taken[0].begin(), taken[0].end());
    EXPECT_EQ(std::unique(taken[0].begin(), taken[0].end()), taken[0].end()) << "one was taken twice";
    EXPECT_LE(taken[0].size(), 47U);
    // Who came second to a row went away with less: what is left is taken the next time.
    const auto rest = log.claim("billing-3", 10'000, 1'000, 100);
    EXPECT_EQ(taken[0].size() + rest.size(), 47U);
    EXPECT_THAT(ids(log.claim("billing-5", 20'000, 10'001, 1)), ElementsAre("e0")) << "stuck again: again";
}

TEST_P(tables_test, the_feed_has_pages_and_ends_before_what_is_young) {
    std::vector<std::int64_t> sequences;
    for (int i = 0; i < 5; ++i) {
        sequences.push_back(append("e" + std::to_string(i), 100 * (i + 1)));
    }
    append("late clock", 50);
    event_log log(on());
    const auto first = log.page(0, 2, 450);
    ASSERT_EQ(first.size(), 2U);
    EXPECT_EQ(first[0].id, "e0");
    EXPECT_EQ(first[0].topic, "account_created");
    EXPECT_EQ(first[1].sequence, sequences[1]);
    const auto second = log.page(first[1].sequence, 10, 450);
    ASSERT_EQ(second.size(), 2U) << "nothing that stands behind a young one";
    EXPECT_EQ(second[1].id, "e3");
    EXPECT_EQ(log.page(second[1].sequence, 10, 10'000).size(), 2U);
}

TEST_P(tables_test, the_event_log_finds_by_id_and_forgets_what_is_sent_and_old) {
    std::vector<std::int64_t> sequences;
    for (int i = 0; i < 6; ++i) {
        sequences.push_back(append("e" + std::to_string(i), 100 * i));
    }
    event_log log(on());
    EXPECT_THAT(ids(log.by_ids(std::vector<std::string>{"e4", "nobody", "e1"})), ElementsAre("e1", "e4"));
    EXPECT_TRUE(log.by_ids({}).empty());
    log.mark_sent(std::span(sequences).subspan(1), 1);
    EXPECT_EQ(log.drop_older_than(400, 2), 2);
    EXPECT_EQ(log.drop_older_than(400, 100), 1);
    EXPECT_EQ(log.drop_older_than(400, 100), 0);
    EXPECT_THAT(ids(log.by_ids(std::vector<std::string>{"e0", "e1", "e2", "e3", "e4", "e5"})),
                ElementsAre("e0", "e4", "e5"))
        << "what is not sent stays";
    EXPECT_GT(append("next", 1), sequences.back()) << "a place is never used again";
}

TEST_P(tables_test, a_place_in_the_log_is_never_used_again) {
    const auto last = append("only", 1);
    event_log log(on());
    log.mark_sent(std::vector<std::int64_t>{last}, 2);
    EXPECT_EQ(log.drop_older_than(100, 100), 1);
    EXPECT_GT(append("next", 1), last);
}

TEST_P(tables_test, the_inbox_knows_what_was_there) {
    inbox box(on());
    EXPECT_TRUE(box.add_if_new("a", "account_created", 3, 44, 100));
    EXPECT_FALSE(box.add_if_new("a", "account_created", 3, 45, 200));
    EXPECT_TRUE(box.contains("a"));
    EXPECT_FALSE(box.contains("b"));

    std::vector<std::string> wanted;
    std::vector<std::string> missing;
    for (int i = 0; i < 1'300; ++i) {
        wanted.push_back("id" + std::to_string(i));
        if (i % 7 == 0) {
            missing.push_back(wanted.back());
        }
    }
    ASSERT_TRUE(transact(on(), [&](session& s) {
        for (int i = 0; i < 1'300; ++i) {
            if (i % 7 != 0) {
                inbox(s).add_if_new(wanted[static_cast<std::size_t>(i)], "t", 0, i, 300 + i);
            }
        }
    }));
    EXPECT_EQ(box.missing_of(wanted), missing);
    EXPECT_TRUE(box.missing_of({}).empty());
    EXPECT_EQ(box.drop_older_than(302, 10), 2);
    EXPECT_FALSE(box.contains("a"));
    EXPECT_EQ(box.drop_older_than(100'000, 10), 10);
}

TEST_P(tables_test, two_that_take_the_same_event_have_its_effect_once) {
    std::atomic<int> effects = 0;
    const auto consume = [&](const char* name) {
        auto session = database_->connect();
        for (int i = 0; i < 200; ++i) {
            const auto result = transact(session, [&](store::session& s) {
                if (!inbox(s).add_if_new("event" + std::to_string(i), name, 0, i, 1)) {
                    return 0;
                }
                event_log(s).append({.id = "effect" + std::to_string(i), .topic = name, .payload = "{}"});
                return 1;
            });
            ASSERT_TRUE(result) << result.error().sentence;
            effects += *result;
        }
    };
    std::thread other([&] { consume("b"); });
    consume("a");
    other.join();
    EXPECT_EQ(effects, 200);
    EXPECT_EQ(event_log(on()).unsent_count(), 200);
}

TEST_P(tables_test, parked_events_come_back_when_they_are_due) {
    parked waiting(on());
    const parked_event one{"e1", "announcement_matched", 2, 17, "key", R"({"a":1})", "00-a-b-01", 1,
                           500,  "no account yet"};
    EXPECT_TRUE(waiting.put(one));
    EXPECT_FALSE(waiting.put(one)) << "it came again";
    EXPECT_TRUE(waiting.put({"e2", "t", 0, 0, "", "{}", "", 1, 400, ""}));
    EXPECT_EQ(waiting.count(), 2);
    EXPECT_TRUE(waiting.due(399, 10).empty());
    ASSERT_EQ(waiting.due(500, 10).size(), 2U);
    EXPECT_EQ(waiting.due(500, 1).front().id, "e2");
    const auto found = waiting.due(500, 10).back();
    EXPECT_EQ(found.id, "e1");
    EXPECT_EQ(found.topic, one.topic);
    EXPECT_EQ(found.partition, 2);
    EXPECT_EQ(found.offset, 17);
    EXPECT_EQ(found.key, "key");
    EXPECT_EQ(found.payload, one.payload);
    EXPECT_EQ(found.traceparent, one.traceparent);
    EXPECT_EQ(found.reason, "no account yet");

    waiting.postpone("e1", 900, "still none");
    EXPECT_EQ(waiting.due(899, 10).size(), 1U);
    const auto later = waiting.due(900, 10).back();
    EXPECT_EQ(later.attempts, 2);
    EXPECT_EQ(later.reason, "still none");
    EXPECT_TRUE(waiting.remove("e1"));
    EXPECT_FALSE(waiting.remove("e1"));
    EXPECT_EQ(waiting.count(), 1);
}

TEST_P(tables_test, an_answer_is_kept_for_its_request) {
    idempotency answers(on());
    const request_identity request{"key-1", "POST", "/goods"};
    EXPECT_FALSE(answers.find(request));
    answers.put(request, {"hash", 201, "application/json", R"({"id":"x"})", 100});
    const auto found = answers.find(request);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->request_hash, "hash");
    EXPECT_EQ(found->status, 201);
    EXPECT_EQ(found->content_type, "application/json");
    EXPECT_EQ(found->body, R"({"id":"x"})");
    EXPECT_EQ(found->created_us, 100);
    EXPECT_FALSE(answers.find({"key-1", "POST", "/courses"}));
    EXPECT_FALSE(answers.find({"key-2", "POST", "/goods"}));
    answers.put({"key-2", "POST", "/goods"}, {"hash", 201, "", "", 300});
    EXPECT_EQ(answers.drop_older_than(300, 10), 1);
    EXPECT_FALSE(answers.find(request));
}

TEST_P(tables_test, the_same_request_twice_at_once_has_one_effect) {
    std::atomic<int> effects = 0;
    const auto handle = [&](const char* who) {
        auto session = database_->connect();
        for (int i = 0; i < 100; ++i) {
            const auto key = "key" + std::to_string(i);
            const request_identity request{key, "POST", "/goods"};
            const auto result = transact(session, [&](store::session& s) {
                if (const auto known = idempotency(s).find(request)) {
                    return known->body;
                }
                event_log(s).append({.id = key, .topic = who, .payload = "{}"});
                idempotency(s).put(request, {"hash", 201, "", who, 1});
                return std::string(who);
            });
            ASSERT_TRUE(result) << result.error().sentence;
            effects += *result == who ? 1 : 0;
        }
    };
    std::thread other([&] { handle("b"); });
    handle("a");
    other.join();
    EXPECT_EQ(effects, 100);
    EXPECT_EQ(event_log(on()).unsent_count(), 100);
}

TEST_P(tables_test, a_lease_has_one_holder) {
    leases all(on());
    EXPECT_TRUE(all.take_or_renew("reconciler", "a", 1'000, 500));
    EXPECT_FALSE(all.take_or_renew("reconciler", "b", 1'499, 500));
    EXPECT_TRUE(all.take_or_renew("reconciler", "a", 1'499, 500));
    EXPECT_FALSE(all.take_or_renew("reconciler", "b", 1'998, 500));
    EXPECT_TRUE(all.take_or_renew("retention", "b", 1'998, 500)) << "another name";
    EXPECT_TRUE(all.take_or_renew("reconciler", "b", 1'999, 500));
    all.release("reconciler", "a");
    EXPECT_FALSE(all.take_or_renew("reconciler", "a", 2'000, 500)) << "it was not a's to give back";
    all.release("reconciler", "b");
    EXPECT_TRUE(all.take_or_renew("reconciler", "a", 2'000, 500));
}

TEST_P(tables_test, marks_are_remembered) {
    marks all(on());
    EXPECT_EQ(all.get("feed of accounting"), std::nullopt);
    all.set("feed of accounting", 5);
    all.set("feed of accounting", 1'234'567'890'123);
    all.set("feed of billing", -1);
    EXPECT_EQ(all.get("feed of accounting"), 1'234'567'890'123);
    EXPECT_EQ(all.get("feed of billing"), -1);
}

} // namespace
} // namespace moving::store::tests
