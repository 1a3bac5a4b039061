// SPDX-License-Identifier: Apache-2.0
// `chaosbroker report`, as people call it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

#include "runstore/run_writer.hpp"
#include "support/running_broker.hpp"

namespace cb::tests {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

TEST(report_command, makes_the_faces_of_a_run_again) {
    const auto root = fs::temp_directory_path() / fmt::format("cb-report-{}", ::getpid());
    fs::remove_all(root);
    const auto folder = *runstore::run_folder::create(root, "A run", 1'700'000'000'000);
    runstore::run_description about;
    about.title = "A run";
    about.kind = "load";
    auto run = std::move(*runstore::run_writer::create(folder, about));
    ASSERT_TRUE(run->add(runstore::check_result{"errors", "", "< 1 %", "0 %", runstore::outcome::passed, ""}));
    ASSERT_TRUE(run->set_verdict({runstore::outcome::passed, {"all checks held"}}));
    ASSERT_TRUE(run->finish(3'000));
    run.reset();

    child_process text({chaosbroker_program(), "report", (root / "latest").string()});
    EXPECT_EQ(text.wait(30s), 0) << text.output();
    EXPECT_NE(text.output().find("Verdict: passed\n  all checks held\n"), std::string::npos) << text.output();
    EXPECT_TRUE(fs::exists(folder.path() / "junit.xml"));
    child_process as_json({chaosbroker_program(), "report", "--json", folder.database_file().string()});
    EXPECT_EQ(as_json.wait(30s), 0);
    std::ifstream in(folder.path() / "report.json");
    EXPECT_EQ(as_json.output(), std::string(std::istreambuf_iterator<char>(in), {}));

    child_process none({chaosbroker_program(), "report", (root / "none").string()});
    EXPECT_EQ(none.wait(30s), 2);
    EXPECT_NE(none.output().find("none: there is no such run"), std::string::npos) << none.output();
    std::ofstream(folder.database_file(), std::ios::trunc) << "no database, but long enough to be looked at as one";
    child_process broken({chaosbroker_program(), "report", folder.path().string()});
    EXPECT_EQ(broken.wait(30s), 2);
    EXPECT_NE(broken.output().find("run.db"), std::string::npos) << broken.output();
    fs::remove_all(root);
}

} // namespace
} // namespace cb::tests
