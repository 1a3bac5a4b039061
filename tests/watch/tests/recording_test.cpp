// SPDX-License-Identifier: Apache-2.0
// What `watch --out` leaves in a run's folder, read with SQLite.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "base/clock.hpp"
#include "runstore/run_reader.hpp"
#include "runstore/run_writer.hpp"
#include "support/running_broker.hpp"
#include "watch/support/watch_run.hpp"

namespace {

using namespace cb::tests;
using boost::json::object;
namespace fs = std::filesystem;
namespace runstore = cb::runstore;

class recording : public testing::Test {
protected:
    recording() {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        folder_ = fs::temp_directory_path() / ("cb-recording-" + std::to_string(::getpid()) + "-" + test->name());
        fs::remove_all(folder_);
    }
    ~recording() override { fs::remove_all(folder_); }

    /// The first column of the first row.
    [[nodiscard]] std::string asked(const std::string& sql) const {
        auto file = runstore::database::open(folder_ / "run.db", runstore::database::access::read);
        if (!file) {
            return file.error().message;
        }
        auto query = file->prepare(sql);
        if (!query) {
            return query.error().message;
        }
        std::string found = "no row";
        const auto read =
            query->each([&](const runstore::row& each) { found = found == "no row" ? each.text(0) : found; });
        return read ? found : read.error().message;
    }
    [[nodiscard]] std::vector<std::string> words(const std::string& target) const {
        return {target, "--every", "200ms", "--out", folder_.string()};
    }
    static std::string refusal(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {chaosbroker_program(), "watch"});
        child_process program(arguments);
        EXPECT_EQ(program.wait(std::chrono::seconds(20)), 2) << program.output();
        return program.output();
    }
    static void await_samples(watch_run& watch, std::size_t wanted) {
        std::size_t samples = 0;
        ASSERT_TRUE(watch.wait_for([&](const object& line) {
            return text_of(line, "type") == "sample" && ++samples == wanted;
        })) << watch.story();
    }

    fs::path folder_;
};

TEST_F(recording, a_run_holds_instances_figures_and_deaths) {
    child_process victim({known_use_program(), "--cpu", "0.2", "--hold", "20", "--exit", "7"});
    const auto target = "pid:" + std::to_string(victim.pid());
    watch_run watch(words(target));
    await_samples(watch, 5);
    victim.signal(SIGTERM);
    EXPECT_EQ(victim.wait(std::chrono::seconds(10)), 7);
    ASSERT_TRUE(watch.event("ended")) << watch.story();
    watch.process().signal(SIGINT);
    EXPECT_EQ(watch.process().wait(std::chrono::seconds(20)), 0) << watch.process().output();

    EXPECT_EQ(asked("SELECT kind FROM run"), "watch");
    EXPECT_EQ(asked("SELECT ended_at_ms > 0 FROM run"), "1");
    EXPECT_EQ(asked("SELECT command_line FROM run"), "chaosbroker watch " + target + " --every 200ms");
    EXPECT_EQ(asked("SELECT end_at_ms > 0 FROM phase WHERE name = 'watch'"), "1");
    EXPECT_EQ(asked("SELECT COUNT(*) FROM instance WHERE service <> 'host'"), "1");
    const auto sample = watch.samples(target).back();
    EXPECT_EQ(asked("SELECT identity FROM instance WHERE service = '" + target + "'"), text_of(sample, "identity"));
    // As many figures as were shown, and the same.
    const auto of_metric = [&](const std::string& metric) {
        return " FROM samples WHERE service = '" + target + "' AND metric = '" + metric + "'";
    };
    EXPECT_EQ(asked("SELECT COUNT(*)" + of_metric("resident_bytes")), std::to_string(watch.samples(target).size()));
    EXPECT_EQ(std::stod(asked("SELECT MAX(value)" + of_metric("threads"))), 1);
    EXPECT_EQ(asked("SELECT DISTINCT unit" + of_metric("cpu_cores")), "cores");
    EXPECT_GT(std::stod(asked("SELECT AVG(value)" + of_metric("cpu_cores"))), 0);
    EXPECT_EQ(std::stod(asked("SELECT value" + of_metric("resident_bytes") + " ORDER BY at_s DESC LIMIT 1")),
              number_in(sample, "figures", "resident_bytes"));
    EXPECT_EQ(asked("SELECT COUNT(*) > 0" + of_metric("proportional_bytes")), "1");
    EXPECT_EQ(asked("SELECT COUNT(*) > 3 FROM samples WHERE service = 'host' AND metric = 'busy_cores'"), "1");
    EXPECT_EQ(asked("SELECT cause || ' ' || exit_code FROM deaths"), "exited 7");
    EXPECT_EQ(asked("SELECT d.at_s * 1000 <= r.ended_at_ms AND d.at_s > 0 FROM deaths d, run r"), "1");

    child_process report({chaosbroker_program(), "report", folder_.string()});
    EXPECT_EQ(report.wait(std::chrono::seconds(20)), 0) << report.output();
    EXPECT_NE(report.output().find("Instances that ended"), std::string::npos) << report.output();
    EXPECT_NE(report.output().find(": exited"), std::string::npos) << report.output();
}

TEST_F(recording, an_oom_kill_of_a_child_and_what_is_not_there_are_noted) {
    const auto group = test_group::make("recorded");
    if (!group) {
        GTEST_SKIP() << "no cgroup can be made here: skipped";
    }
    group->limit_memory(40UL * 1024 * 1024);
    watch_run watch(words("cgroup:" + group->name()));
    ASSERT_TRUE(watch.event("notice"));
    child_process parent(group->inside({known_use_program(), "--hold", "5", "--child-hold", "100"}));
    ASSERT_TRUE(watch.event("child_killed")) << watch.story();
    ASSERT_TRUE(watch.wait_for([](const object& line) { return number_in(line, "totals", "oom_kills") == 1; }));
    parent.signal(SIGKILL);
    EXPECT_EQ(parent.wait(std::chrono::seconds(10)), 137);
    ASSERT_TRUE(watch.event("ended")) << watch.story();
    watch.process().signal(SIGTERM);
    EXPECT_EQ(watch.process().wait(std::chrono::seconds(20)), 0) << watch.process().output();
    EXPECT_EQ(asked("SELECT COUNT(*) FROM note WHERE kind = 'notice' AND text LIKE '%nothing there yet%'"), "1");
    EXPECT_EQ(asked("SELECT COUNT(*) FROM note WHERE kind = 'child killed' AND text LIKE '%out of memory%'"), "1");
    EXPECT_EQ(asked("SELECT cause || ' ' || exit_code || ' ' || signal FROM deaths"), "signalled 137 9");
    EXPECT_EQ(std::stod(asked("SELECT MAX(value) FROM samples WHERE metric = 'oom_kills'")), 1);
    EXPECT_EQ(asked("SELECT COUNT(*) FROM samples WHERE metric = 'memory_limit_bytes'"), "1"); // it did not change
}

TEST_F(recording, a_run_that_goes_on_is_joined_and_left_to_whoever_began_it) {
    const auto folder = runstore::run_folder::create_at(folder_);
    ASSERT_TRUE(folder);
    runstore::run_description about;
    about.title = "Steady";
    about.kind = "load";
    // As if it had begun 100 s ago.
    const auto now_ns = std::chrono::steady_clock::now().time_since_epoch();
    about.started_mono_ns = std::chrono::nanoseconds(now_ns - std::chrono::seconds(100)).count();
    auto load = runstore::run_writer::create(*folder, about);
    ASSERT_TRUE(load) << load.error().message;
    watch_run watch(words("self"));
    await_samples(watch, 3);
    watch.process().signal(SIGINT);
    EXPECT_EQ(watch.process().wait(std::chrono::seconds(20)), 0) << watch.process().output();
    EXPECT_EQ(asked("SELECT kind FROM run WHERE ended_at_ms IS NULL"), "load");
    EXPECT_EQ(asked("SELECT MIN(at_s) >= 100 FROM samples"), "1");
    ASSERT_TRUE((*load)->finish(200'000));
    EXPECT_NE(refusal({"self", "--out", folder_.string()}).find("this run has ended"), std::string::npos);
}

TEST_F(recording, a_folder_that_holds_something_else_is_refused) {
    fs::create_directories(folder_);
    std::ofstream(folder_ / "notes.txt") << "mine";
    EXPECT_NE(refusal({"self", "--out", folder_.string()}).find("is not empty"), std::string::npos);
    EXPECT_FALSE(fs::exists(folder_ / "run.db"));
}

} // namespace
