// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "watch/cgroup_files.hpp"
#include "watch/engine_client.hpp"
#include "watch/forecast.hpp"
#include "watch/kernel_log.hpp"
#include "watch/members.hpp"
#include "watch/sample.hpp"

namespace cb::watch {

/// One instance while it is watched: its processes, its cgroup, and what its last reading was.
/// Owner: the watcher; one thread.
class tracked_instance {
public:
    struct beginning {
        instance what;
        cgroup_folders own_group;    ///< its figures are the instance's; of a process: none
        cgroup_folders memory_group; ///< counts kills and limits memory
        std::string container_id;
        bool own_network = false; ///< a network namespace that is not ours
    };

    /// `log_is_read`: the kernel's log names who was killed. Then the counter of a group that is shared with others is
    /// not read: it would prove nothing more.
    tracked_instance(const root_folder& root, beginning from, bool log_is_read);

    [[nodiscard]] const instance_ref& what() const { return what_; }
    [[nodiscard]] const beginning& from() const { return from_; }
    [[nodiscard]] members& processes() { return members_; }
    [[nodiscard]] const members& processes() const { return members_; }

    /// Processes of the cgroup that are not members yet join. `from_their_start` as in members::add.
    void sync_with_group(bool from_their_start, std::string& buffer);

    /// Reads everything. Processes that ended meanwhile wait in `ended_processes`.
    sample read(mono_time now, wall_time_ms wall_ms, std::optional<double> users, std::string& buffer);
    /// Also the dear figures, of which the last ones are shown until then.
    void read_dear(mono_time now, std::string& buffer);
    [[nodiscard]] std::optional<mono_time> dear_read_at() const { return dear_at_; }

    /// The memory group's counter of kills: what it has counted since it was last asked. Kept when the group is gone.
    void note_oom_kills(std::string& buffer);

    /// Whether the instance has ended: its main process, its cgroup empty or gone.
    [[nodiscard]] bool is_over(std::string& buffer);
    [[nodiscard]] std::optional<int> main_status(std::string& buffer) const;

    /// Kills by the kernel's log that are of this instance, by process or by cgroup.
    [[nodiscard]] bool is_of_this(const kernel_kill& kill) const;

    std::vector<members::ended> ended_processes; ///< not told yet
    std::vector<kernel_kill> kernel_kills;       ///< not told yet
    double untold_oom_kills = 0;                 ///< counted by the memory group, not yet told
    int looks_with_untold_oom_kills = 0;
    double told_oom_kills = 0; ///< of this instance, since it is watched
    std::optional<mono_time> over_since;
    std::uint64_t engine_turn_when_over = 0;
    std::optional<members::ended> main_end;
    int looks_unseen = 0;
    bool visible = true; ///< its processes can be seen from here; false: only the engine knows of it
    bool denial_told = false;

private:
    void add_group_figures(sample& out, std::string& buffer);
    bool list_is_due(std::string& buffer);
    void hold_fault_rate(sample& out, mono_time now);
    void add_network(sample& out, std::string& buffer) const;
    void add_dear(sample& out, mono_time now) const;
    void add_forecast(sample& out, mono_time now, std::optional<double> users);

    root_folder root_;
    beginning from_;
    instance_ref what_;
    members members_;
    group_files files_;
    std::vector<int> listed_;      ///< processes of the cgroup
    bool listed_now_ = false;      ///< by is_over, in this look
    bool group_unchanged_ = false; ///< in this look: nobody to take in
    int looks_until_listing_ = 0;
    std::optional<double> tasks_when_listed_;
    std::optional<mono_time> read_at_;
    counters last_totals_;
    std::optional<mono_time> faults_read_at_;
    double faults_then_ = counters::unknown;
    double fault_rate_ = counters::unknown;
    std::optional<mono_time> dear_at_;
    gauges dear_;
    counters dear_totals_;
    counters dear_rates_;
    bool counts_kills_;
    std::optional<double> oom_kills_;
    std::optional<double> shared_limit_; ///< of a group that is not its own
    std::deque<memory_point> over_time_;
    std::deque<memory_point> over_users_;
};

} // namespace cb::watch
