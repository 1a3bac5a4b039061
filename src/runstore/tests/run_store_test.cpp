// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "runstore/run_reader.hpp"
#include "runstore/run_writer.hpp"

namespace cb::runstore {
namespace {

namespace fs = std::filesystem;

constexpr wall_time_ms start_ms = 1'700'000'000'000; // 2023-11-14 22:13:20

std::string contents(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

metrics::hdr_histogram latencies(std::int64_t ms, std::uint64_t count) {
    metrics::hdr_histogram out(metrics::latency_shape_ns(2));
    out.record(ms * 1'000'000, count);
    return out;
}

/// A folder of its own for each test.
class runs : public testing::Test {
protected:
    void SetUp() override {
        const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
        root_ = fs::temp_directory_path() / fmt::format("cb-runs-{}-{}", test->name(), ::getpid());
        fs::remove_all(root_);
    }
    void TearDown() override { fs::remove_all(root_); }

    [[nodiscard]] static run_description about() {
        return {"Half the payments arrive twice",
                "experiment",
                "Nobody is paid twice.",
                18'446'744'073'709'551'615U,
                "chaosbroker run half.yaml",
                "half.yaml",
                "here",
                start_ms,
                5'000,
                {{"chaosbroker", "0.1.0"}, {"kernel", "6.1"}}};
    }
    std::unique_ptr<run_writer> writer() {
        folder_ = *run_folder::create(root_, about().title, start_ms);
        return std::move(*run_writer::create(*folder_, about()));
    }
    run_reader reader() { return std::move(*run_reader::open(*folder_)); }

    fs::path root_;
    std::optional<run_folder> folder_;
};

// --- folders -----------------------------------------------------------------------------------------------------

TEST_F(runs, are_folders_that_nothing_overwrites) {
    const auto first = run_folder::create(root_, "Half the payments — twice!", start_ms);
    const auto second = run_folder::create(root_, "Half the payments — twice!", start_ms);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->path().filename(), "2023-11-14T221320-half-the-payments-twice");
    EXPECT_EQ(second->path().filename(), "2023-11-14T221320-half-the-payments-twice-2");
    EXPECT_EQ(fs::read_symlink(root_ / "latest"), second->path().filename());
    EXPECT_EQ(run_folder::slug("!!"), "run");
    EXPECT_EQ(run_folder::slug(std::string(200, 'A')), std::string(60, 'a'));
    EXPECT_EQ(run_folder::slug("../../etc"), "etc");
}

TEST_F(runs, refuse_what_would_be_overwritten) {
    ASSERT_TRUE(run_folder::create_at(root_ / "out" / "mine"));
    ASSERT_TRUE(run_folder::create_at(root_ / "out" / "mine")); // nothing in it yet
    std::ofstream(root_ / "out" / "mine" / "precious") << "x";
    const auto refused = run_folder::create_at(root_ / "out" / "mine");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, errc::conflict);
    EXPECT_EQ(contents(root_ / "out" / "mine" / "precious"), "x");
    fs::create_directories(root_ / "other" / "latest");
    EXPECT_FALSE(run_folder::create(root_ / "other", "x", start_ms));
}

TEST_F(runs, are_found_by_folder_link_and_file) {
    const auto open = writer();
    EXPECT_TRUE(run_folder::open(folder_->path()));
    EXPECT_TRUE(run_folder::open(folder_->database_file()));
    EXPECT_EQ(run_folder::open(root_ / "latest")->path(), fs::canonical(folder_->path()));
    EXPECT_EQ(run_folder::open(root_ / "none").error().kind, errc::not_found);
    EXPECT_EQ(run_folder::open(root_).error().kind, errc::not_found);
}

TEST_F(runs, keep_files) {
    const auto folder = *run_folder::create_at(root_);
    ASSERT_TRUE(folder.write("report.json", "1"));
    ASSERT_TRUE(folder.write("report.json", "2"));
    EXPECT_EQ(contents(root_ / "report.json"), "2");
    EXPECT_FALSE(folder.keep(root_ / "none.yaml"));
    const auto other = *run_folder::create_at(root_ / "other");
    ASSERT_TRUE(other.keep(root_ / "report.json"));
    EXPECT_EQ(contents(root_ / "other" / "report.json"), "2");
    EXPECT_EQ(std::distance(fs::directory_iterator(root_), fs::directory_iterator()), 2);
}

// --- what is written is read -------------------------------------------------------------------------------------

TEST_F(runs, say_what_they_are) {
    auto run = writer();
    const auto before = *reader().facts();
    EXPECT_FALSE(before.ended_at_ms);
    EXPECT_FALSE(before.verdict);
    ASSERT_TRUE(run->set_verdict({outcome::failed, {"paid twice: 3", "p99 above 250 ms"}}));
    ASSERT_TRUE(run->set_verdict({outcome::inconclusive, {"the generator lagged"}}));
    ASSERT_TRUE(run->finish(61'500));
    const auto facts = *reader().facts();
    EXPECT_EQ(facts.about.title, about().title);
    EXPECT_EQ(facts.about.hypothesis, about().hypothesis);
    EXPECT_EQ(facts.about.seed, about().seed);
    EXPECT_EQ(facts.about.started_ms, start_ms);
    EXPECT_EQ(facts.about.versions, about().versions);
    EXPECT_EQ(facts.ended_at_ms, 61'500);
    EXPECT_EQ(facts.last_at_ms, 61'500);
    ASSERT_TRUE(facts.verdict);
    EXPECT_EQ(facts.verdict->value, outcome::inconclusive);
    EXPECT_EQ(facts.verdict->reasons, std::vector<std::string>{"the generator lagged"});
    run.reset();
    for (const auto& each : fs::directory_iterator(folder_->path())) { // one file, that can be copied
        EXPECT_EQ(each.path().filename(), "run.db");
    }
}

TEST_F(runs, merge_seconds_by_phase_and_keep_the_histograms) {
    auto run = writer();
    const auto announce = *run->step("deliver", "announce a good");
    const auto pay = *run->step("deliver", "pay");
    EXPECT_EQ(*run->step("deliver", "pay"), pay);
    ASSERT_TRUE(run->begin_phase("warm-up", 0, false));
    metrics::hdr_histogram expected(metrics::latency_shape_ns(2));
    for (std::int64_t second = 0; second < 10; ++second) {
        if (second == 4) {
            ASSERT_TRUE(run->end_phase(3'900));
            ASSERT_TRUE(run->begin_phase("steady", 3'900));
        }
        auto response = latencies(10 + second, 100);
        response.record(-1);
        const auto service = latencies(5, 100);
        const auto bad = latencies(10 + second, 7);
        load_second what;
        what.second = second;
        what.steps = {{announce, 100, 7, 1'000, 2'000, &response, &service, nullptr, &bad}, {pay, 3}};
        what.errors = {{announce, "status 503", 5}, {announce, "timeout", 2}, {std::nullopt, "connection refused", 1}};
        what.users = {{"waiting", 40}, {"requesting", 2}};
        ASSERT_TRUE(run->write(what));
        if (second >= 4) {
            expected.merge(response);
        }
    }
    auto look = reader();
    const auto seconds = *look.judged_seconds();
    ASSERT_EQ(seconds.size(), 1U);
    EXPECT_EQ(seconds.front().from, 4);
    const auto totals = look.step_totals(seconds);
    ASSERT_TRUE(totals) << totals.error().message;
    ASSERT_EQ(totals->size(), 2U);
    EXPECT_EQ(totals->at(0).name, "announce a good");
    EXPECT_EQ(totals->at(0).count, 600U);
    EXPECT_EQ(totals->at(0).failed, 42U);
    EXPECT_EQ(totals->at(0).bytes_received, 12'000U);
    EXPECT_EQ(totals->at(0).response, expected);
    EXPECT_EQ(totals->at(0).response.out_of_range(), 6U);
    EXPECT_EQ(totals->at(0).service.count(), 600U);
    EXPECT_EQ(totals->at(0).failed_response.count(), 42U);
    EXPECT_TRUE(totals->at(0).slip.empty());
    EXPECT_EQ(totals->at(1).count, 18U);
    const auto errors = *look.error_totals(seconds);
    ASSERT_EQ(errors.size(), 3U);
    EXPECT_EQ(errors[0].kind, "status 503");
    EXPECT_EQ(errors[0].count, 30U);
    EXPECT_EQ(errors[2].kind, "connection refused");
    EXPECT_EQ(errors[2].step, "");
    EXPECT_EQ((*look.step_totals({second_range{}}))[0].count, 1'000U);
    EXPECT_EQ(*look.tables().number("SELECT SUM(count) FROM user_second WHERE state = 'waiting'"), 400);
    EXPECT_EQ(*look.tables().number("SELECT COUNT(*) FROM requests WHERE step = 'pay' AND response_p50_ms IS NULL"),
              10);
    EXPECT_EQ(look.facts()->last_at_ms, 10'000);

    // The log by itself says the same as the rows that name places in it.
    const auto text = contents(folder_->latency_log_file());
    metrics::histogram_log_reader log(text);
    metrics::hdr_histogram all(metrics::latency_shape_ns(2));
    for (auto each = log.next(); each && *each; each = log.next()) {
        if ((*each)->tag == "announce_a_good/response" && (*each)->start_s >= 4) {
            all.merge((*each)->values);
        }
    }
    EXPECT_EQ(all.count(), expected.count());
    EXPECT_EQ(all.value_at_percentile(99), expected.value_at_percentile(99));
    EXPECT_EQ(log.header().base_ms, start_ms);
}

TEST_F(runs, give_each_step_a_tag_of_its_own) {
    auto run = writer();
    const auto one = *run->step("a", "pay now");
    const auto two = *run->step("a", "pay,now");
    const auto three = *run->step("b", "pay now");
    EXPECT_NE(one, two);
    EXPECT_NE(one, three);
    EXPECT_EQ(*reader().tables().number("SELECT COUNT(DISTINCT tag) FROM step"), 3);
}

TEST_F(runs, hold_samples_deaths_ledger_checks_and_notes) {
    auto run = writer();
    const auto first = *run->instance({"billing", "billing-1", "pid 17 since 100", 0, "java"});
    const auto again = *run->instance({"billing", "billing-1", "pid 18 since 900", 900, "java"});
    EXPECT_NE(first, again);
    const auto cpu = *run->metric("cpu", "cores");
    for (int i = 0; i < 10; ++i) {
        ASSERT_TRUE(run->add(sample{i * 1'000, first, cpu, 0.37}));
        ASSERT_TRUE(
            run->add(ledger_row{static_cast<std::uint64_t>(i), start_ms, "twice", "duplicate", "open", "t", 0, "{}"}));
    }
    EXPECT_EQ(*reader().tables().number("SELECT COUNT(*) FROM sample"), 0); // gathered
    ASSERT_TRUE(run->flush());
    ASSERT_TRUE(run->add(ledger_row{3, start_ms, "twice", "duplicate", "done", "t", 0, "{\"state\":\"done\"}"}));
    ASSERT_TRUE(run->add(death{first, 800, std::nullopt, 9, "out of memory", "oom_kill went from 0 to 1"}));
    ASSERT_TRUE(
        run->add(check_result{"latency of pay", "steady", "p99 < 250 ms", "p99 = 300 ms", outcome::failed, ""}));
    ASSERT_TRUE(run->add(run_note{700, "action", "killed \xff\x1b[2J" + std::string(5'000, 'x')}));
    ASSERT_TRUE(run->set_rule_counts({{"twice", "duplicate", 20, 10, 1}}));
    ASSERT_TRUE(run->flush());
    auto look = reader();
    EXPECT_EQ(*look.tables().number("SELECT COUNT(*) FROM samples WHERE service = 'billing' AND value = 0.37"), 10);
    EXPECT_EQ(*look.tables().number("SELECT COUNT(*) FROM ledger_entry"), 10);
    EXPECT_EQ(*look.tables().number("SELECT COUNT(*) FROM ledger_entry WHERE state = 'done'"), 1);
    const auto instances = *look.instances();
    ASSERT_EQ(instances.size(), 2U);
    ASSERT_TRUE(instances[0].end);
    EXPECT_EQ(instances[0].end->signal, 9);
    EXPECT_FALSE(instances[0].end->exit_code);
    EXPECT_FALSE(instances[1].end);
    EXPECT_EQ(look.checks()->at(0).result, outcome::failed);
    EXPECT_EQ(look.checks()->at(0).found, "p99 = 300 ms");
    EXPECT_EQ(look.rule_counts()->at(0).injected, 10U);
    const auto note = look.notes()->at(0).text;
    EXPECT_TRUE(note.starts_with("killed \xef\xbf\xbd\xef\xbf\xbd[2Jx"));
    EXPECT_LE(note.size(), limits::run_text_bytes);
}

TEST_F(runs, keep_witnesses_of_the_first_burst_and_of_the_last) {
    auto run = writer();
    const auto step = *run->step("a", "b");
    for (std::int64_t second = 0; second < 1'000; ++second) {
        load_second what;
        what.second = second;
        what.witnesses.assign(500, witness{second * 1'000, step, 7, "timeout", 1, "no answer"});
        ASSERT_TRUE(run->write(what));
    }
    auto look = reader();
    const auto kept = look.witnesses(1'000'000)->size();
    EXPECT_LE(kept, limits::run_witnesses);
    EXPECT_GT(kept, limits::run_witnesses / 2);
    EXPECT_GT(*look.tables().number("SELECT COUNT(*) FROM witness WHERE at_ms >= 900000"), 0);
    EXPECT_EQ(look.witnesses(5)->size(), 5U);
}

TEST_F(runs, tell_so_many_kinds_of_errors_apart_and_count_the_others) {
    auto run = writer();
    load_second what;
    for (std::size_t i = 0; i < limits::run_error_kinds + 50; ++i) {
        what.errors.push_back({std::nullopt, fmt::format("kind {}", i), 1});
    }
    ASSERT_TRUE(run->write(what));
    const auto errors = *reader().error_totals({second_range{}});
    EXPECT_EQ(errors.size(), limits::run_error_kinds + 1);
    EXPECT_EQ(errors.front().kind, "other");
    EXPECT_EQ(errors.front().count, 50U);
}

TEST_F(runs, are_written_by_several_processes) {
    auto load = writer();
    auto watch = std::move(*run_writer::join(*folder_));
    const auto cpu = *watch->metric("cpu", "cores");
    EXPECT_EQ(*load->metric("cpu", "cores"), cpu);
    const auto self = *watch->instance({"self", "here", "1", 0, ""});
    const auto step = *load->step("a", "b");
    for (std::int64_t second = 0; second < 50; ++second) {
        load_second what;
        what.second = second;
        what.steps = {{step, 1}};
        ASSERT_TRUE(watch->add(sample{second * 1'000, self, cpu, 1}));
        ASSERT_TRUE(load->write(what));
        ASSERT_TRUE(watch->flush());
    }
    ASSERT_TRUE(load->finish(50'000));
    auto look = reader();
    EXPECT_EQ(*look.tables().number("SELECT COUNT(*) FROM sample"), 50);
    EXPECT_EQ(*look.tables().number("SELECT COUNT(*) FROM step_second"), 50);
}

TEST_F(runs, take_a_refused_second_back_altogether) {
    auto run = writer();
    const auto step = *run->step("a", "b");
    const auto response = latencies(10, 1);
    load_second what;
    what.steps = {{step, 1, 0, 0, 0, &response}};
    ASSERT_TRUE(run->write(what));
    const auto log_size = fs::file_size(folder_->latency_log_file());
    EXPECT_FALSE(run->write(what)); // the same second again
    load_second unknown;
    unknown.second = 1;
    unknown.steps = {{step, 1, 0, 0, 0, &response}, {step_id(99), 1, 0, 0, 0, &response}};
    EXPECT_FALSE(run->write(unknown));
    EXPECT_EQ(fs::file_size(folder_->latency_log_file()), log_size);
    what.second = 1;
    ASSERT_TRUE(run->write(what));
    const auto totals = reader().step_totals({second_range{}});
    ASSERT_TRUE(totals) << totals.error().message;
    EXPECT_EQ(totals->at(0).response.count(), 2U);
}

TEST_F(runs, of_a_later_program_are_refused_in_a_sentence) {
    writer();
    ASSERT_TRUE(database::open(folder_->database_file(), database::access::change)->execute("PRAGMA user_version = 7"));
    const auto refused = run_reader::open(*folder_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, errc::unsupported);
    EXPECT_NE(refused.error().message.find("has schema version 7, this program reads 1"), std::string::npos);
    std::ofstream(folder_->database_file(), std::ios::trunc)
        << "this is not a database, and long enough to be looked at";
    EXPECT_EQ(run_reader::open(*folder_).error().kind, errc::malformed);
}

// --- kill -9 -----------------------------------------------------------------------------------------------------

/// Writes seconds until somebody ends it. Never returns.
[[noreturn]] void write_for_ever(const run_folder& folder, const run_description& about) {
    auto run = std::move(*run_writer::create(folder, about));
    const auto step = *run->step("a", "b");
    const auto instance = *run->instance({"self", "here", "1", 0, ""});
    const auto metric = *run->metric("cpu", "cores");
    for (std::int64_t second = 0;; ++second) {
        const auto response = latencies(1 + second % 50, 10);
        load_second what;
        what.second = second;
        what.steps = {{step, 10, 0, 0, 0, &response, &response, &response, nullptr}};
        static_cast<void>(run->add(sample{second * 1'000, instance, metric, 1}));
        if (!run->write(what)) {
            ::_exit(1);
        }
    }
}

TEST_F(runs, outlive_kill_9_at_any_moment) {
    random_source random(1);
    for (int kill = 0; kill < 15; ++kill) {
        const auto folder = *run_folder::create(root_, "killed", start_ms);
        const auto child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            write_for_ever(folder, about());
        }
        // Somewhere in a second that is drawn: as many turns of looking as it takes.
        const auto wanted = static_cast<std::int64_t>(1 + random.below(200));
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        std::int64_t seen = 0;
        while (seen < wanted && std::chrono::steady_clock::now() < deadline) {
            if (auto look = run_reader::open(folder)) {
                seen = look->tables().number("SELECT COUNT(*) FROM step_second").value_or(0);
            }
        }
        ::kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
        ASSERT_GE(seen, wanted);

        auto look = run_reader::open(folder);
        ASSERT_TRUE(look) << look.error().message;
        auto check = *look->tables().prepare("PRAGMA integrity_check");
        ASSERT_TRUE(check.each([](const row& each) { EXPECT_EQ(each.text(0), "ok"); }));
        const auto seconds = *look->tables().number("SELECT COUNT(*) FROM step_second");
        EXPECT_GE(seconds, seen);
        EXPECT_EQ(*look->tables().number("SELECT COUNT(*) FROM sample"), seconds);
        EXPECT_EQ(*look->tables().number("SELECT COUNT(*) FROM latency_second"), 3 * seconds);
        const auto totals = look->step_totals({second_range{}});
        ASSERT_TRUE(totals) << totals.error().message;
        EXPECT_EQ(totals->at(0).response.count(), static_cast<std::uint64_t>(10 * seconds));
        EXPECT_FALSE(look->facts()->ended_at_ms);
    }
}

// --- a reader that is not ours -----------------------------------------------------------------------------------

TEST_F(runs, are_read_by_python) {
    if (std::system("python3 -c 'import sqlite3' 2>/dev/null") != 0) {
        GTEST_SKIP() << "python3 with its sqlite3 module is not installed";
    }
    auto run = writer();
    const auto step = *run->step("deliver", "announce a good");
    const auto response = latencies(20, 100);
    load_second what;
    what.second = 3;
    what.steps = {{step, 100, 7, 0, 0, &response, &response, nullptr, nullptr}};
    what.errors = {{step, "status 503", 7}};
    what.witnesses = {{3'100, step, 12, "status 503", 20'000'000, "overloaded"}};
    ASSERT_TRUE(run->write(what));
    const auto script =
        fmt::format("python3 -c \"\n"
                    "import sqlite3\n"
                    "db = sqlite3.connect('file:{}?mode=ro', uri=True)\n"
                    "db.row_factory = sqlite3.Row\n"
                    "names = [r[0] for r in db.execute(\\\"SELECT name FROM sqlite_master WHERE type = 'view'\\\")]\n"
                    "assert len(names) == 8, names\n"
                    "[db.execute('SELECT * FROM ' + name).fetchall() for name in names]\n"
                    "row = db.execute('SELECT * FROM requests').fetchone()\n"
                    "assert (row['second'], row['step'], row['count'], row['failed']) == (3, 'announce a good', 100, "
                    "7), dict(row)\n"
                    "assert 20 <= row['response_p99_ms'] < 20.2 and row['slip_p99_ms'] is None, dict(row)\n"
                    "assert tuple(db.execute('SELECT kind, count FROM errors').fetchone()) == ('status 503', 7)\n"
                    "assert db.execute('SELECT detail FROM witnesses').fetchone()[0] == 'overloaded'\n"
                    "assert db.execute('PRAGMA user_version').fetchone()[0] == 1\n"
                    "\"",
                    folder_->database_file().string());
    EXPECT_EQ(std::system(script.c_str()), 0);
}

} // namespace
} // namespace cb::runstore
