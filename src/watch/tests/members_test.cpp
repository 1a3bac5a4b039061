// SPDX-License-Identifier: Apache-2.0
// The processes of an instance as one counter, over recorded /proc folders that change between readings.
#include "watch/members.hpp"

#include <gtest/gtest.h>

#include "recorded_tree.hpp"

namespace cb::watch {
namespace {

class processes : public testing::Test {
protected:
    /// In hundredths of a second, as the kernel counts.
    void be(int pid, int parent, int own_ticks, int reaped_ticks = 0, char state = 'S', int start = 1000) {
        const auto folder = "/proc/" + std::to_string(pid);
        tree_.write(folder + "/stat", std::to_string(pid) + " (x) " + state + " " + std::to_string(parent) +
                                          " 1 1 0 -1 0 0 0 0 0 " + std::to_string(own_ticks) + " 0 " +
                                          std::to_string(reaped_ticks) + " 0 20 0 2 0 " + std::to_string(start) +
                                          " 1 10 0");
        tree_.write(folder + "/fd/0", "");
        tree_.write(folder + "/limits", "Max open files            64                 64               files\n");
    }
    void end(int pid) { tree_.remove("/proc/" + std::to_string(pid)); }
    double cpu_s() {
        now_ = gauges();
        ended_ = members_.read(now_, buffer_);
        return members_.totals()[counter::cpu_s];
    }

    recorded_tree tree_;
    members members_{tree_.root()};
    gauges now_;
    std::vector<members::ended> ended_;
    std::string buffer_;
};

TEST_F(processes, are_summed) {
    be(1, 0, 100, 50);
    be(2, 1, 30);
    ASSERT_TRUE(members_.add(1, true));
    ASSERT_TRUE(members_.add(2, true));
    EXPECT_DOUBLE_EQ(cpu_s(), 1.8);
    EXPECT_EQ(now_[gauge::processes], 2);
    EXPECT_EQ(now_[gauge::threads], 4);
    EXPECT_EQ(now_[gauge::open_files_limit], 64);
    be(1, 0, 110, 50);
    EXPECT_DOUBLE_EQ(cpu_s(), 1.9);
}

TEST_F(processes, that_are_waited_for_do_not_count_twice) {
    be(1, 0, 100);
    be(2, 1, 30);
    members_.add(1, true);
    members_.add(2, true);
    EXPECT_DOUBLE_EQ(cpu_s(), 1.3);
    end(2); // used 5 more before it ended; its parent took over all 35
    be(1, 0, 100, 35);
    EXPECT_DOUBLE_EQ(cpu_s(), 1.35);
    ASSERT_EQ(ended_.size(), 1U);
    EXPECT_EQ(ended_[0].pid, 2);
    be(1, 0, 101, 35);
    EXPECT_DOUBLE_EQ(cpu_s(), 1.36);
    EXPECT_TRUE(ended_.empty());
}

TEST_F(processes, that_were_never_seen_count_through_their_parent) {
    be(1, 0, 100);
    members_.add(1, true);
    EXPECT_DOUBLE_EQ(cpu_s(), 1.0);
    be(1, 0, 100, 40);
    EXPECT_DOUBLE_EQ(cpu_s(), 1.4);
}

TEST_F(processes, that_nobody_waits_for_keep_what_they_used) {
    be(1, 0, 100);
    be(2, 1, 30);
    members_.add(1, true);
    members_.add(2, true);
    cpu_s();
    end(2); // an orphan, or a parent that ignores its children
    EXPECT_DOUBLE_EQ(cpu_s(), 1.3);
    // A later child of the parent is not swallowed by what the first one used.
    be(1, 0, 100, 20);
    EXPECT_NEAR(cpu_s(), 1.5, 0.021);
}

TEST_F(processes, that_are_zombies_are_told_once_and_wait_for_their_parent) {
    be(1, 0, 100);
    be(2, 1, 30);
    members_.add(1, true);
    members_.add(2, true);
    cpu_s();
    be(2, 1, 33, 0, 'Z');
    EXPECT_DOUBLE_EQ(cpu_s(), 1.33);
    EXPECT_EQ(now_[gauge::processes], 1);
    EXPECT_DOUBLE_EQ(cpu_s(), 1.33);
    end(2);
    be(1, 0, 100, 33);
    EXPECT_DOUBLE_EQ(cpu_s(), 1.33);
}

TEST_F(processes, whose_number_is_used_again_are_not_taken_for_the_old_one) {
    be(1, 0, 100);
    members_.add(1, true);
    cpu_s();
    be(1, 0, 5000, 0, 'S', 2000);
    EXPECT_DOUBLE_EQ(cpu_s(), 1.0);
    EXPECT_EQ(ended_.size(), 1U);
    EXPECT_EQ(members_.size(), 0U);
}

TEST_F(processes, that_join_late_bring_no_past) {
    be(1, 0, 100);
    members_.add(1, true);
    cpu_s();
    be(3, 0, 9000);
    members_.add(3, false);
    EXPECT_DOUBLE_EQ(cpu_s(), 1.0);
    be(3, 0, 9010);
    EXPECT_NEAR(cpu_s(), 1.1, 1e-9);
}

TEST(rates, are_of_what_is_known_and_never_negative) {
    counters before;
    counters now;
    before[counter::cpu_s] = 1;
    now[counter::cpu_s] = 1.74;
    before[counter::disk_read_bytes] = 100;
    now[counter::disk_read_bytes] = 50;
    now[counter::oom_kills] = 3;
    const auto rates = rates_between(before, now, 2);
    EXPECT_DOUBLE_EQ(rates[counter::cpu_s], 0.37);
    EXPECT_FALSE(rates.has(counter::disk_read_bytes));
    EXPECT_FALSE(rates.has(counter::oom_kills));
    EXPECT_FALSE(rates_between(before, now, 0).has(counter::cpu_s));
}

} // namespace
} // namespace cb::watch
