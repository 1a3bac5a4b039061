// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "watch/kernel_text.hpp"

namespace cb::watch {

/// All processes of the machine, as far as finding instances needs them. New processes are looked at when they appear
/// and again while they are young (a program may follow its fork late), the rest in rotation: a busy machine has
/// thousands, and reading all of them each second would cost more than the watching.
/// Owner: the watcher; one thread.
class process_table {
public:
    struct entry {
        int pid = 0;
        int parent = 0;
        std::int64_t start_ticks = 0;
        std::string command_line;       ///< empty: a kernel thread, or not asked for
        std::string service;            ///< CHAOSBROKER_SERVICE
        bool alive = true;              ///< not a zombie
        std::uint64_t changed_turn = 0; ///< when its words were last found to be others
        std::uint64_t first_seen_turn = 0;
        std::uint64_t listed_turn = 0;
    };

    /// `words`: whether command lines and environments are wanted at all.
    process_table(const root_folder& root, bool words) : root_(root), words_(words) {}

    /// False: /proc cannot be read.
    bool refresh();
    [[nodiscard]] const std::map<int, entry>& entries() const { return entries_; }
    [[nodiscard]] const entry* find(int pid) const;
    /// The process itself and all above it.
    [[nodiscard]] std::set<int> with_ancestors(int pid) const;
    /// Processes whose environment we may not read.
    [[nodiscard]] std::size_t environments_denied() const { return denied_.size(); }

private:
    void look_at(entry& one);

    root_folder root_;
    bool words_;
    std::map<int, entry> entries_;
    std::set<int> denied_;
    std::uint64_t turn_ = 0;
    std::string buffer_;
};

} // namespace cb::watch
