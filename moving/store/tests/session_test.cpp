// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include <gmock/gmock.h>

#include "moving/store/tests/databases.hpp"
#include "moving/store/transact.hpp"

namespace moving::store::tests {
namespace {

using testing::HasSubstr;

class session_test : public on_database {
protected:
    void SetUp() override {
        on_database::SetUp();
        if (!IsSkipped()) {
            database_ = std::make_unique<database>(how());
            session_ = std::make_unique<session>(database_->connect());
            session_->run_once("CREATE TABLE things (id BIGINT NOT NULL PRIMARY KEY, name TEXT, size BIGINT)");
        }
    }
    session& on() { return *session_; }
    trouble trouble_of(const std::function<void()>& work) {
        try {
            work();
        } catch (const failure& why) {
            return why.trouble();
        }
        ADD_FAILURE() << "no trouble";
        return {};
    }
    std::unique_ptr<database> database_;
    std::unique_ptr<session> session_;
};
INSTANTIATE_TEST_SUITE_P(all, session_test, every_product, name_of);

TEST_P(session_test, values_come_back_as_they_went) {
    const std::string texts[] = {"",
                                 "plain",
                                 "it's \"quoted\" \\ :name $1 ? %s",
                                 "żółć 漢字 🚚 \u200b",
                                 "line\nline\ttab\r\x01",
                                 std::string(1 << 20, 'x') + "end"};
    std::int64_t id = 0;
    for (const auto& text : texts) {
        EXPECT_EQ(on().execute("INSERT INTO things (id, name) VALUES (:id, :name)", {++id, text}), 1);
        const auto found = on().one("SELECT name, size FROM things WHERE id = :id", {id});
        ASSERT_TRUE(found);
        EXPECT_EQ(found->text(0), text);
        EXPECT_TRUE(found->is_null(1));
    }
    for (const auto number : {std::numeric_limits<std::int64_t>::min(), std::int64_t(-1), std::int64_t(0),
                              std::numeric_limits<std::int64_t>::max()}) {
        on().execute("INSERT INTO things (id, size) VALUES (:id, :size)", {++id, number});
        const auto found = on().one("SELECT name, size FROM things WHERE id = :id", {id});
        ASSERT_TRUE(found);
        EXPECT_EQ(found->integer(1), number);
        EXPECT_FALSE(found->maybe_text(0));
    }
}

TEST_P(session_test, an_optional_is_a_value_or_none) {
    const std::optional<std::string> name = "n";
    const std::optional<std::int64_t> none;
    on().execute("INSERT INTO things (id, name, size) VALUES (:id, :name, :size)", {1, name, none});
    on().execute("INSERT INTO things (id, name, size) VALUES (:id, :name, :size)", {2, nullptr, 3});
    const auto all = on().query("SELECT name, size FROM things ORDER BY id");
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].maybe_text(0), "n");
    EXPECT_EQ(all[0].maybe_integer(1), std::nullopt);
    EXPECT_EQ(all[1].maybe_text(0), std::nullopt);
    EXPECT_EQ(all[1].maybe_integer(1), 3);
}

TEST_P(session_test, a_name_that_appears_twice_takes_one_argument) {
    on().execute("INSERT INTO things (id, name, size) VALUES (:id, :name, :id)", {7, "seven"});
    const auto found = on().one("SELECT id FROM things WHERE size = :n AND name = :t AND id = :n", {7, "seven"});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->integer(0), 7);
}

TEST_P(session_test, tells_how_many_rows_were_written_and_answers_what_returning_says) {
    for (int i = 0; i < 5; ++i) {
        const auto back =
            on().query("INSERT INTO things (id, size) VALUES (:id, :size) RETURNING id, size", {i, i * 10});
        ASSERT_EQ(back.size(), 1U);
        EXPECT_EQ(back[0].integer(1), i * 10);
    }
    EXPECT_EQ(on().execute("UPDATE things SET name = :n WHERE size >= :s", {"x", 20}), 3);
    EXPECT_EQ(on().execute("DELETE FROM things WHERE size > :s", {1000}), 0);
    EXPECT_EQ(on().one("SELECT COUNT(*) FROM things")->integer(0), 5);
    EXPECT_EQ(on().one("SELECT COUNT(*) > 3 FROM things")->integer(0), 1);
    EXPECT_FALSE(on().one("SELECT 1 FROM things WHERE id = :id", {99}));
    EXPECT_EQ(on().query("SELECT id FROM things ORDER BY id DESC LIMIT :n", {2}).front().integer(0), 4);
}

TEST_P(session_test, mistakes_of_the_program_are_bugs) {
    EXPECT_EQ(trouble_of([&] { on().execute("INSERT INTO nothing VALUES (1)"); }).kind, trouble_kind::bug);
    EXPECT_EQ(trouble_of([&] { on().execute("SELEKT"); }).kind, trouble_kind::bug);
    const auto few = trouble_of([&] { on().execute("INSERT INTO things (id, size) VALUES (:id, :size)", {1}); });
    EXPECT_EQ(few.kind, trouble_kind::bug);
    EXPECT_THAT(few.sentence, HasSubstr("1 arguments for the 2 places of: INSERT INTO things"));
    on().execute("INSERT INTO things (id) VALUES (1)");
    const auto found = on().one("SELECT id FROM things");
    EXPECT_THROW(static_cast<void>(found->text(0)), failure);
    EXPECT_THROW(static_cast<void>(found->integer(1)), failure);
}

TEST_P(session_test, what_breaks_a_rule_is_refused_and_the_session_goes_on) {
    on().execute("INSERT INTO things (id) VALUES (:id)", {1});
    const auto twice = trouble_of([&] { on().execute("INSERT INTO things (id) VALUES (:id)", {1}); });
    EXPECT_EQ(twice.kind, trouble_kind::refused);
    EXPECT_EQ(twice.sentence.find('\n'), std::string::npos);
    EXPECT_EQ(trouble_of([&] { on().execute("INSERT INTO things (id) VALUES (:id)", {nullptr}); }).kind,
              trouble_kind::refused);
    const auto nul = trouble_of([&] {
        on().execute("INSERT INTO things (id, name) VALUES (:id, :n)", {2, std::string_view("a\0b", 3)});
    });
    EXPECT_EQ(nul.kind, trouble_kind::refused);
    EXPECT_EQ(on().one("SELECT COUNT(*) FROM things")->integer(0), 1);
}

TEST_P(session_test, a_statement_that_takes_too_long_ends) {
    auto hasty = how();
    hasty.statement_timeout = std::chrono::milliseconds(200);
    database other(hasty);
    auto session = other.connect();
    const auto late = trouble_of([&] {
        session.one("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT "
                    "MAX(i) FROM n");
    });
    EXPECT_EQ(late.kind, trouble_kind::gone) << late.sentence;
    session.ping();
}

TEST_P(session_test, a_database_that_is_not_there_is_gone_until_it_comes) {
    const auto place = std::filesystem::path(url().substr(url().find('/'))).parent_path() / "nowhere";
    database nowhere({.url = sqlite() ? "sqlite:" + (place / "test.db").string() : shared_postgres().url("nowhere")});
    auto session = nowhere.connect();
    const auto why = trouble_of([&] { session.ping(); });
    EXPECT_EQ(why.kind, trouble_kind::gone);
    EXPECT_THAT(why.sentence, HasSubstr("nowhere"));
    EXPECT_EQ(why.sentence.find('\n'), std::string::npos);
    if (sqlite()) {
        std::filesystem::create_directory(place);
    } else {
        shared_postgres().create_database("nowhere");
    }
    EXPECT_NO_THROW(session.ping());
}

TEST_P(session_test, a_statement_goes_on_after_the_table_has_changed) {
    on().execute("INSERT INTO things (id, size) VALUES (1, 2)");
    const auto read = [&] {
        return transact(on(), [](session& s) { return s.query("SELECT * FROM things").front().size(); });
    };
    EXPECT_EQ(read(), 3U);
    auto other = database_->connect();
    other.run_once("ALTER TABLE things ADD COLUMN weight BIGINT");
    EXPECT_EQ(read(), 4U);
}

} // namespace
} // namespace moving::store::tests
