// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "moving/store/delivery.hpp"
#include "moving/store/event_log.hpp"
#include "moving/store/tests/databases.hpp"
#include "moving/store/transact.hpp"
#include "moving/text/limits.hpp"

namespace moving::store::tests {
namespace {

using namespace std::chrono_literals;

class postgresql_test : public testing::Test {
protected:
    void SetUp() override {
        if (!cb::tests::running_postgres::installed()) {
            GTEST_SKIP() << "PostgreSQL is not installed: skipped";
        }
    }
    static std::string new_database(cb::tests::running_postgres& server) {
        static int count = 0;
        return server.create_database("own_" + std::to_string(++count));
    }
};

TEST_F(postgresql_test, has_the_settings_it_was_given) {
    database one({.url = new_database(shared_postgres()) + "?connect_timeout=7",
                  .statement_timeout = 1'234ms,
                  .lock_timeout = 567ms,
                  .idle_transaction_timeout = 8'900ms,
                  .application = "moving billing's 1"});
    auto session = one.connect();
    const auto value = [&](const char* name) {
        return session.one("SELECT current_setting(CAST(:name AS TEXT))", {name})->text(0);
    };
    EXPECT_EQ(value("statement_timeout"), "1234ms");
    EXPECT_EQ(value("lock_timeout"), "567ms");
    EXPECT_EQ(value("idle_in_transaction_session_timeout"), "8900ms");
    EXPECT_EQ(value("application_name"), "moving billing's 1");
    EXPECT_EQ(value("client_encoding"), "UTF8");
}

TEST_F(postgresql_test, takes_names_and_passwords_of_any_signs) {
    auto& server = shared_postgres();
    database first({.url = new_database(server)});
    auto session = first.connect();
    session.run_once("CREATE ROLE \"o'neil & co\" LOGIN PASSWORD 'x'");
    server.create_database("a \"b\"=c'd ");
    auto url = server.url("a%20%22b%22%3Dc'd%20");
    url.replace(url.find("postgres@"), 8, "o'neil%20%26%20co:%22p%20=%3F&%27w%5C%20");
    database strange({.url = url});
    auto other = strange.connect();
    const auto who = other.one("SELECT CAST(current_user AS TEXT), CAST(current_database() AS TEXT)");
    EXPECT_EQ(who->text(0), "o'neil & co");
    EXPECT_EQ(who->text(1), "a \"b\"=c'd ");
}

TEST_F(postgresql_test, goes_and_comes_back) {
    cb::tests::running_postgres server;
    database one({.url = new_database(server)});
    auto session = one.connect();
    session.run_once("CREATE TABLE things (id BIGINT NOT NULL PRIMARY KEY)");
    const auto add = [&session](std::int64_t id) {
        return transact(session,
                        [id](store::session& on) { on.execute("INSERT INTO things (id) VALUES (:id)", {id}); });
    };
    ASSERT_TRUE(add(1));

    server.stop();
    for (int i = 0; i < 3; ++i) {
        const auto result = add(2);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind, trouble_kind::gone) << result.error().sentence;
    }
    server.start();
    EXPECT_TRUE(add(2));

    // Between two transactions: the next one does not even notice.
    server.kill();
    server.start();
    const auto next = add(3);
    EXPECT_TRUE(next) << next.error().sentence;

    // Within one: it is over, nothing of it stays, and the work may be done again.
    const auto broken = transact(session, [&](store::session& on) {
        on.execute("INSERT INTO things (id) VALUES (:id)", {4});
        server.kill();
        server.start();
        on.execute("INSERT INTO things (id) VALUES (:id)", {5});
    });
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().kind, trouble_kind::gone);
    EXPECT_FALSE(session.in_transaction());
    EXPECT_EQ(session.one("SELECT COUNT(*) FROM things")->integer(0), 3);

    // Without transaction: one call sees it, the next is well.
    server.kill();
    server.start();
    const auto lost = attempt(session, [](store::session& on) { on.ping(); });
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().kind, trouble_kind::gone);
    EXPECT_TRUE(attempt(session, [](store::session& on) { on.ping(); }));
}

TEST_F(postgresql_test, a_broken_connection_within_a_transaction_does_not_go_on_without_it) {
    database one({.url = new_database(shared_postgres())});
    auto session = one.connect();
    auto other = one.connect();
    session.run_once("CREATE TABLE things (id BIGINT NOT NULL PRIMARY KEY)");
    const auto result = transact(session, [&](store::session& on) {
        const auto pid = on.one("SELECT pg_backend_pid()")->integer(0);
        other.query("SELECT pg_terminate_backend(CAST(:pid AS INTEGER))", {pid});
        for (int i = 0; i < 3; ++i) { // swallowed by careless work: the new connection would commit each by itself
            EXPECT_FALSE(
                attempt(on, [i](store::session& s) { s.execute("INSERT INTO things (id) VALUES (:id)", {i}); }));
        }
    });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, trouble_kind::gone);
    EXPECT_EQ(session.one("SELECT COUNT(*) FROM things")->integer(0), 0);
}

TEST_F(postgresql_test, a_transaction_that_does_nothing_is_ended) {
    database one({.url = new_database(shared_postgres()), .idle_transaction_timeout = 50ms});
    auto session = one.connect();
    auto other = one.connect();
    const auto result = transact(session, [&](store::session& on) {
        const auto pid = on.one("SELECT pg_backend_pid()")->integer(0);
        const auto until = std::chrono::steady_clock::now() + 20s;
        while (other.one("SELECT COUNT(*) FROM pg_stat_activity WHERE pid = :pid", {pid})->integer(0) > 0 &&
               std::chrono::steady_clock::now() < until) {
        }
        on.ping();
    });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, trouble_kind::gone) << result.error().sentence;
    session.ping();
}

TEST_F(postgresql_test, a_place_in_the_event_log_is_not_open_for_longer_than_the_feed_waits) {
    database one({.url = new_database(shared_postgres())});
    auto session = one.connect();
    ASSERT_TRUE(migrate(session, delivery_migrations()));
    int runs = 0;
    const auto result = transact(session, [&runs](store::session& on) {
        event_log(on).append({.id = "e", .topic = "t", .payload = "{}"});
        const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(limits::log_transaction_us);
        while (++runs == 1 && std::chrono::steady_clock::now() <= until) {
            --runs;
            on.ping();
        }
    });
    EXPECT_TRUE(result);
    EXPECT_EQ(runs, 2) << "the first came too late";
    EXPECT_EQ(event_log(session).unsent_count(), 1);
    EXPECT_LT(limits::log_transaction_us, limits::feed_delay_us);
}

TEST_F(postgresql_test, what_others_changed_meanwhile_is_tried_again_when_serializable) {
    database one(
        {.url = new_database(shared_postgres()) + "?options=-c%20default_transaction_isolation%3Dserializable"});
    auto session = one.connect();
    auto other = one.connect();
    session.run_once("CREATE TABLE counts (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL)");
    session.execute("INSERT INTO counts (name, value) VALUES ('a', 0)");
    int runs = 0;
    const auto result = transact(session, [&](store::session& on) {
        const auto seen = on.one("SELECT value FROM counts")->integer(0);
        if (++runs == 1) {
            other.execute("UPDATE counts SET value = value + 10");
        }
        on.execute("UPDATE counts SET value = :v", {seen + 1});
    });
    EXPECT_TRUE(result);
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(session.one("SELECT value FROM counts")->integer(0), 11);
}

TEST_F(postgresql_test, more_connections_than_it_takes_are_gone_and_not_a_mistake) {
    cb::tests::running_postgres small({"fsync=off", "max_connections=5", "superuser_reserved_connections=0"});
    database one({.url = new_database(small)});
    std::vector<session> all;
    std::optional<trouble> why;
    for (int i = 0; i < 7 && !why; ++i) {
        all.push_back(one.connect());
        const auto result = attempt(all.back(), [](session& on) { on.ping(); });
        why = result ? std::nullopt : std::optional(result.error());
    }
    ASSERT_TRUE(why);
    EXPECT_EQ(why->kind, trouble_kind::gone);
    EXPECT_NE(why->sentence.find("too many clients"), std::string::npos) << why->sentence;
}

} // namespace
} // namespace moving::store::tests
