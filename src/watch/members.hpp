// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "watch/exit_status.hpp"
#include "watch/figures.hpp"
#include "watch/kernel_text.hpp"

namespace cb::watch {

/// The processes of one instance. Each is held by its folder and its handle, so that a number that is used again is
/// never taken for the old process. CPU, disk bytes and faults of the whole are one counter that never goes back when a
/// child ends: what a child used goes on inside its parent once the parent has waited for it, and is not counted twice.
/// Owner: an instance; one thread.
class members {
public:
    struct ended {
        int pid = 0;
        std::string name;
        std::optional<int> status; ///< as waitpid gives it
    };

    /// `group_counts`: a cgroup counts CPU and disk bytes for all of them, so that those of each are not read, and
    /// their other figures only every fourth time; between that the handle tells whether each lives.
    explicit members(const root_folder& root, bool group_counts = false) : root_(root), group_counts_(group_counts) {}

    /// Takes in a process; false: it is not there (any more). `from_its_start`: all that it ever used is the
    /// instance's; else only what it uses from now on (an old process that was moved here).
    bool add(int pid, bool from_its_start);
    [[nodiscard]] bool contains(int pid) const { return members_.contains(pid); }
    [[nodiscard]] std::size_t size() const { return members_.size(); }
    /// Handles to wait on.
    [[nodiscard]] int handle_of(int pid) const;
    [[nodiscard]] const std::string& name_of(int pid) const;
    template <class Visit>
    void for_each_pid(Visit visit) const {
        for (const auto& [pid, one] : members_) {
            visit(pid);
        }
    }

    /// Reads all of them: what they are now is added to `now`, what they used so far is `totals()`. Those that ended
    /// are told once.
    std::vector<ended> read(gauges& now, std::string& buffer);
    [[nodiscard]] const counters& totals() const { return totals_; }
    /// The dear figures: proportional memory, sockets, context switches. Read in rotation. False: a child has come that
    /// is no member yet, or one has gone meanwhile. It shares pages, so that the sum would lack its part: to be read
    /// again.
    bool read_dear(gauges& now, counters& totals, std::string& buffer);

    /// How this one ended, if it did and that is told.
    [[nodiscard]] std::optional<int> status_of(int pid, std::string& buffer) const;
    /// Whether it has ended, waited for or not.
    [[nodiscard]] bool is_over(int pid, std::string& buffer) const;
    [[nodiscard]] bool any_alive(std::string& buffer) const;
    /// Files of a process that we may not read; told once by whoever shows it.
    [[nodiscard]] bool denied() const { return denied_; }

private:
    struct member {
        int pid = 0;
        std::string name;
        std::int64_t start_ticks = 0;
        descriptor folder;
        descriptor stat_file; ///< kept open while descriptors are plenty
        descriptor io_file;
        descriptor handle;
        counters own;    ///< as last read
        counters reaped; ///< of children it has waited for
        std::optional<double> open_files_limit;
        std::optional<int> zombie_status;
        bool files_denied = false;
        bool end_told = false;
        bool zombie = false;
        int readings_until_due = 0;
        gauges last; ///< of the last reading that was due
    };
    bool has_new_children(std::string& buffer) const;
    bool read_one(member& one, gauges& now, std::string& buffer);
    bool read_due(member& one, gauges& now, std::string& buffer);
    void add_figures(const gauges& of_one, gauges& now);
    void read_files(member& one, gauges& now, std::string& buffer);
    void account(const std::vector<counters>& left_behind, const counters& own_change, const counters& reaped_change);

    root_folder root_;
    bool group_counts_;
    std::map<int, member> members_;
    counters totals_;
    counters owed_;          ///< used by children that ended and that their parents have not added yet
    counters own_change_;    ///< of the current reading
    counters reaped_change_; ///< of the current reading
    double fullest_share_ = 0;
    bool denied_ = false;
};

} // namespace cb::watch
