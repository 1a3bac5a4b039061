// SPDX-License-Identifier: Apache-2.0
#include "watch/host_files.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include "recorded_tree.hpp"

namespace cb::watch {
namespace {

TEST(host, is_read_from_a_recorded_tree) {
    const recorded_tree tree;
    tree.write("/proc/stat",
               "cpu  1000 200 300 4000 50 1 9 40 0 0\ncpu0 1 0 0 0 0 0 0 0 0 0\ncpu1 1 0 0 0 0 0 0 0 0 0\n"
               "ctxt 12345\nbtime 1\nprocesses 77\n");
    tree.write(
        "/proc/meminfo",
        "MemTotal:       1000 kB\nMemFree:  1 kB\nMemAvailable:    600 kB\nSwapTotal: 100 kB\nSwapFree: 60 kB\n");
    tree.write("/proc/vmstat", "nr_free_pages 1\noom_kill 4\n");
    tree.write("/proc/loadavg", "1.25 0.62 0.46 1/200 999\n");
    tree.write("/proc/net/sockstat", "sockets: used 9\nTCP: inuse 5 orphan 0 tw 0 alloc 7 mem 3\nUDP: inuse 1 mem 9\n");
    tree.write("/proc/sys/net/ipv4/tcp_mem", "100\t200\t300\n");
    tree.write("/proc/sys/fs/file-nr", "1439\t0\t9000\n");
    tree.write("/proc/pressure/cpu",
               "some avg10=0 avg60=0 avg300=0 total=5000000\nfull avg10=0 avg60=0 avg300=0 total=0\n");
    tree.write("/proc/pressure/io",
               "some avg10=0 avg60=0 avg300=0 total=7000000\nfull avg10=0 avg60=0 avg300=0 total=2000000\n");
    tree.write("/proc/sys/kernel/random/boot_id", "c219cc3e\n");
    std::string buffer;
    const auto read = read_host(tree.root(), buffer);
    EXPECT_EQ(read.now[host_gauge::cores], 2);
    EXPECT_DOUBLE_EQ(read.totals[host_counter::user_s], 12);
    EXPECT_DOUBLE_EQ(read.totals[host_counter::system_s], 3.1);
    EXPECT_DOUBLE_EQ(read.totals[host_counter::busy_s], 15.1);
    EXPECT_DOUBLE_EQ(read.totals[host_counter::steal_s], 0.4);
    EXPECT_DOUBLE_EQ(read.totals[host_counter::io_wait_s], 0.5);
    EXPECT_EQ(read.totals[host_counter::context_switches], 12345);
    EXPECT_EQ(read.totals[host_counter::processes_started], 77);
    EXPECT_EQ(read.totals[host_counter::oom_kills], 4);
    EXPECT_EQ(read.now[host_gauge::memory_bytes], 1000 * 1024);
    EXPECT_EQ(read.now[host_gauge::memory_available_bytes], 600 * 1024);
    EXPECT_EQ(read.now[host_gauge::swap_used_bytes], 40 * 1024);
    EXPECT_DOUBLE_EQ(read.now[host_gauge::load_1m], 1.25);
    EXPECT_EQ(read.now[host_gauge::tcp_sockets], 5);
    const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    EXPECT_EQ(read.now[host_gauge::tcp_buffer_bytes], 3 * page);
    EXPECT_EQ(read.now[host_gauge::tcp_buffer_limit_bytes], 300 * page);
    EXPECT_EQ(read.now[host_gauge::open_files_limit], 9000);
    EXPECT_DOUBLE_EQ(read.totals[host_counter::cpu_pressure_some_s], 5);
    EXPECT_DOUBLE_EQ(read.totals[host_counter::io_pressure_full_s], 2);
    EXPECT_FALSE(read.totals.has(host_counter::memory_pressure_some_s)); // not recorded: not told
    EXPECT_EQ(read_boot_id(tree.root()), "c219cc3e");
}

} // namespace
} // namespace cb::watch
