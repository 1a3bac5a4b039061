// SPDX-License-Identifier: Apache-2.0
// cgroup v1, v2 and both at once, from recorded trees.
#include "watch/cgroup_files.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "recorded_tree.hpp"

namespace cb::watch {
namespace {

constexpr const char* v1_mounts =
    "22 1 0:20 / /proc rw,nosuid - proc proc rw\n"
    "30 24 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755\n"
    "33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:15 - cgroup cgroup rw,cpu,cpuacct\n"
    "34 30 0:30 / /sys/fs/cgroup/memory rw,nosuid shared:16 - cgroup cgroup rw,memory\n"
    "35 30 0:31 / /sys/fs/cgroup/blkio rw,nosuid shared:17 - cgroup cgroup rw,blkio\n"
    "36 30 0:32 / /sys/fs/cgroup/pids rw,nosuid shared:18 - cgroup cgroup rw,pids\n"
    "37 30 0:33 / /sys/fs/cgroup/systemd rw,nosuid shared:19 - cgroup cgroup rw,xattr,name=systemd\n";
constexpr const char* v2_mounts = "22 1 0:20 / /proc rw,nosuid - proc proc rw\n"
                                  "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

void record_v1(const recorded_tree& tree) {
    tree.write("/proc/self/mountinfo", v1_mounts);
    const std::string cpu = "/sys/fs/cgroup/cpu,cpuacct/shop/billing/";
    tree.write(cpu + "cpuacct.usage", "7500000000\n");
    tree.write(cpu + "cpuacct.stat", "user 500\nsystem 250\n");
    tree.write(cpu + "cpu.cfs_quota_us", "50000\n");
    tree.write(cpu + "cpu.cfs_period_us", "100000\n");
    tree.write(cpu + "cpu.stat", "nr_periods 120\nnr_throttled 30\nthrottled_time 1500000000\n");
    const std::string memory = "/sys/fs/cgroup/memory/shop/billing/";
    tree.write(memory + "cgroup.procs", "20\n10\n");
    tree.write(memory + "memory.usage_in_bytes", "104857600\n");
    tree.write(memory + "memory.max_usage_in_bytes", "125829120\n");
    tree.write(memory + "memory.limit_in_bytes", "9223372036854771712\n");
    tree.write(memory + "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
    tree.write(memory + "memory.stat", "cache 1\nrss 2\nhierarchical_memory_limit 209715200\n"
                                       "total_cache 20971520\ntotal_rss 73400320\ntotal_mapped_file 4194304\n"
                                       "total_swap 4096\ntotal_pgmajfault 12\ntotal_inactive_file 10485760\n");
    tree.write("/sys/fs/cgroup/memory/shop/billing/worker/memory.oom_control",
               "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    tree.write("/sys/fs/cgroup/memory/shop/billing/worker/cgroup.procs", "30\n");
    tree.write("/sys/fs/cgroup/blkio/shop/billing/blkio.throttle.io_service_bytes_recursive",
               "253:0 Read 4096\n253:0 Write 8192\n253:0 Sync 12288\n253:0 Total 12288\n8:0 Read 100\n8:0 Write "
               "1\nTotal 12389\n");
    tree.write("/sys/fs/cgroup/pids/shop/billing/pids.current", "9\n");
    tree.write("/sys/fs/cgroup/pids/shop/billing/pids.max", "max\n");
    tree.write("/sys/fs/cgroup/systemd/shop/billing/cgroup.procs", "10\n");
}

void record_v2(const recorded_tree& tree) {
    tree.write("/proc/self/mountinfo", v2_mounts);
    const std::string group = "/sys/fs/cgroup/shop.slice/billing.service/";
    tree.write(group + "cgroup.procs", "10\n");
    tree.write(group + "cpu.stat", "usage_usec 7500000\nuser_usec 5000000\nsystem_usec 2500000\nnr_periods 120\n"
                                   "nr_throttled 30\nthrottled_usec 1500000\n");
    tree.write(group + "cpu.max", "150000 100000\n");
    tree.write(group + "memory.current", "104857600\n");
    tree.write(group + "memory.peak", "125829120\n");
    tree.write(group + "memory.max", "max\n");
    tree.write("/sys/fs/cgroup/shop.slice/memory.max", "209715200\n"); // the limit of the group above
    tree.write(group + "memory.swap.current", "4096\n");
    tree.write(group + "memory.events", "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n");
    tree.write(group + "memory.stat", "anon 73400320\nfile 20971520\nkernel 1\nfile_mapped 4194304\n"
                                      "inactive_file 10485760\npgmajfault 12\n");
    tree.write(group + "io.stat",
               "253:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n8:0 rbytes=100 wbytes=1\n");
    tree.write(group + "pids.current", "9\n");
    tree.write(group + "pids.max", "100\n");
    tree.write(group + "cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=2000000\n");
    tree.write(group + "memory.pressure",
               "some avg10=0 avg60=0 avg300=0 total=3000000\nfull avg10=0 avg60=0 avg300=0 total=1000000\n");
    tree.write(group + "io.pressure",
               "some avg10=0 avg60=0 avg300=0 total=4000000\nfull avg10=0 avg60=0 avg300=0 total=500000\n");
}

void expect_the_same_service(const cgroup_reading& read) {
    EXPECT_DOUBLE_EQ(read.totals[counter::cpu_s], 7.5);
    EXPECT_DOUBLE_EQ(read.totals[counter::cpu_user_s], 5);
    EXPECT_DOUBLE_EQ(read.totals[counter::cpu_system_s], 2.5);
    EXPECT_DOUBLE_EQ(read.totals[counter::cpu_periods], 120);
    EXPECT_DOUBLE_EQ(read.totals[counter::cpu_throttled_periods], 30);
    EXPECT_DOUBLE_EQ(read.totals[counter::cpu_throttled_s], 1.5);
    EXPECT_DOUBLE_EQ(read.now[gauge::memory_bytes], 104857600);
    EXPECT_DOUBLE_EQ(read.now[gauge::memory_peak_bytes], 125829120);
    EXPECT_DOUBLE_EQ(read.now[gauge::memory_limit_bytes], 209715200);
    EXPECT_DOUBLE_EQ(read.now[gauge::resident_bytes], 73400320 + 4194304);
    EXPECT_DOUBLE_EQ(read.now[gauge::working_set_bytes], 104857600 - 10485760);
    EXPECT_DOUBLE_EQ(read.now[gauge::page_cache_bytes], 20971520);
    EXPECT_DOUBLE_EQ(read.now[gauge::swap_bytes], 4096);
    EXPECT_DOUBLE_EQ(read.now[gauge::threads], 9);
    EXPECT_DOUBLE_EQ(read.totals[counter::major_faults], 12);
    EXPECT_DOUBLE_EQ(read.totals[counter::disk_read_bytes], 4196);
    EXPECT_DOUBLE_EQ(read.totals[counter::disk_written_bytes], 8193);
}

TEST(cgroup, of_version_1_is_read_from_a_folder_for_each_controller) {
    const recorded_tree tree;
    record_v1(tree);
    std::string buffer;
    group_files files;
    const auto folders = cgroup_mounts::of(tree.root()).named("shop/billing");
    EXPECT_EQ(folders.path, "/shop/billing");
    EXPECT_EQ(folders.cpu, folders.cpuacct);
    EXPECT_TRUE(folders.unified.empty());
    const auto read = read_cgroup(folders, files, buffer);
    expect_the_same_service(read);
    EXPECT_DOUBLE_EQ(read.now[gauge::cpu_limit_cores], 0.5);
    EXPECT_FALSE(read.now.has(gauge::threads_limit));                        // max
    EXPECT_DOUBLE_EQ(read_oom_kills(folders, files, buffer).value_or(0), 3); // its own and those of the group below
    EXPECT_FALSE(read.totals.has(counter::cpu_pressure_some_s));
    std::vector<int> pids;
    EXPECT_TRUE(list_processes(folders, files, pids, buffer));
    EXPECT_EQ(pids, (std::vector<int>{10, 20, 30}));
}

TEST(cgroup, of_version_2_is_read_from_one_folder) {
    const recorded_tree tree;
    record_v2(tree);
    std::string buffer;
    group_files files;
    const auto folders = cgroup_mounts::of(tree.root()).named("/sys/fs/cgroup/shop.slice/billing.service");
    EXPECT_EQ(folders.path, "/shop.slice/billing.service");
    const auto read = read_cgroup(folders, files, buffer);
    expect_the_same_service(read);
    EXPECT_DOUBLE_EQ(read.now[gauge::cpu_limit_cores], 1.5);
    EXPECT_DOUBLE_EQ(read.now[gauge::threads_limit], 100);
    EXPECT_DOUBLE_EQ(read_oom_kills(folders, files, buffer).value_or(0), 2);
    EXPECT_DOUBLE_EQ(read.totals[counter::cpu_pressure_some_s], 2);
    EXPECT_DOUBLE_EQ(read.totals[counter::memory_pressure_some_s], 3);
    EXPECT_DOUBLE_EQ(read.totals[counter::memory_pressure_full_s], 1);
    EXPECT_DOUBLE_EQ(read.totals[counter::io_pressure_some_s], 4);
    EXPECT_DOUBLE_EQ(read.totals[counter::io_pressure_full_s], 0.5);
}

TEST(cgroup, of_a_hybrid_has_version_1_figures_and_version_2_pressure) {
    const recorded_tree tree;
    record_v1(tree);
    tree.write("/proc/self/mountinfo",
               std::string(v1_mounts) + "38 30 0:34 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw\n");
    tree.write("/sys/fs/cgroup/unified/shop/billing/cpu.stat", "usage_usec 1\nuser_usec 1\nsystem_usec 0\n");
    tree.write("/sys/fs/cgroup/unified/shop/billing/cpu.pressure", "some avg10=0 avg60=0 avg300=0 total=2000000\n");
    std::string buffer;
    group_files files;
    const auto folders = cgroup_mounts::of(tree.root()).named("/sys/fs/cgroup/memory/shop/billing");
    const auto read = read_cgroup(folders, files, buffer);
    expect_the_same_service(read);
    EXPECT_DOUBLE_EQ(read.totals[counter::cpu_pressure_some_s], 2);
    EXPECT_FALSE(read.totals.has(counter::memory_pressure_some_s));
}

TEST(cgroup, of_a_process_is_found_in_each_hierarchy) {
    const recorded_tree tree;
    record_v1(tree);
    const auto mounts = cgroup_mounts::of(tree.root());
    const auto folders = mounts.of_process("8:pids:/shop/billing\n4:memory:/shop/billing\n2:cpu,cpuacct:/shop/billing\n"
                                           "1:name=systemd:/shop/billing\n0::/\n");
    EXPECT_EQ(folders.memory, tree.at("/sys/fs/cgroup/memory/shop/billing"));
    EXPECT_EQ(folders.cpuacct, tree.at("/sys/fs/cgroup/cpu,cpuacct/shop/billing"));
    EXPECT_EQ(folders.pids, tree.at("/sys/fs/cgroup/pids/shop/billing"));
    EXPECT_EQ(folders.named, tree.at("/sys/fs/cgroup/systemd/shop/billing"));
    EXPECT_EQ(folders.path, "/shop/billing");
    EXPECT_FALSE(folders.is_root());
    EXPECT_TRUE(mounts.of_process("4:memory:/\n0::/\n").is_root());
}

TEST(cgroup, seen_from_inside_a_container_begins_at_its_mount) {
    const recorded_tree tree;
    tree.write("/proc/self/mountinfo",
               "34 30 0:30 /docker/abc /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n");
    tree.write("/sys/fs/cgroup/memory/memory.usage_in_bytes", "4096\n");
    const auto folders = cgroup_mounts::of(tree.root()).of_process("4:memory:/docker/abc\n");
    std::string buffer;
    group_files files;
    EXPECT_DOUBLE_EQ(read_cgroup(folders, files, buffer).now[gauge::memory_bytes], 4096);
}

TEST(cgroup, that_is_not_there_has_no_folder_and_unknown_figures) {
    const recorded_tree tree;
    record_v2(tree);
    std::string buffer;
    group_files files;
    const auto mounts = cgroup_mounts::of(tree.root());
    EXPECT_TRUE(mounts.named("nowhere").any().empty());
    tree.write("/sys/fs/cgroup/bare/cgroup.procs", "");
    const auto read = read_cgroup(mounts.named("bare"), files, buffer);
    for (const auto& each : counter_names()) {
        EXPECT_FALSE(read.totals.has(each.figure)) << each.total_name;
    }
    for (const auto& each : gauge_names()) {
        EXPECT_FALSE(read.now.has(each.figure)) << each.name;
    }
}

TEST(cgroup, whose_folder_is_made_anew_has_another_identity) {
    const recorded_tree tree;
    tree.write("/a/x", "");
    tree.write("/b/x", "");
    EXPECT_TRUE(folder_identity(tree.at("/a")));
    EXPECT_NE(folder_identity(tree.at("/a")), folder_identity(tree.at("/b")));
    EXPECT_FALSE(folder_identity(tree.at("/c")));
}

} // namespace
} // namespace cb::watch
