// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "base/limits.hpp"
#include "report/faces.hpp"
#include "report/report_html.hpp"
#include "runstore/run_writer.hpp"

namespace cb::report {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

/// A run in a folder of its own, and the data of its page.
class report_page : public testing::Test {
protected:
    void SetUp() override {
        const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
        root_ = fs::temp_directory_path() / fmt::format("cb-page-{}-{}", test->name(), ::getpid());
        fs::remove_all(root_);
        folder_ = *runstore::run_folder::create_at(root_);
    }
    void TearDown() override { fs::remove_all(root_); }

    void begin(const std::string& title = "A run", const std::string& source_file = "") {
        runstore::run_description about;
        about.title = title;
        about.kind = "experiment";
        about.source_file = source_file;
        about.started_ms = 1'700'000'000'000;
        run_ = std::move(*runstore::run_writer::create(*folder_, about));
    }
    /// `each` requests of a step in a second, all as fast.
    void second_of_load(std::int64_t second, runstore::step_id step, std::uint64_t each, std::int64_t response_ns) {
        metrics::hdr_histogram response(metrics::latency_shape_ns(3));
        response.record(response_ns, each);
        runstore::load_second what;
        what.second = second;
        what.steps = {{step, each, 1, 0, 0, &response, nullptr, nullptr, nullptr}};
        what.errors = {{step, "status 503", 1}};
        what.users = {{"pausing", 10 + second % 2}};
        ASSERT_TRUE(run_->write(what));
    }
    std::string text() {
        auto reader = std::move(*runstore::run_reader::open(*folder_));
        const auto summary = *summarize(reader);
        return page_data(summary, *read_series(reader, summary.facts, summary.instances));
    }
    json::object data() { return json::parse(text()).as_object(); }

    fs::path root_;
    std::optional<runstore::run_folder> folder_;
    std::unique_ptr<runstore::run_writer> run_;
};

std::vector<std::int64_t> whole_numbers(const json::value& list) {
    return json::value_to<std::vector<std::int64_t>>(list);
}

TEST_F(report_page, has_a_point_a_second_of_a_short_run) {
    begin();
    const auto pay = *run_->step("deliver", "pay");
    const auto look = *run_->step("deliver", "look");
    second_of_load(0, pay, 10, 2'000'000);
    second_of_load(2, look, 30, 4'000'000);
    ASSERT_TRUE(run_->finish(3'000));
    const auto load = data().at("load").as_object();
    EXPECT_EQ(load.at("bucket_s").as_int64(), 1);
    const auto& steps = load.at("steps").as_array();
    ASSERT_EQ(steps.size(), 3U);
    EXPECT_EQ(steps[0].at("step").as_string(), "");
    EXPECT_EQ(whole_numbers(steps[0].at("count")), (std::vector<std::int64_t>{10, 0, 30}));
    EXPECT_EQ(whole_numbers(steps[0].at("failed")), (std::vector<std::int64_t>{1, 0, 1}));
    EXPECT_EQ(whole_numbers(steps[1].at("count")), (std::vector<std::int64_t>{10, 0, 0}));
    const auto p99 = whole_numbers(steps[2].at("p99"));
    EXPECT_EQ(p99[0], -1);
    EXPECT_NEAR(static_cast<double>(p99[2]), 4'000, 4);
    const auto& errors = load.at("errors").as_array();
    ASSERT_EQ(errors.size(), 2U);
    EXPECT_EQ(whole_numbers(load.at("users").as_array()[0].at("mean")), (std::vector<std::int64_t>{10, -1, 10}));
}

TEST_F(report_page, merges_histograms_where_seconds_share_a_point) {
    begin();
    const auto pay = *run_->step("deliver", "pay");
    second_of_load(0, pay, 90, 1'000'000);
    second_of_load(1, pay, 10, 100'000'000);
    ASSERT_TRUE(run_->finish(1'801'000)); // more than 900 points of 2 s
    const auto load = data().at("load").as_object();
    EXPECT_EQ(load.at("bucket_s").as_int64(), 4);
    EXPECT_LE(load.at("buckets").as_int64(), static_cast<std::int64_t>(limits::report_points));
    const auto& all = load.at("steps").as_array()[0];
    EXPECT_EQ(whole_numbers(all.at("count"))[0], 100);
    EXPECT_NEAR(static_cast<double>(whole_numbers(all.at("p50"))[0]), 1'000, 1);
    EXPECT_NEAR(static_cast<double>(whole_numbers(all.at("p95"))[0]), 100'000, 100); // of all 100, not a mean of two
}

TEST_F(report_page, keeps_every_sample_of_a_short_line_and_the_extremes_of_a_long_one) {
    begin();
    const auto replica = *run_->instance({"billing", "b-1", "1", 0, ""});
    const auto cpu = *run_->metric("cpu_cores", "cores");
    const auto limit = *run_->metric("cpu_limit_cores", "cores");
    const auto unseen = *run_->metric("open_files", "");
    ASSERT_TRUE(run_->add(runstore::sample{250, replica, limit, 1.5}));
    ASSERT_TRUE(run_->add(runstore::sample{250, replica, unseen, 12}));
    for (std::int64_t at = 0; at < 4'000; ++at) {
        ASSERT_TRUE(run_->add(runstore::sample{at * 1'000, replica, cpu, at == 1'234 ? 9.0 : 0.5}));
    }
    ASSERT_TRUE(run_->flush());
    ASSERT_TRUE(run_->finish(4'000'000));
    const auto lines = data().at("samples").as_array();
    ASSERT_EQ(lines.size(), 2U); // files have no chart
    const auto& thinned = lines[0].as_object();
    EXPECT_EQ(thinned.at("metric").as_string(), "cpu_cores");
    EXPECT_LE(thinned.at("mean").as_array().size(), limits::report_points);
    const auto scale = thinned.at("scale").as_double();
    const auto most = whole_numbers(thinned.at("max"));
    EXPECT_NEAR(static_cast<double>(*std::max_element(most.begin(), most.end())) * scale, 9.0, scale);
    EXPECT_EQ(lines[1].at("bucket_ms").as_int64(), 1);
    EXPECT_EQ(whole_numbers(lines[1].at("at")), (std::vector<std::int64_t>{250}));
    EXPECT_FALSE(lines[1].as_object().contains("min"));
}

TEST_F(report_page, ends_no_script_by_a_name) {
    const std::string name = "</script><!-- & \xe2\x80\xa8\xe2\x80\xa9 \" \\ {{data}} {{script}}";
    begin(name);
    second_of_load(0, *run_->step(name, name), 1, 1'000'000);
    ASSERT_TRUE(run_->add(runstore::run_note{0, name, name}));
    ASSERT_TRUE(run_->finish(1'000));
    const auto written = text();
    EXPECT_EQ(written.find_first_of("<>&"), std::string::npos);
    EXPECT_EQ(written.find("\xe2\x80\xa8"), std::string::npos);
    EXPECT_EQ(written.find("\xe2\x80\xa9"), std::string::npos);
    const auto read = json::parse(written);
    EXPECT_EQ(read.at("report").at("title").as_string(), name);
    EXPECT_EQ(read.at("load").at("steps").as_array()[1].at("step").as_string(), name);

    auto reader = std::move(*runstore::run_reader::open(*folder_));
    ASSERT_TRUE(write_faces(*folder_, *summarize(reader)));
    std::ifstream file(root_ / "report.html");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
    EXPECT_NE(page.find("<title>&lt;/script&gt;&lt;!-- &amp; "), std::string::npos);
    EXPECT_EQ(page.find("http://"), std::string::npos);
    EXPECT_EQ(page.find("https://"), std::string::npos);
}

TEST_F(report_page, shows_the_file_but_none_outside_of_the_folder) {
    begin("A run", "../" + root_.filename().string() + "-outside");
    const fs::path outside = root_.string() + "-outside";
    std::ofstream(outside) << "secret";
    ASSERT_TRUE(run_->finish(1'000));
    EXPECT_EQ(data().at("source").at("text").as_string(), "");
    fs::remove(outside);
}

TEST_F(report_page, is_made_of_a_run_that_was_killed_at_its_start) {
    begin();
    const auto all = data();
    EXPECT_EQ(all.at("load").at("buckets").as_int64(), 0);
    EXPECT_EQ(all.at("report").at("ended_at_ms"), nullptr);
}

} // namespace
} // namespace cb::report
