// SPDX-License-Identifier: Apache-2.0
// What is measured against what the program says of itself: a short form of `./cb bench watch`, with the bounds that a
// few seconds allow.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "base/log.hpp"
#include "watch/support/watch_run.hpp"

namespace {

using namespace cb::tests;
using boost::json::object;

TEST(accuracy, cpu_memory_and_files_are_those_of_the_programs_own_accounting) {
    child_process program({known_use_program(), "--cpu", "0.37", "--hold", "123", "--files", "500"});
    ASSERT_TRUE(program.wait_for_line([](const std::string& line) { return line.starts_with("{"); }));
    const auto target = "pid:" + std::to_string(program.pid());
    watch_run watch({target, "--every", "250ms"});
    ASSERT_TRUE(program.wait_for_line([](const std::string& line) { return line.find("\"age_s\":3.") != line.npos; }));
    ASSERT_TRUE(watch.event("sample"));
    program.signal(SIGTERM);
    ASSERT_EQ(program.wait(std::chrono::seconds(10)), 0);
    ASSERT_TRUE(watch.event("ended"));
    const auto truth = truth_of(program);
    const auto samples = watch.samples(target);
    ASSERT_GE(truth.size(), 3U);
    ASSERT_GE(samples.size(), 3U);
    // The last sample before the program's last word: after it, it is on its way out.
    const auto said_at_s = number_of(truth.back(), "at_s");
    const auto last_before = std::find_if(samples.rbegin(), samples.rend(), [&](const object& each) {
        const auto wall_ms = cb::parse_utc_timestamp(text_of(each, "time"));
        return wall_ms && static_cast<double>(*wall_ms) / 1000 + 0.01 < said_at_s;
    });
    ASSERT_NE(last_before, samples.rend());
    const auto& last = *last_before;
    // The counter stands between the truth before and after the sample, whatever else the machine does meanwhile.
    EXPECT_GE(number_in(last, "totals", "cpu_seconds"), number_of(truth[truth.size() - 3], "cpu_s"));
    EXPECT_LE(number_in(last, "totals", "cpu_seconds"), number_of(truth.back(), "cpu_s"));
    const auto resident = number_of(truth.back(), "resident_bytes");
    EXPECT_NEAR(number_in(last, "figures", "resident_bytes"), resident, 0.02 * resident);
    EXPECT_EQ(number_in(last, "figures", "open_files"), number_of(truth.back(), "files"));
}

} // namespace
