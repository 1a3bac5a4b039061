// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "watch/command_pattern.hpp"
#include "watch/engine_watch.hpp"
#include "watch/process_table.hpp"
#include "watch/target.hpp"
#include "watch/tracked_instance.hpp"

namespace cb::watch {

/// Finds the instances of targets: who is there now and not yet watched.
/// Owner: the watcher; one thread.
class finder {
public:
    explicit finder(const root_folder& root);

    /// What is known of the machine at one moment.
    struct scene {
        const process_table& processes;
        const engine_snapshot& engine;
        bool engine_is_asked = false;
        wall_time_ms wall_ms = 0;
        /// Belongs to an instance of this target already, as its main process or as a child.
        std::function<bool(int pid)> taken;
    };

    std::vector<tracked_instance::beginning> find(const target& wanted, const scene& now);

private:
    using beginnings = std::vector<tracked_instance::beginning>;
    void find_processes(const target& wanted, const scene& now, beginnings& out);
    void find_group(const target& wanted, const scene& now, beginnings& out);
    void find_containers(const target& wanted, const scene& now, beginnings& out);
    tracked_instance::beginning of_process(const target& wanted, int pid, const scene& now);
    bool is_left_to_the_engine(int pid, const scene& now);
    [[nodiscard]] bool has_own_network(int pid) const;
    std::int64_t start_ticks_of(int pid);
    bool fits(const target& wanted, const process_table::entry& one);

    /// Matching a long line costs more than reading it: done once for each line.
    struct matched {
        std::uint64_t changed_turn = 0;
        bool fits = false;
    };
    struct pattern {
        command_pattern compiled;
        std::map<int, matched> known; ///< by pid
    };

    root_folder root_;
    cgroup_mounts mounts_;
    std::string boot_id_;
    std::map<std::string, pattern> patterns_;
    std::string buffer_;
};

} // namespace cb::watch
