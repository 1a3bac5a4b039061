// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <fstream>
#include <latch>
#include <thread>

#include "moving/store/tests/databases.hpp"
#include "moving/store/transact.hpp"
#include "moving/store/writer_queue.hpp"

namespace moving::store::tests {
namespace {

using namespace std::chrono_literals;

class sqlite_test : public testing::Test {
protected:
    [[nodiscard]] settings how() const {
        return {.url = "sqlite:" + (folder_ / "a folder=with; odd signs.db").string()};
    }
    folder folder_;
};

TEST_F(sqlite_test, has_the_settings_it_was_given) {
    for (const auto durable : {durability::normal, durability::full}) {
        auto wanted = how();
        wanted.durability = durable;
        database one(wanted);
        auto session = one.connect();
        EXPECT_EQ(session.one("PRAGMA journal_mode")->text(0), "wal");
        EXPECT_EQ(session.one("PRAGMA synchronous")->integer(0), durable == durability::full ? 2 : 1);
        EXPECT_EQ(session.one("PRAGMA foreign_keys")->integer(0), 1);
        EXPECT_EQ(session.one("PRAGMA busy_timeout")->integer(0), 2'000);
    }
}

TEST_F(sqlite_test, a_full_disk_takes_back_the_transaction_and_is_healed_by_room) {
    database one(how());
    auto session = one.connect();
    session.run_once("CREATE TABLE things (id INTEGER PRIMARY KEY, text TEXT NOT NULL)");
    session.execute("INSERT INTO things (id, text) VALUES (1, 'first')");
    const auto pages = session.one("PRAGMA page_count")->integer(0);
    session.run_once("PRAGMA max_page_count=" + std::to_string(pages + 20));
    const std::string large(10'000, 'x');
    std::int64_t id = 1;
    const auto result = transact(session, [&](store::session& on) {
        for (int i = 0; i < 100; ++i) {
            on.execute("INSERT INTO things (id, text) VALUES (:id, :text)", {++id, large});
        }
    });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, trouble_kind::full) << result.error().sentence;
    EXPECT_FALSE(session.in_transaction());
    EXPECT_EQ(session.one("SELECT COUNT(*) FROM things")->integer(0), 1);
    session.run_once("PRAGMA max_page_count=100000");
    EXPECT_TRUE(transact(session, [&](store::session& on) {
        on.execute("INSERT INTO things (id, text) VALUES (:id, :text)", {2, large});
    }));
}

TEST_F(sqlite_test, a_file_that_is_none_is_told) {
    std::ofstream(folder_ / "letter.db") << std::string(5'000, 'a');
    database one({.url = "sqlite:" + (folder_ / "letter.db").string()});
    auto session = one.connect();
    const auto result = attempt(session, [](store::session& on) { on.ping(); });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, trouble_kind::gone);
    EXPECT_NE(result.error().sentence.find("not a database"), std::string::npos) << result.error().sentence;
}

TEST_F(sqlite_test, readers_go_on_while_somebody_writes) {
    database one(how());
    auto writer = one.connect();
    auto reader = one.connect();
    writer.run_once("CREATE TABLE things (id INTEGER PRIMARY KEY)");
    ASSERT_TRUE(transact(writer, [&](session& on) {
        on.execute("INSERT INTO things (id) VALUES (1)");
        EXPECT_EQ(reader.one("SELECT COUNT(*) FROM things")->integer(0), 0);
    }));
    EXPECT_EQ(reader.one("SELECT COUNT(*) FROM things")->integer(0), 1);
}

TEST_F(sqlite_test, statements_without_transaction_queue_as_well) {
    auto hasty = how();
    hasty.lock_timeout = 20ms;
    database one(hasty);
    auto writer = one.connect();
    auto other = one.connect();
    writer.run_once("CREATE TABLE things (id INTEGER PRIMARY KEY)");
    ASSERT_TRUE(transact(writer, [&](session&) {
        const auto result = attempt(other, [](session& on) { on.execute("INSERT INTO things (id) VALUES (1)"); });
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind, trouble_kind::conflict);
        EXPECT_EQ(result.error().sentence, "the writers before this one took too long");
    }));
    EXPECT_EQ(other.execute("INSERT INTO things (id) VALUES (1)"), 1);
}

TEST_F(sqlite_test, many_threads_write_without_one_conflict) {
    database one(how());
    auto session = one.connect();
    session.run_once("CREATE TABLE counts (value BIGINT NOT NULL)");
    session.execute("INSERT INTO counts (value) VALUES (0)");
    std::atomic<int> runs = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            auto mine = one.connect();
            for (int n = 0; n < 200; ++n) {
                const auto result = transact(mine, [&runs](store::session& on) {
                    ++runs;
                    on.execute("UPDATE counts SET value = value + 1");
                });
                EXPECT_TRUE(result);
            }
        });
    }
    for (auto& each : threads) {
        each.join();
    }
    EXPECT_EQ(session.one("SELECT value FROM counts")->integer(0), 800);
    EXPECT_EQ(runs, 800) << "none had to run again";
}

TEST(writer_queue, calls_in_the_order_of_coming) {
    writer_queue queue;
    ASSERT_TRUE(queue.enter(0ms));
    EXPECT_FALSE(queue.enter(1ms)) << "busy";
    std::vector<int> order;
    std::vector<std::thread> threads;
    for (int i = 0; i < 5; ++i) {
        threads.emplace_back([&, i] {
            ASSERT_TRUE(queue.enter(10s));
            order.push_back(i);
            queue.leave();
        });
        while (queue.waiting() != static_cast<std::size_t>(i) + 1) { // the next comes when this one stands in the queue
            std::this_thread::yield();
        }
    }
    queue.leave();
    for (auto& each : threads) {
        each.join();
    }
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
    EXPECT_TRUE(queue.enter(0ms));
    queue.leave();
}

} // namespace
} // namespace moving::store::tests
