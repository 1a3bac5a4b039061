// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "watch/figures.hpp"
#include "watch/kernel_text.hpp"

namespace cb::watch {

/// Where one cgroup lies: a folder for each hierarchy; an empty one is not mounted. With v1 controllers a group has one
/// folder each, with v2 only `unified`, and on a hybrid machine both.
struct cgroup_folders {
    std::string unified;
    std::string cpu;
    std::string cpuacct;
    std::string memory;
    std::string blkio;
    std::string pids;
    std::string named; ///< "name=systemd": no controller, but it lists the processes

    /// The path of the group inside its hierarchies, for people and for the kernel's log ("/shop/billing").
    std::string path;
    /// At the root everything is the machine's, not a service's.
    [[nodiscard]] bool is_root() const { return path.empty() || path == "/"; }
    /// A folder that lists the processes; empty: there is none.
    [[nodiscard]] std::string any() const;
    bool operator==(const cgroup_folders&) const = default;
};

/// The mounted hierarchies. A value.
class cgroup_mounts {
public:
    /// From the text of /proc/self/mountinfo; folders are looked for below `root`.
    cgroup_mounts(const root_folder& root, std::string_view mountinfo);
    /// Reads mountinfo of the machine or the recorded tree.
    static cgroup_mounts of(const root_folder& root);

    /// The groups that a process is in, from its /proc/PID/cgroup.
    [[nodiscard]] cgroup_folders of_process(std::string_view cgroup_text) const;
    /// The group that a person names: below a mount point ("/sys/fs/cgroup/memory/shop"), or inside the hierarchies
    /// ("shop/billing"). Only folders that exist; none: there is no such group.
    [[nodiscard]] cgroup_folders named(const std::string& path) const;

private:
    struct mount {
        std::string point;       ///< of the machine
        std::string inner_root;  ///< which part of the hierarchy is mounted there
        std::string controllers; ///< "cpu,cpuacct"; "" is v2
    };
    static std::string* slot_of(cgroup_folders& folders, std::string_view controller);
    void place(cgroup_folders& folders, const mount& where, const std::string& path, bool must_exist) const;

    root_folder root_;
    std::vector<mount> mounts_;
};

/// The files of one group, kept open between looks while descriptors are plenty, and what was read from those that are
/// not read each time: limits hardly change and are read every tenth time; memory.stat is the dearest of all and is
/// read every fourth time, or when the charged memory has moved. Owner: an instance; one thread.
class group_files {
public:
    /// Empty: not there.
    std::string_view text(const std::string& folder, const char* name, std::string& buffer);
    /// 0, or why it cannot be read.
    int read(const std::string& folder, const char* name, std::string& buffer);

    bool limits_are_due();
    /// `charged`: the memory that the group is charged for now.
    bool memory_details_are_due(std::optional<double> charged);
    /// Subfolders hardly come and go: looked for every fifth time.
    bool has_subfolders(const std::string& folder);
    gauges limits;
    std::optional<double> tasks; ///< of this look, if it was asked before the rest
    struct memory_details {
        gauges now;
        bool fresh = false; ///< read in this look
        double inactive_file_bytes = gauges::unknown;
        double major_faults = counters::unknown;
    };
    memory_details memory;

private:
    struct kept {
        descriptor file;
        bool missing = false;
    };
    struct seen_folder {
        bool subfolders = false;
        int asks_until_look = 0;
    };
    std::map<std::string, seen_folder> folders_;
    std::map<std::string, kept, std::less<>> files_;
    std::string key_;
    int looks_until_limits_ = 0;
    int looks_until_memory_ = 0;
    double charged_then_ = 0; ///< when the details were read
};

/// What the group's own files say. A figure whose file is not there stays unknown.
struct cgroup_reading {
    gauges now;
    counters totals;
};
cgroup_reading read_cgroup(const cgroup_folders& folders, group_files& files, std::string& buffer);

/// Threads in the group and below it, told by its pids controller. Nothing: it has none.
std::optional<double> read_tasks(const cgroup_folders& folders, group_files& files, std::string& buffer);

/// Processes killed in it for lack of memory so far, those of its subfolders too. Nothing: not told.
std::optional<double> read_oom_kills(const cgroup_folders& folders, group_files& files, std::string& buffer);

/// The tightest memory limit of the group and all above it; nothing: none.
std::optional<double> effective_memory_limit(const cgroup_folders& folders, group_files& files, std::string& buffer);

/// The processes in the group and its subfolders, lowest number first. False: the group is gone.
bool list_processes(const cgroup_folders& folders, group_files& files, std::vector<int>& pids, std::string& buffer);

/// Tells this folder from one of the same name that is made after it is removed. Nothing: it is not there.
std::optional<std::string> folder_identity(const std::string& path);

} // namespace cb::watch
