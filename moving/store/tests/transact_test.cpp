// SPDX-License-Identifier: Apache-2.0
#include "moving/store/transact.hpp"

#include <atomic>
#include <thread>

#include <unistd.h>

#include "moving/store/tests/databases.hpp"

namespace moving::store::tests {
namespace {

class transact_test : public on_database {
protected:
    void SetUp() override {
        on_database::SetUp();
        if (!IsSkipped()) {
            database_ = std::make_unique<database>(how());
            auto session = database_->connect();
            session.run_once("CREATE TABLE accounts (name TEXT NOT NULL PRIMARY KEY, points BIGINT NOT NULL)");
            session.execute("INSERT INTO accounts (name, points) VALUES ('a', 1000), ('b', 1000)");
        }
    }
    static std::int64_t points(session& on, std::string_view name) {
        return on.one("SELECT points FROM accounts WHERE name = :name", {name})->integer(0);
    }
    static void add(session& on, std::string_view name, std::int64_t more) {
        on.execute("UPDATE accounts SET points = points + :more WHERE name = :name", {more, name});
    }
    std::int64_t points(std::string_view name) {
        auto session = database_->connect();
        return points(session, name);
    }
    std::unique_ptr<database> database_;
};
INSTANTIATE_TEST_SUITE_P(all, transact_test, every_product, name_of);

TEST_P(transact_test, all_of_it_or_nothing) {
    auto session = database_->connect();
    const auto good = transact(session, [](store::session& on) {
        add(on, "a", -10);
        add(on, "b", 10);
        return points(on, "a");
    });
    EXPECT_EQ(good, 990);
    const auto bad = transact(session, [](store::session& on) {
        add(on, "a", -10);
        on.execute("INSERT INTO accounts (name, points) VALUES ('b', 0)");
    });
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().kind, trouble_kind::refused);
    EXPECT_FALSE(session.in_transaction());
    EXPECT_THROW(static_cast<void>(transact(session,
                                            [](store::session& on) {
                                                add(on, "a", -10);
                                                throw std::out_of_range("of the program");
                                            })),
                 std::out_of_range);
    EXPECT_EQ(points("a"), 990);
    EXPECT_EQ(points("b"), 1010);
}

TEST_P(transact_test, what_failed_and_was_swallowed_does_not_commit) {
    auto session = database_->connect();
    const auto result = transact(session, [](store::session& on) {
        add(on, "a", -10);
        EXPECT_THROW(on.execute("INSERT INTO accounts (name, points) VALUES ('b', 0)"), failure);
    });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, trouble_kind::refused);
    EXPECT_EQ(points("a"), 1000);
}

TEST_P(transact_test, nothing_is_seen_before_the_commit) {
    auto session = database_->connect();
    const auto result = transact(session, [this](store::session& on) {
        add(on, "a", 1);
        EXPECT_EQ(points("a"), 1000);
        EXPECT_EQ(points(on, "a"), 1001);
    });
    EXPECT_TRUE(result);
    EXPECT_EQ(points("a"), 1001);
}

TEST_P(transact_test, one_within_another_is_a_bug) {
    auto session = database_->connect();
    const auto result = transact(session, [](store::session& on) {
        const auto inner = transact(on, [](store::session& s) { add(s, "a", 1); });
        ASSERT_FALSE(inner);
        EXPECT_EQ(inner.error().kind, trouble_kind::bug);
        add(on, "b", 1);
    });
    EXPECT_TRUE(result);
    EXPECT_EQ(points("a"), 1000);
    EXPECT_EQ(points("b"), 1001);
}

TEST_P(transact_test, a_savepoint_takes_back_one_of_many) {
    auto session = database_->connect();
    const auto result = transact(session, [](store::session& on) {
        int refused = 0;
        for (int i = 0; i < 10; ++i) {
            const auto one = savepoint(on, [i](store::session& s) {
                add(s, "a", 1);
                if (i % 2 == 0) {
                    s.execute("INSERT INTO accounts (name, points) VALUES ('b', 0)");
                }
                return i;
            });
            refused += one ? 0 : 1;
        }
        EXPECT_THROW(static_cast<void>(savepoint(on,
                                                 [](store::session& s) {
                                                     add(s, "a", 100);
                                                     throw std::out_of_range("of the program");
                                                 })),
                     std::out_of_range);
        return refused;
    });
    EXPECT_EQ(result, 5);
    EXPECT_EQ(points("a"), 1005);
}

TEST_P(transact_test, without_one_every_statement_commits_by_itself) {
    auto session = database_->connect();
    const auto result = attempt(session, [](store::session& on) {
        add(on, "a", -10);
        on.execute("INSERT INTO accounts (name, points) VALUES ('b', 0)");
        add(on, "b", 10);
    });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, trouble_kind::refused);
    EXPECT_EQ(points("a"), 990);
    EXPECT_EQ(points("b"), 1000);
}

TEST_P(transact_test, conflicts_are_tried_again) {
    // Opposite orders: deadlocks in PostgreSQL; in SQLite they queue. Points are moved, never made.
    constexpr int rounds = 100;
    std::atomic<int> done = 0;
    const auto mover = [&](std::string from, std::string to) {
        auto session = database_->connect();
        for (int i = 0; i < rounds; ++i) {
            const auto result = transact(session, [&](store::session& on) {
                add(on, from, -1);
                add(on, to, 1);
            });
            EXPECT_TRUE(result) << result.error().sentence;
            done += result ? 1 : 0;
        }
    };
    std::thread one(mover, "a", "b");
    std::thread two(mover, "b", "a");
    std::thread three(mover, "a", "b");
    one.join();
    two.join();
    three.join();
    EXPECT_EQ(done, 3 * rounds);
    EXPECT_EQ(points("a"), 1000 - rounds);
    EXPECT_EQ(points("b"), 1000 + rounds);
}

TEST_P(transact_test, a_lock_that_is_held_too_long_is_a_conflict) {
    auto holder = database_->connect();
    auto hasty = how();
    hasty.lock_timeout = std::chrono::milliseconds(20);
    database other(hasty);
    auto session = other.connect();
    int runs = 0;
    const auto held = transact(holder, [&](store::session& on) {
        add(on, "a", 1);
        const auto result = transact(session, [&runs](store::session& s) {
            ++runs;
            add(s, "a", 100);
        });
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind, trouble_kind::conflict) << result.error().sentence;
    });
    EXPECT_TRUE(held);
    EXPECT_EQ(points("a"), 1001);
    EXPECT_EQ(runs, sqlite() ? 0 : 10) << "in SQLite a transaction waits before it begins";
}

TEST_P(transact_test, that_is_later_than_it_promised_is_taken_back) {
    auto session = database_->connect();
    int runs = 0;
    const auto work = [&runs](std::chrono::microseconds time) {
        return [&runs, time](store::session& on) {
            add(on, "a", 1);
            on.commit_within(std::chrono::hours(1));
            on.commit_within(++runs == 1 ? time : std::chrono::microseconds(60'000'000));
        };
    };
    EXPECT_TRUE(transact(session, work(std::chrono::microseconds(-1))));
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(points("a"), 1001);
    session.commit_within(std::chrono::microseconds(-1));
    EXPECT_TRUE(transact(session, [](store::session& on) { add(on, "a", 1); })) << "that was without transaction";
}

TEST_P(transact_test, of_several_processes_on_one_database) {
    constexpr int processes = 3;
    constexpr int rounds = 60;
    std::vector<std::unique_ptr<forked>> all;
    for (int i = 0; i < processes; ++i) {
        all.push_back(std::make_unique<forked>([this](int) {
            database mine(how());
            auto session = mine.connect();
            for (int round = 0; round < rounds; ++round) {
                const auto result = transact(session, [](store::session& on) {
                    const auto before = points(on, "a");
                    on.execute("UPDATE accounts SET points = :p WHERE name = 'a' AND points = :old",
                               {before + 1, before});
                    add(on, "b", 1);
                });
                if (!result) {
                    throw std::runtime_error(result.error().sentence);
                }
            }
        }));
    }
    for (auto& each : all) {
        EXPECT_TRUE(each->wait());
    }
    EXPECT_EQ(points("b"), 1000 + processes * rounds);
    if (sqlite()) { // one writer at a time, from its BEGIN: nobody read what another was changing
        EXPECT_EQ(points("a"), 1000 + processes * rounds);
    }
}

TEST_P(transact_test, a_process_that_is_killed_leaves_nothing_half) {
    for (int i = 0; i < 20; ++i) {
        forked mover([this](int pipe_end) {
            database mine(how());
            auto session = mine.connect();
            for (;;) {
                const auto result = transact(session, [pipe_end](store::session& on) {
                    add(on, "a", -1);
                    if (write(pipe_end, "-", 1) != 1) { // between the two: the other end strikes about now
                        throw std::runtime_error("nobody reads");
                    }
                    add(on, "b", 1);
                });
                if (!result) {
                    throw std::runtime_error(result.error().sentence);
                }
            }
        });
        for (int moves = 0; moves <= i; ++moves) {
            ASSERT_TRUE(mover.read_byte());
        }
        mover.kill();
        EXPECT_FALSE(mover.wait());
        auto session = database_->connect();
        EXPECT_EQ(session.one("SELECT CAST(SUM(points) AS BIGINT) FROM accounts")->integer(0), 2000);
        const auto moved = 1000 - points("a");
        EXPECT_GE(moved, i * (i + 1) / 2) << "what was committed before the last one stays";
    }
}

} // namespace
} // namespace moving::store::tests
