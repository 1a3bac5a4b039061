// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "report/faces.hpp"
#include "runstore/run_writer.hpp"

namespace cb::report {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using runstore::outcome;

/// A run in a folder of its own: 5 s of warm-up that must not count, 10 s that do.
class faces : public testing::Test {
protected:
    void SetUp() override {
        const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
        root_ = fs::temp_directory_path() / fmt::format("cb-faces-{}-{}", test->name(), ::getpid());
        fs::remove_all(root_);
        folder_ = *runstore::run_folder::create_at(root_);
        runstore::run_description about;
        about.title = "Payments & \"doubles\" <twice>";
        about.kind = "experiment";
        about.hypothesis = "Nobody is paid twice.";
        about.seed = 7;
        about.started_ms = 1'700'000'000'000;
        about.host = "here";
        about.versions = {{"chaosbroker", "0.1.0"}};
        run_ = std::move(*runstore::run_writer::create(*folder_, about));
    }
    void TearDown() override { fs::remove_all(root_); }

    void load() {
        const auto pay = *run_->step("deliver", "pay");
        ASSERT_TRUE(run_->begin_phase("warm-up", 0, false));
        for (std::int64_t second = 0; second < 15; ++second) {
            if (second == 5) {
                ASSERT_TRUE(run_->end_phase(5'000));
                ASSERT_TRUE(run_->begin_phase("steady", 5'000));
            }
            metrics::hdr_histogram response(metrics::latency_shape_ns(2));
            response.record(second < 5 ? 5'000'000'000 : 20'000'000, 99);
            response.record(second < 5 ? 5'000'000'000 : 300'000'000);
            runstore::load_second what;
            what.second = second;
            what.steps = {{pay, 100, 1, 10, 20, &response, &response, nullptr, nullptr}};
            what.errors = {{pay, "status 503", 1}};
            ASSERT_TRUE(run_->write(what));
        }
    }
    void judge(outcome verdict) {
        ASSERT_TRUE(run_->add(
            runstore::check_result{"latency of pay", "steady", "p99 < 250 ms", "p99 = 20 ms", outcome::passed, ""}));
        ASSERT_TRUE(run_->add(runstore::check_result{"audit", "", "paid_twice = 0",
                                                     "paid_twice = 3\n<&\"'\xef\xbf\xbf>", outcome::failed, ""}));
        ASSERT_TRUE(run_->add(
            runstore::check_result{"lag", "steady", "not rising", "", outcome::inconclusive, "samples are missing"}));
        ASSERT_TRUE(run_->set_verdict({verdict, {"paid twice: 3", "lag: samples are missing"}}));
    }
    run_summary summary() {
        auto reader = std::move(*runstore::run_reader::open(*folder_));
        auto read = summarize(reader);
        EXPECT_TRUE(read) << read.error().message;
        return std::move(*read);
    }

    fs::path root_;
    std::optional<runstore::run_folder> folder_;
    std::unique_ptr<runstore::run_writer> run_;
};

TEST_F(faces, json_has_what_was_measured_and_found) {
    load();
    judge(outcome::failed);
    const auto instance = *run_->instance({"billing", "billing-1", "17", 100, ""});
    ASSERT_TRUE(run_->add(runstore::death{instance, 900, std::nullopt, 9, "out of memory", "oom_kill"}));
    ASSERT_TRUE(run_->finish(15'000));
    const auto report = json::parse(report_json(summary())).as_object();
    EXPECT_EQ(report.at("format").as_int64(), 1);
    EXPECT_EQ(report.at("title").as_string(), "Payments & \"doubles\" <twice>");
    EXPECT_EQ(report.at("verdict").as_string(), "failed");
    EXPECT_EQ(report.at("reasons").as_array().size(), 2U);
    EXPECT_EQ(report.at("started").as_string(), "2023-11-14T22:13:20.000Z");
    EXPECT_EQ(report.at("judged_seconds").to_number<double>(), 10);
    const auto& step = report.at("steps").at(0);
    EXPECT_EQ(step.at("count").as_int64(), 1'000);
    EXPECT_EQ(step.at("failed").as_int64(), 10);
    EXPECT_EQ(step.at("rate_per_s").as_double(), 100);
    EXPECT_NEAR(static_cast<double>(step.at("response_us").at("p99").as_int64()), 20'000, 200);
    EXPECT_NEAR(static_cast<double>(step.at("response_us").at("max").as_int64()), 300'000, 3'000);
    EXPECT_TRUE(step.at("slip_us").is_null());
    EXPECT_EQ(report.at("phases").as_array().size(), 2U);
    EXPECT_EQ(report.at("phases").at(0).at("judged").as_bool(), false);
    EXPECT_EQ(report.at("phases").at(0).at("steps").at(0).at("count").as_int64(), 500);
    EXPECT_EQ(report.at("errors").at(0).at("count").as_int64(), 10);
    EXPECT_EQ(report.at("checks").at(1).at("outcome").as_string(), "failed");
    EXPECT_TRUE(report.at("checks").at(1).at("phase").is_null());
    EXPECT_EQ(report.at("instances").at(0).at("death").at("signal").as_int64(), 9);
    EXPECT_TRUE(report.at("instances").at(0).at("death").at("exit_code").is_null());
}

/// Every key that is in report.json is in its documentation.
TEST_F(faces, json_is_documented) {
    load();
    judge(outcome::failed);
    const auto instance = *run_->instance({"billing", "billing-1", "17", 100, ""});
    ASSERT_TRUE(run_->add(runstore::death{instance, 900, 1, std::nullopt, "exited", ""}));
    ASSERT_TRUE(run_->set_rule_counts({{"twice", "duplicate", 3, 2, 1}}));
    ASSERT_TRUE(run_->add(runstore::run_note{1, "action", "kill"}));
    std::ifstream in(CB_REPORT_FORMAT);
    const std::string page{std::istreambuf_iterator<char>(in), {}};
    std::size_t looked_at = 0;
    const std::function<void(const json::value&)> look = [&](const json::value& value) {
        if (const auto* list = value.if_array()) {
            std::for_each(list->begin(), list->end(), look);
        } else if (const auto* object = value.if_object()) {
            for (const auto& [key, inner] : *object) {
                ++looked_at;
                EXPECT_NE(page.find(fmt::format("`{}`", std::string_view(key))), std::string::npos) << key;
                if (key != "versions") {
                    look(inner);
                }
            }
        }
    };
    look(json::parse(report_json(summary())));
    EXPECT_GT(looked_at, 60U);
}

TEST_F(faces, text_is_a_table_and_the_checks) {
    load();
    judge(outcome::inconclusive);
    ASSERT_TRUE(run_->finish(15'000));
    const auto text = report_text(summary());
    EXPECT_NE(text.find("Response over 10.0 s\n"), std::string::npos) << text;
    EXPECT_NE(text.find("  pay    1000      10       100.0  20.1 ms"), std::string::npos) << text;
    EXPECT_NE(text.find("  status 503, pay  10\n"), std::string::npos) << text;
    EXPECT_NE(text.find("  passed        latency of pay (steady): expected p99 < 250 ms, found p99 = 20 ms\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("found paid_twice = 3 <&"), std::string::npos) << text;
    EXPECT_NE(text.find("found nothing: samples are missing"), std::string::npos);
    EXPECT_NE(text.find("Verdict: inconclusive\n  paid twice: 3\n"), std::string::npos) << text;
}

TEST_F(faces, of_a_run_that_was_killed_say_so) {
    const auto killed = summary(); // right after it began
    EXPECT_NE(report_text(killed).find("No verdict: the run has not ended"), std::string::npos);
    EXPECT_NE(junit_xml(killed).find("errors=\"1\""), std::string::npos);
    EXPECT_TRUE(json::parse(report_json(killed)).at("verdict").is_null());
    load();
    EXPECT_NE(report_text(summary()).find("100.0"), std::string::npos);
}

/// junit.xml, read by Python: (name, outcome, message) of each test case, and the sums of the suite.
std::string read_by_python(const fs::path& folder) {
    std::ofstream(folder / "read.py") << "import sys, xml.etree.ElementTree as tree\n"
                                         "root = tree.parse(sys.argv[1]).getroot()\n"
                                         "assert root.tag == 'testsuites', root.tag\n"
                                         "suites = root.findall('testsuite')\n"
                                         "assert len(suites) == 1\n"
                                         "suite = suites[0]\n"
                                         "cases = suite.findall('testcase')\n"
                                         "assert suite.get('tests') == str(len(cases))\n"
                                         "assert suite.get('failures') == str(len(suite.findall('testcase/failure')))\n"
                                         "assert suite.get('errors') == str(len(suite.findall('testcase/error')))\n"
                                         "assert suite.get('timestamp') == '2023-11-14T22:13:20'\n"
                                         "print(suite.get('name'))\n"
                                         "for case in cases:\n"
                                         "    assert case.get('classname') and float(case.get('time')) >= 0\n"
                                         "    bad = [c for c in case if c.tag in ('failure', 'error')]\n"
                                         "    told = [bad[0].tag, bad[0].get('message')] if bad else ['passed']\n"
                                         "    print(' | '.join([case.get('name')] + told).replace('\\n', '\\\\n'))\n";
    const auto command = fmt::format(
        "PYTHONIOENCODING=utf-8 python3 '{0}/read.py' '{0}/junit.xml' >'{0}/read.txt' 2>&1", folder.string());
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::ifstream in(folder / "read.txt");
    return {std::istreambuf_iterator<char>(in), {}};
}

bool python_is_there() { return std::system("python3 -c 'import xml.etree.ElementTree' 2>/dev/null") == 0; }

TEST_F(faces, junit_is_read_by_python) {
    if (!python_is_there()) {
        GTEST_SKIP() << "python3 is not installed";
    }
    load();
    judge(outcome::failed);
    ASSERT_TRUE(run_->finish(15'000));
    ASSERT_TRUE(write_faces(*folder_, summary()));
    EXPECT_TRUE(fs::exists(root_ / "report.json"));
    EXPECT_EQ(read_by_python(root_),
              "Payments & \"doubles\" <twice>\n"
              "latency of pay (steady) | passed\n"
              "audit | failure | expected paid_twice = 0, found paid_twice = 3\\n<&\"'\xef\xbf\xbd>\n"
              "lag (steady) | error | expected not rising, found nothing: samples are missing\n"
              "verdict | failure | paid twice: 3; lag: samples are missing\n");
}

TEST_F(faces, junit_of_a_run_without_checks_is_its_end) {
    if (!python_is_there()) {
        GTEST_SKIP() << "python3 is not installed";
    }
    ASSERT_TRUE(write_faces(*folder_, summary()));
    EXPECT_EQ(read_by_python(root_), "Payments & \"doubles\" <twice>\n"
                                     "verdict | error | the run has not ended: it goes on, or it was killed\n");
    ASSERT_TRUE(run_->finish(15'000));
    ASSERT_TRUE(write_faces(*folder_, summary()));
    EXPECT_EQ(read_by_python(root_), "Payments & \"doubles\" <twice>\nverdict | passed\n");
}

} // namespace
} // namespace cb::report
