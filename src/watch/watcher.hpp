// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "watch/finder.hpp"
#include "watch/kernel_log.hpp"
#include "watch/sample.hpp"

namespace cb::watch {

struct watch_options {
    std::vector<target> targets;
    milliseconds every{1000};
    /// Container engines; asked only when a target may be a container.
    std::vector<std::string> engines = engine_addresses();
    root_folder root;
};

/// Watches targets: finds their instances, reads their figures, tells how they ended.
/// Owner: a command or an experiment; one thread. The container engine is asked on another one, so nothing here waits
/// for it.
class watcher {
public:
    explicit watcher(watch_options options);
    ~watcher();
    watcher(const watcher&) = delete;
    watcher& operator=(const watcher&) = delete;

    /// Reads everything now.
    look take_look();
    /// Waits; returns before `due` only when `stop` (a descriptor, -1: none) becomes readable. Processes that end
    /// meanwhile are noticed at once: their cgroup may be gone at the next look.
    void wait_until(mono_time due, int stop);

    /// Users of the load that runs, for the forecast by users; nothing: no load runs.
    void users_now(std::optional<double> users) { users_ = users; }

private:
    struct watched {
        std::size_t target = 0; ///< index
        std::unique_ptr<tracked_instance> instance;
    };

    void notice_gap(look& out, mono_time now);
    void read_kernel_log(look& out, mono_time now);
    void claim_kills(tracked_instance& one);
    void refresh_processes(look& out);
    void check_who_is_over(look& out, mono_time now);
    void take_in_children();
    void read_all(look& out);
    void read_some_dear(mono_time now);
    void tell_child_kills(look& out, tracked_instance& one);
    void tell_one_child(look& out, tracked_instance& one, const members::ended& child);
    void tell_deaths(look& out, mono_time now);
    bool tell_death(look& out, tracked_instance& one, mono_time now);
    void find_new(look& out);
    void read_new(look& out, std::size_t from);
    void begin(look& out, std::size_t target_index, tracked_instance::beginning from);
    void add_host(look& out, mono_time now);
    void say_engine_state(look& out);
    void say_what_is_missing(look& out);
    void say_once(look& out, const std::string& key, const std::string& text);
    void wait_on_processes(tracked_instance& one);
    [[nodiscard]] const container* engine_record(const tracked_instance& one) const;
    service_state& service_of(const std::string& name);

    watch_options options_;
    finder finder_;
    process_table table_;
    kernel_log kernel_log_;
    struct recent_kill {
        kernel_kill kill;
        mono_time at;
    };
    std::vector<recent_kill> unclaimed_kills_; ///< the instance they are of may be found after them
    std::unique_ptr<engine_watch> engine_thread_;
    engine_snapshot engine_;
    std::vector<watched> watched_;
    std::vector<bool> pid_bound_; ///< of each target: `pid:N` was there; whoever has the number later is another
    std::map<std::string, service_state> services_;
    std::map<std::string, std::string> said_;
    std::set<std::string> ended_containers_; ///< identities
    bool engine_said_dead_ = false;
    std::optional<mono_time> last_look_;
    std::optional<mono_time> host_read_at_;
    host_counters last_host_;
    std::optional<double> users_;
    descriptor processes_ended_; ///< epoll over the handles
    std::string buffer_;
};

} // namespace cb::watch
