// SPDX-License-Identifier: Apache-2.0
#include "moving/store/migrations.hpp"

#include <gmock/gmock.h>

#include "moving/store/delivery.hpp"
#include "moving/store/tests/databases.hpp"
#include "moving/store/transact.hpp"

namespace moving::store::tests {
namespace {

using testing::HasSubstr;

class migrations_test : public on_database {};
INSTANTIATE_TEST_SUITE_P(all, migrations_test, every_product, name_of);

std::vector<migration> steps_of_a_service() {
    return {{100,
             "goods",
             {"CREATE TABLE goods (id SEQUENCE_KEY, name TEXT NOT NULL)", "INSERT INTO goods (name) VALUES ('sofa')"}},
            {101, "weight", {"ALTER TABLE goods ADD COLUMN weight BIGINT NOT NULL DEFAULT 1"}}};
}

TEST_P(migrations_test, are_done_once_and_a_list_may_grow_in_the_middle) {
    database one(how());
    auto session = one.connect();
    EXPECT_EQ(migrate(session, steps_of_a_service()), 2);
    EXPECT_EQ(migrate(session, steps_of_a_service()), 0);
    auto more = delivery_migrations();
    const auto known = more.size();
    const auto own = steps_of_a_service();
    more.insert(more.begin(), own.begin(), own.end());
    EXPECT_EQ(migrate(session, more), static_cast<int>(known));
    const auto found = session.one("SELECT id, name, weight FROM goods");
    EXPECT_EQ(found->integer(0), 1);
    EXPECT_EQ(found->text(1), "sofa");
    EXPECT_EQ(found->integer(2), 1);
    EXPECT_EQ(session.one("SELECT COUNT(*) FROM schema_version")->integer(0), static_cast<int>(known) + 2);
}

TEST_P(migrations_test, a_step_that_fails_leaves_nothing_of_itself) {
    database one(how());
    auto session = one.connect();
    auto steps = steps_of_a_service();
    steps.push_back({102, "wrong", {"CREATE TABLE half (id BIGINT)", "INSERT INTO half (nothing) VALUES (1)"}});
    const auto result = migrate(session, steps);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().sentence, HasSubstr("schema version 102 (wrong)"));
    EXPECT_EQ(session.one("SELECT MAX(version) FROM schema_version")->integer(0), 101);
    steps.back().statements.pop_back();
    EXPECT_EQ(migrate(session, steps), 1);
}

TEST_P(migrations_test, a_database_that_is_newer_is_refused) {
    database one(how());
    auto session = one.connect();
    ASSERT_TRUE(migrate(session, steps_of_a_service()));
    auto older = steps_of_a_service();
    older.pop_back();
    const auto result = migrate(session, older);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, trouble_kind::refused);
    EXPECT_EQ(result.error().sentence,
              "the database has schema version 101, which this program does not know: use the newer program");
}

TEST_P(migrations_test, by_several_processes_at_once) {
    std::vector<std::unique_ptr<forked>> all;
    for (int i = 0; i < 4; ++i) {
        all.push_back(std::make_unique<forked>([this](int) {
            database mine(how());
            auto session = mine.connect();
            auto steps = delivery_migrations();
            for (auto& each : steps_of_a_service()) {
                steps.push_back(each);
            }
            if (const auto result = migrate(session, steps); !result) {
                throw std::runtime_error(result.error().sentence);
            }
        }));
    }
    for (auto& each : all) {
        EXPECT_TRUE(each->wait());
    }
    database one(how());
    auto session = one.connect();
    EXPECT_EQ(session.one("SELECT COUNT(*) FROM goods")->integer(0), 1);
    EXPECT_EQ(session.one("SELECT COUNT(*) FROM schema_version")->integer(0), 2 + std::ssize(delivery_migrations()));
}

} // namespace
} // namespace moving::store::tests
