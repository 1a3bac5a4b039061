// SPDX-License-Identifier: Apache-2.0
// What moving's databases cost, each beside the other: a read by key, a small transaction, what delivery adds to one.
// SQLite with both durabilities, PostgreSQL as Debian sets it up (it waits for the disk at each commit).
#include <filesystem>
#include <memory>
#include <stdexcept>

#include <benchmark/benchmark.h>

#include "moving/store/delivery.hpp"
#include "moving/store/event_log.hpp"
#include "moving/store/inbox.hpp"
#include "moving/store/transact.hpp"
#include "support/running_postgres.hpp"

namespace {

using namespace moving::store;

constexpr int rows_there = 100'000;
const std::string state(300, 's'); // about what a tracking state is
const std::string payload(700, 'p');

class bench_folder {
public:
    bench_folder() : path_("moving-store-bench-" + std::to_string(getpid())) {
        std::filesystem::create_directory(path_);
    }
    ~bench_folder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::string file(const std::string& name) const { return std::filesystem::absolute(path_) / name; }

private:
    std::filesystem::path path_; ///< not in /tmp, which can be memory
};

template <class Result>
void must(const Result& result) {
    if (!result) {
        throw std::runtime_error(result.error().sentence);
    }
}

std::string id_of(std::int64_t number) {
    auto digits = std::to_string(number);
    return "019346c2-7f5e-7c3a-9d00-" + std::string(12 - digits.size(), '0') + digits;
}

void fill(session& on) {
    must(migrate(on, delivery_migrations()));
    on.run_once("CREATE TABLE trackings (id TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL, version BIGINT NOT NULL)");
    must(transact(on, [](session& s) {
        for (int i = 0; i < rows_there; ++i) {
            s.execute("INSERT INTO trackings (id, state, version) VALUES (:id, :state, :version)",
                      {id_of(i), state, 1});
        }
    }));
}

struct place {
    std::string name;
    std::unique_ptr<database> where;
    session on;
};

std::int64_t next_number() {
    static std::int64_t number = rows_there;
    return ++number;
}

void point_read(benchmark::State& run, session& on) {
    std::int64_t i = 0;
    for (auto _ : run) {
        i = (i + 7'919) % rows_there;
        benchmark::DoNotOptimize(on.one("SELECT state, version FROM trackings WHERE id = :id", {id_of(i)}));
    }
}

/// A statement within a transaction, without its commit.
void insert_in_transaction(benchmark::State& run, session& on) {
    on.begin();
    for (auto _ : run) {
        on.execute("INSERT INTO trackings (id, state, version) VALUES (:id, :state, :version)",
                   {id_of(next_number()), state, 1});
    }
    on.commit();
}

void insert_and_commit(benchmark::State& run, session& on) {
    for (auto _ : run) {
        must(transact(on, [](session& s) {
            s.execute("INSERT INTO trackings (id, state, version) VALUES (:id, :state, :version)",
                      {id_of(next_number()), state, 1});
        }));
    }
}

void append(session& on, const std::string& id) {
    event_log(on).append({.id = id,
                          .topic = "tracking_updated",
                          .key = id,
                          .payload = payload,
                          .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                          .created_us = 1,
                          .instance = "tracking-1"});
}

/// What a request in safe mode does: one change, one event.
void change_and_event(benchmark::State& run, session& on) {
    std::int64_t i = 0;
    for (auto _ : run) {
        i = (i + 7'919) % rows_there;
        must(transact(on, [i](session& s) {
            s.execute("UPDATE trackings SET state = :state, version = version + 1 WHERE id = :id", {state, id_of(i)});
            append(s, id_of(next_number()));
        }));
    }
}

/// What the relay does: a batch of `range` events was sent.
void mark_sent(benchmark::State& run, session& on) {
    const auto events = run.range(0);
    for (auto _ : run) {
        run.PauseTiming();
        std::vector<std::int64_t> sequences;
        must(transact(on, [&](session& s) {
            for (int i = 0; i < events; ++i) {
                append(s, id_of(next_number()));
            }
        }));
        for (const auto& each : event_log(on).unsent(2, events)) {
            sequences.push_back(each.sequence);
        }
        run.ResumeTiming();
        must(transact(on, [&](session& s) { event_log(s).mark_sent(sequences, 5); }));
    }
    run.SetItemsProcessed(run.iterations() * events);
}

/// What a consumer does: a batch of `range` messages, each known or new, one effect each, one commit.
void consume(benchmark::State& run, session& on) {
    const auto messages = run.range(0);
    for (auto _ : run) {
        must(transact(on, [messages](session& s) {
            for (int i = 0; i < messages; ++i) {
                const auto id = id_of(next_number());
                if (inbox(s).add_if_new(id, "announcement_matched", 0, i, 1)) {
                    s.execute("UPDATE trackings SET version = version + 1 WHERE id = :id",
                              {id_of(i * 997 % rows_there)});
                }
            }
        }));
    }
    run.SetItemsProcessed(run.iterations() * messages);
}

void inbox_check(benchmark::State& run, session& on) {
    inbox(on).add_if_new(id_of(1), "t", 0, 0, 1);
    for (auto _ : run) {
        benchmark::DoNotOptimize(inbox(on).contains(id_of(1)));
    }
}

void add_benchmarks(place& at) {
    const auto add = [&at](const char* name, void (*work)(benchmark::State&, session&)) {
        return benchmark::RegisterBenchmark((at.name + "/" + name).c_str(),
                                            [work, &at](benchmark::State& run) { work(run, at.on); })
            ->Unit(benchmark::kMicrosecond)
            ->UseRealTime();
    };
    add("point read", point_read);
    add("insert within a transaction", insert_in_transaction);
    add("insert and commit", insert_and_commit);
    add("change, event, commit", change_and_event);
    add("mark sent", mark_sent)->Arg(1)->Arg(100);
    add("consume", consume)->Arg(1)->Arg(100);
    add("inbox check", inbox_check);
}

place open(std::string name, settings how) {
    auto where = std::make_unique<database>(std::move(how));
    auto on = where->connect();
    fill(on);
    return {std::move(name), std::move(where), std::move(on)};
}

} // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    const bench_folder folder;
    std::unique_ptr<cb::tests::running_postgres> server;
    std::vector<place> places;
    places.reserve(3);
    places.push_back(open("SQLite NORMAL", {.url = "sqlite:" + folder.file("normal.db")}));
    places.push_back(open("SQLite FULL", {.url = "sqlite:" + folder.file("full.db"), .durability = durability::full}));
    if (cb::tests::running_postgres::installed()) {
        server = std::make_unique<cb::tests::running_postgres>(std::vector<std::string>{});
        places.push_back(open("PostgreSQL", {.url = server->create_database("bench")}));
    }
    for (auto& each : places) {
        add_benchmarks(each);
    }
    benchmark::RunSpecifiedBenchmarks();
    places.clear();
}
