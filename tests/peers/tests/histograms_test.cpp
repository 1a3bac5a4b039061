// SPDX-License-Identifier: Apache-2.0
// Interval logs, read and written by two implementations that are not ours: the same counts and percentiles everywhere.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <fmt/format.h>
#include <unistd.h>

#include "base/random.hpp"
#include "metrics/histogram_log.hpp"
#include "support/running_broker.hpp"

namespace cb::tests {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// As java/Histograms.java and kafkajs/histograms.mjs print an interval.
std::string line_of(const std::string& whose, const metrics::tagged_interval& interval) {
    const auto& values = interval.values;
    auto line = fmt::format("{} {} {:.3f} {}", whose, interval.tag, interval.start_s, values.count());
    for (const double percentile : {0.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
        line += fmt::format(" {}", values.value_at_percentile(percentile));
    }
    return line + fmt::format(" {} {} {} {}", values.min(), values.max(), std::llround(values.mean()),
                              std::llround(values.standard_deviation()));
}

/// Two steps over three seconds: spread over all magnitudes, and close together.
std::vector<metrics::tagged_interval> some_intervals() {
    random_source random(8);
    std::vector<metrics::tagged_interval> out;
    for (int second = 0; second < 3; ++second) {
        metrics::hdr_histogram spread(metrics::latency_shape_ns(2 + second % 2));
        metrics::hdr_histogram close(metrics::latency_shape_ns(2));
        for (int i = 0; i < 20'011; ++i) {
            spread.record(static_cast<std::int64_t>(std::exp(random.unit() * 28)));
            close.record(5'000'000 + static_cast<std::int64_t>(random.below(2'000'000)));
        }
        out.push_back({"announce_a_good/response", second + 0.25, 1, std::move(spread)});
        out.push_back({"announce_a_good/service", second + 0.25, 1, std::move(close)});
    }
    return out;
}

std::vector<std::string> lines_that_begin(const std::string& text, const std::string& word) {
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with(word + " ")) {
            out.push_back(line);
        }
    }
    return out;
}

/// A folder with a log of ours, and what another implementation makes of it.
class interval_log : public testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::temp_directory_path() / fmt::format("cb-histograms-{}", ::getpid());
        fs::create_directories(folder_);
        std::ofstream out(ours_);
        out << metrics::histogram_log_head({"made by a test", 1'700'000'000'000, 1'700'000'000'000});
        for (const auto& each : some_intervals()) {
            out << metrics::histogram_log_row(each.tag, each.start_s, each.length_s, each.values);
        }
    }
    void TearDown() override { fs::remove_all(folder_); }

    void expect_agreement(child_process& peer) {
        ASSERT_EQ(peer.wait(120s), 0) << peer.output();
        std::vector<std::string> ours;
        for (const auto& each : some_intervals()) {
            ours.push_back(line_of("ours", each));
        }
        EXPECT_EQ(lines_that_begin(peer.output(), "ours"), ours);

        std::ifstream in(theirs_);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        metrics::histogram_log_reader reader(text);
        std::vector<std::string> theirs;
        for (auto read = reader.next(); read && *read; read = reader.next()) {
            theirs.push_back(line_of("theirs", **read));
        }
        EXPECT_EQ(theirs.size(), 3U);
        EXPECT_EQ(theirs, lines_that_begin(peer.output(), "theirs"));
    }

    fs::path folder_ = fs::temp_directory_path() / fmt::format("cb-histograms-{}", ::getpid());
    fs::path ours_ = folder_ / "ours.hlog";
    fs::path theirs_ = folder_ / "theirs.hlog";
};

TEST_F(interval_log, is_one_language_with_java) {
    const auto libraries = folder_from_environment("CB_KAFKA_LIBS");
    if (libraries.empty()) {
        GTEST_SKIP() << "java histograms: CB_KAFKA_LIBS names no folder";
    }
    child_process java({"java", "-cp", libraries + "/*", CB_PEERS_DIR "/java/Histograms.java", ours_, theirs_});
    expect_agreement(java);
}

TEST_F(interval_log, is_one_language_with_javascript) {
    const auto modules = folder_from_environment("CB_KAFKAJS");
    if (modules.empty()) {
        GTEST_SKIP() << "javascript histograms: CB_KAFKAJS names no folder";
    }
    child_process node({"node", CB_PEERS_DIR "/kafkajs/histograms.mjs", ours_, theirs_}, {{"CB_KAFKAJS", modules}});
    expect_agreement(node);
}

/// The tool that people run on such a log, with nothing but the tag: it takes values for nanoseconds and prints ms.
TEST_F(interval_log, is_processed_by_the_public_tool) {
    const auto libraries = folder_from_environment("CB_KAFKA_LIBS");
    if (libraries.empty()) {
        GTEST_SKIP() << "java histograms: CB_KAFKA_LIBS names no folder";
    }
    child_process tool({"java", "-cp", libraries + "/*", "org.HdrHistogram.HistogramLogProcessor", "-i", ours_, "-tag",
                        "announce_a_good/service"});
    EXPECT_EQ(tool.wait(60s), 0) << tool.output();
    metrics::hdr_histogram all(metrics::latency_shape_ns(2));
    for (const auto& each : some_intervals()) {
        if (each.tag == "announce_a_good/service") {
            all.merge(each.values);
        }
    }
    const auto max =
        fmt::format("[Max     = {:12.2f}, Total count    = {:12}]", static_cast<double>(all.max()) / 1e6, all.count());
    EXPECT_NE(tool.output().find(max), std::string::npos) << max << "\n" << tool.output();
}

} // namespace
} // namespace cb::tests
