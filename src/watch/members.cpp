// SPDX-License-Identifier: Apache-2.0
#include "watch/members.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "watch/process_files.hpp"

namespace cb::watch {
namespace {

constexpr std::array cpu_and_faults{counter::cpu_s, counter::cpu_user_s, counter::cpu_system_s, counter::major_faults};
constexpr std::array disk_bytes{counter::disk_read_bytes, counter::disk_written_bytes};

/// What a parent adds is rounded to clock ticks: a debt of that size may be paid by the next reading.
constexpr double rounding_s = 0.02;

double known(double value) { return std::isnan(value) ? 0 : value; }

double page_bytes() {
    static const auto bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
    return bytes;
}

/// The file of a process, kept open as long as that leaves most descriptors to others.
int read_kept(const descriptor& kept, int folder, const char* name, std::string& buffer) {
    return kept.open() ? read_again(kept, buffer) : read_file(folder, name, buffer);
}

descriptor open_to_keep(int folder, const char* name) {
    descriptor file(::openat(folder, name, O_RDONLY | O_CLOEXEC));
    return worth_keeping(file) ? std::move(file) : descriptor();
}

} // namespace

bool members::add(int pid, bool from_its_start) {
    member one;
    one.pid = pid;
    one.folder =
        descriptor(::open(root_.at("/proc/" + std::to_string(pid)).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::string buffer;
    if (!one.folder.open() || read_file(one.folder.get(), "stat", buffer) != 0) {
        return false;
    }
    const auto stat = parse_process_stat(buffer);
    if (!stat) {
        return false;
    }
    one.name = stat->name;
    one.start_ticks = stat->start_ticks;
    if (root_.is_the_machine()) {
        one.handle = open_process_handle(pid);
        one.stat_file = open_to_keep(one.folder.get(), "stat");
        one.io_file = open_to_keep(one.folder.get(), "io");
    }
    one.files_denied = !may_list_files(one.folder.get());
    denied_ = denied_ || one.files_denied;
    auto& kept = members_[pid];
    kept = std::move(one);
    if (!from_its_start) {
        // It was there before and only joins now: its past is not this instance's.
        gauges ignored;
        own_change_ = counters();
        reaped_change_ = counters();
        read_one(kept, ignored, buffer);
    }
    return true;
}

int members::handle_of(int pid) const {
    const auto found = members_.find(pid);
    return found == members_.end() ? -1 : found->second.handle.get();
}

const std::string& members::name_of(int pid) const {
    static const std::string nothing;
    const auto found = members_.find(pid);
    return found == members_.end() ? nothing : found->second.name;
}

std::vector<members::ended> members::read(gauges& now, std::string& buffer) {
    std::vector<ended> over;
    std::vector<counters> left_behind;
    own_change_ = counters();
    reaped_change_ = counters();
    fullest_share_ = -1;
    for (auto each = members_.begin(); each != members_.end();) {
        auto& one = each->second;
        const bool there = read_one(one, now, buffer);
        if ((!there || one.zombie_status) && !one.end_told) {
            one.end_told = true;
            over.push_back({one.pid, one.name, there ? one.zombie_status : exit_status_of(one.handle)});
        }
        if (there) {
            ++each;
            continue;
        }
        counters used = one.own;
        for (const auto figure : cpu_and_faults) {
            used.add(figure, known(one.reaped[figure]));
        }
        left_behind.push_back(used);
        each = members_.erase(each);
    }
    account(left_behind, own_change_, reaped_change_);
    return over;
}

/// False: it is gone.
bool members::read_one(member& one, gauges& now, std::string& buffer) {
    if (group_counts_ && one.readings_until_due > 0 && one.handle.open() && !has_ended(one.handle)) {
        --one.readings_until_due;
        add_figures(one.last, now);
        return true;
    }
    constexpr int readings_between = 4;
    one.readings_until_due = readings_between - 1;
    one.last = gauges();
    const bool there = read_due(one, one.last, buffer);
    add_figures(one.last, now);
    return there;
}

void members::add_figures(const gauges& of_one, gauges& now) {
    for (const auto figure : {gauge::processes, gauge::threads, gauge::resident_bytes, gauge::open_files}) {
        if (of_one.has(figure)) {
            now.add(figure, of_one[figure]);
        }
    }
    if (!of_one.has(gauge::open_files)) {
        return;
    }
    const double limit = of_one[gauge::open_files_limit];
    const double share = limit > 0 ? of_one[gauge::open_files] / limit : 0;
    if (share > fullest_share_) {
        fullest_share_ = share;
        now[gauge::open_files_fullest] = of_one[gauge::open_files];
        now[gauge::open_files_limit] = limit;
    }
}

bool members::read_due(member& one, gauges& now, std::string& buffer) {
    if (read_kept(one.stat_file, one.folder.get(), "stat", buffer) != 0) {
        return false;
    }
    const auto stat = parse_process_stat(buffer);
    if (!stat || stat->start_ticks != one.start_ticks) {
        return false;
    }
    if (one.name != stat->name) {
        one.name = stat->name; // it has become another program
    }
    counters own;
    counters reaped;
    own[counter::cpu_user_s] = ticks_to_seconds(stat->user_ticks);
    own[counter::cpu_system_s] = ticks_to_seconds(stat->system_ticks);
    own[counter::cpu_s] = ticks_to_seconds(stat->user_ticks + stat->system_ticks);
    own[counter::major_faults] = static_cast<double>(stat->major_faults);
    reaped[counter::cpu_user_s] = ticks_to_seconds(stat->reaped_user_ticks);
    reaped[counter::cpu_system_s] = ticks_to_seconds(stat->reaped_system_ticks);
    reaped[counter::cpu_s] = ticks_to_seconds(stat->reaped_user_ticks + stat->reaped_system_ticks);
    reaped[counter::major_faults] = static_cast<double>(stat->reaped_major_faults);
    one.zombie = stat->state == 'Z' || stat->state == 'X';
    if (one.zombie) {
        // Without permission the field reads 0, which would look like a good end.
        if (stat->exit_status != 0 || ::geteuid() == 0) {
            one.zombie_status = stat->exit_status;
        }
    } else {
        now[gauge::processes] = 1;
        now[gauge::threads] = stat->threads;
        now[gauge::resident_bytes] = static_cast<double>(stat->resident_pages) * page_bytes();
        if (root_.is_the_machine() && !group_counts_) {
            // Exact where the ticks are hundredths of a second; never behind what was already said.
            if (const auto exact = cpu_clock_s(one.pid)) {
                own[counter::cpu_s] = std::max(*exact, known(one.own[counter::cpu_s]));
            }
        }
        const bool io_told =
            !group_counts_ && !one.files_denied && read_kept(one.io_file, one.folder.get(), "io", buffer) == 0;
        if (const auto io = io_told ? parse_process_io(buffer) : std::nullopt) {
            own[counter::disk_read_bytes] = static_cast<double>(io->read_bytes);
            own[counter::disk_written_bytes] = static_cast<double>(io->written_bytes);
        }
        read_files(one, now, buffer);
    }
    for (const auto figure : cpu_and_faults) {
        own_change_.add(figure, std::max(0.0, own[figure] - known(one.own[figure])));
        reaped_change_.add(figure, std::max(0.0, reaped[figure] - known(one.reaped[figure])));
        one.own[figure] = std::max(own[figure], known(one.own[figure]));
        one.reaped[figure] = reaped[figure];
    }
    for (const auto figure : disk_bytes) {
        if (own.has(figure)) {
            // The kernel keeps a child's bytes in the parent's own counter.
            const double change = std::max(0.0, own[figure] - known(one.own[figure]));
            reaped_change_.add(figure, change);
            one.own[figure] = own[figure];
        }
    }
    return true;
}

void members::read_files(member& one, gauges& now, std::string& buffer) {
    const int count = one.files_denied ? -1 : count_open_files(one.folder.get());
    if (count < 0) {
        return;
    }
    if (!one.open_files_limit && read_file(one.folder.get(), "limits", buffer) == 0) {
        one.open_files_limit = static_cast<double>(parse_open_files_limit(buffer).value_or(0));
    }
    now[gauge::open_files] = count;
    if (one.open_files_limit.value_or(0) > 0) {
        now[gauge::open_files_limit] = *one.open_files_limit;
    }
}

/// Whole = what the living used + what they took over from children they waited for - what of that was counted while
/// the child lived.
void members::account(const std::vector<counters>& left_behind, const counters& own_change,
                      const counters& reaped_change) {
    const auto settle = [&](counter figure, double rounding) {
        if (std::isnan(own_change[figure]) && std::isnan(reaped_change[figure])) {
            return;
        }
        double owed = known(owed_[figure]);
        for (const auto& used : left_behind) {
            owed += known(used[figure]);
        }
        const double taken_over = known(reaped_change[figure]);
        const double paid = std::min(owed, taken_over);
        totals_.add(figure, known(own_change[figure]) + taken_over - paid);
        // What nobody takes over (an orphan's, or a parent that does not wait) is owed no longer.
        owed_[figure] = std::min(owed - paid, rounding);
    };
    for (const auto figure : cpu_and_faults) {
        settle(figure, figure == counter::major_faults ? 0 : rounding_s);
    }
    for (const auto figure : disk_bytes) {
        settle(figure, 0);
    }
}

bool members::has_new_children(std::string& buffer) const {
    for (const auto& [pid, one] : members_) {
        const auto children = "task/" + std::to_string(pid) + "/children";
        if (group_counts_ || read_file(one.folder.get(), children.c_str(), buffer) != 0) {
            continue;
        }
        std::string_view rest = buffer;
        for (auto word = take_word(rest); !word.empty(); word = take_word(rest)) {
            if (!members_.contains(static_cast<int>(to_integer(word).value_or(0)))) {
                return true;
            }
        }
    }
    return false;
}

bool members::read_dear(gauges& now, counters& totals, std::string& buffer) {
    if (has_new_children(buffer)) {
        return false;
    }
    constexpr double bytes_per_kb = 1024;
    for (const auto& [pid, one] : members_) {
        if (one.zombie) {
            continue; // it has no memory any more
        }
        const int why = read_file(one.folder.get(), "smaps_rollup", buffer);
        if (why == ESRCH || why == ENOENT || (why == 0 && buffer.empty())) {
            return false;
        }
        if (why == 0) {
            if (const auto kb = integer_after(buffer, "Pss:")) {
                now.add(gauge::proportional_bytes, static_cast<double>(*kb) * bytes_per_kb);
            }
            if (const auto kb = integer_after(buffer, "Swap:")) {
                now.add(gauge::swap_bytes, static_cast<double>(*kb) * bytes_per_kb);
            }
        }
        if (const int sockets = count_sockets(one.folder.get()); sockets >= 0) {
            now.add(gauge::sockets, sockets);
        }
        const auto changes = count_switches(one.folder.get(), buffer);
        totals.add(counter::voluntary_switches, static_cast<double>(changes.voluntary));
        totals.add(counter::involuntary_switches, static_cast<double>(changes.involuntary));
    }
    return !has_new_children(buffer);
}

std::optional<int> members::status_of(int pid, std::string& buffer) const {
    const auto found = members_.find(pid);
    if (found == members_.end()) {
        return std::nullopt;
    }
    const auto& one = found->second;
    if (const auto status = exit_status_of(one.handle)) {
        return status;
    }
    if (read_file(one.folder.get(), "stat", buffer) == 0) {
        const auto stat = parse_process_stat(buffer);
        if (stat && stat->state == 'Z' && (stat->exit_status != 0 || ::geteuid() == 0)) {
            return stat->exit_status;
        }
    }
    return one.zombie_status;
}

bool members::any_alive(std::string& buffer) const {
    return std::any_of(members_.begin(), members_.end(),
                       [&](const auto& each) { return !is_over(each.first, buffer); });
}

bool members::is_over(int pid, std::string& buffer) const {
    const auto found = members_.find(pid);
    if (found == members_.end()) {
        return true;
    }
    const auto& one = found->second;
    if (one.handle.open()) {
        return has_ended(one.handle);
    }
    if (read_file(one.folder.get(), "stat", buffer) != 0) {
        return true;
    }
    const auto stat = parse_process_stat(buffer);
    return !stat || stat->start_ticks != one.start_ticks || stat->state == 'Z' || stat->state == 'X';
}

} // namespace cb::watch
