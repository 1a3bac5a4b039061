// SPDX-License-Identifier: Apache-2.0
// The texts of the kernel, as recorded.
#include <gtest/gtest.h>

#include <cmath>

#include <unistd.h>

#include "watch/kernel_log.hpp"
#include "watch/process_files.hpp"

namespace cb::watch {
namespace {

TEST(process_stat, is_read_past_a_name_with_parentheses_and_spaces) {
    const std::string text =
        "4711 (a) b (c) S 12 4711 4711 0 -1 4194560 100 200 3 4 150 25 1000 50 20 0 7 0 987654 "
        "123456789 2500 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 9";
    const auto stat = parse_process_stat(text);
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->pid, 4711);
    EXPECT_EQ(stat->name, "a) b (c");
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->parent, 12);
    EXPECT_EQ(stat->major_faults, 3);
    EXPECT_EQ(stat->reaped_major_faults, 4);
    EXPECT_EQ(stat->user_ticks, 150);
    EXPECT_EQ(stat->system_ticks, 25);
    EXPECT_EQ(stat->reaped_user_ticks, 1000);
    EXPECT_EQ(stat->reaped_system_ticks, 50);
    EXPECT_EQ(stat->threads, 7);
    EXPECT_EQ(stat->start_ticks, 987654);
    EXPECT_EQ(stat->resident_pages, 2500);
    EXPECT_EQ(stat->exit_status, 9);
}

TEST(process_stat, that_is_cut_is_none) {
    for (const auto* text : {"", "4711", "4711 (x", "4711 (x)", "4711 (x) S 1 2 3", ") 1 (x"}) {
        EXPECT_FALSE(parse_process_stat(text)) << text;
    }
}

TEST(process_files, are_read) {
    const auto io = parse_process_io("rchar: 100\nwchar: 200\nsyscr: 1\nsyscw: 2\nread_bytes: 4096\nwrite_bytes: "
                                     "8192\ncancelled_write_bytes: 0\n");
    ASSERT_TRUE(io);
    EXPECT_EQ(io->read_bytes, 4096);
    EXPECT_EQ(io->written_bytes, 8192);
    EXPECT_FALSE(parse_process_io("rchar: 100\n"));
    const std::string limits = "Limit                     Soft Limit           Hard Limit           Units     \n"
                               "Max cpu time              unlimited            unlimited            seconds   \n"
                               "Max open files            1024                 524288               files     \n";
    EXPECT_EQ(parse_open_files_limit(limits), 1024);
    EXPECT_FALSE(parse_open_files_limit("Max open files            unlimited            unlimited     files\n"));
    constexpr char environment[] = "PATH=/bin\0XCHAOSBROKER_SERVICE=no\0CHAOSBROKER_SERVICE=billing\0HOME=/";
    EXPECT_EQ(parse_service_name({environment, sizeof(environment) - 1}), "billing");
    EXPECT_EQ(parse_service_name(""), "");
    constexpr char command[] = "java\0-jar\0x.jar";
    EXPECT_EQ(parse_command_line({command, sizeof(command)}), "java -jar x.jar");
}

TEST(network, is_the_sum_without_loopback) {
    const auto bytes = parse_network("Inter-|   Receive                                                |  Transmit\n"
                                     " face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
                                     "packets errs drop fifo colls carrier compressed\n"
                                     "    lo: 5000 10 0 0 0 0 0 0 5000 10 0 0 0 0 0 0\n"
                                     "  eth0: 1000 10 0 0 0 0 0 0 2000 20 0 0 0 0 0 0\n"
                                     "  eth1:7 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n");
    EXPECT_EQ(bytes.received, 1007);
    EXPECT_EQ(bytes.sent, 2009);
}

TEST(pressure, is_the_total_in_seconds) {
    const auto both = parse_pressure("some avg10=2.53 avg60=0.57 avg300=0.18 total=37193257\n"
                                     "full avg10=2.39 avg60=0.54 avg300=0.14 total=21802375\n");
    EXPECT_DOUBLE_EQ(both.some_s.value_or(0), 37.193257);
    EXPECT_DOUBLE_EQ(both.full_s.value_or(0), 21.802375);
    EXPECT_FALSE(parse_pressure("").some_s);
    EXPECT_FALSE(parse_pressure("some avg10=0.00\n").some_s);
}

TEST(key, is_a_whole_word_at_the_start_of_a_line) {
    EXPECT_EQ(integer_after("oom 1\noom_kill 2\n", "oom"), 1);
    EXPECT_EQ(integer_after("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "oom_kill"), 3);
    EXPECT_FALSE(integer_after("xoom_kill 3\n", "oom_kill"));
    EXPECT_FALSE(integer_after("oom_kill", "oom_kill"));
}

TEST(cpu_clock, is_this_processs_own_time) {
    const auto first = cpu_clock_s(::getpid());
    ASSERT_TRUE(first);
    const auto own = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
    EXPECT_NEAR(*first, own, 0.1);
    EXPECT_FALSE(cpu_clock_s(0x3FFFFFF));
}

TEST(kernel_log, names_the_victim_and_its_cgroup) {
    kill_parser parser;
    EXPECT_FALSE(parser.line("known_use invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"));
    EXPECT_FALSE(parser.line("oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,"
                             "oom_memcg=/shop,task_memcg=/shop/billing,task=java,pid=4711,uid=0"));
    const auto kill =
        parser.line("Memory cgroup out of memory: Killed process 4711 (java) total-vm:52196kB, anon-rss:1kB");
    ASSERT_TRUE(kill);
    EXPECT_EQ(kill->pid, 4711);
    EXPECT_EQ(kill->name, "java");
    EXPECT_EQ(kill->group, "/shop/billing");
    EXPECT_TRUE(kill->line.starts_with("Memory cgroup out of memory"));
}

TEST(kernel_log, gives_no_cgroup_of_another_process) {
    kill_parser parser;
    parser.line("oom-kill:constraint=CONSTRAINT_NONE,task_memcg=/a,task=x,pid=1,uid=0");
    const auto kill = parser.line("Out of memory: Killed process 2 (y) total-vm:1kB");
    ASSERT_TRUE(kill);
    EXPECT_EQ(kill->group, "");
    EXPECT_FALSE(parser.line("Killed process 3 (z)"));
}

TEST(kernel_log, gives_all_of_a_group_that_dies_together_its_name) {
    kill_parser parser;
    parser.line("oom-kill:constraint=CONSTRAINT_MEMCG,task_memcg=/shop/a,task=x,pid=5,uid=0");
    EXPECT_TRUE(parser.line("Memory cgroup out of memory: Killed process 5 (x) total-vm:1kB"));
    parser.line("Tasks in /shop/a are going to be killed due to memory.oom.group set");
    for (const int pid : {5, 6, 7}) {
        const auto kill =
            parser.line("Memory cgroup out of memory: Killed process " + std::to_string(pid) + " (x) total-vm:1kB");
        ASSERT_TRUE(kill);
        EXPECT_EQ(kill->group, "/shop/a");
    }
}

} // namespace
} // namespace cb::watch
