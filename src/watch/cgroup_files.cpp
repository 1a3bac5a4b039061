// SPDX-License-Identifier: Apache-2.0
#include "watch/cgroup_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.hpp"
#include "watch/process_files.hpp"

namespace cb::watch {
namespace {

namespace fs = std::filesystem;

/// v1 writes "no limit" as the largest number of pages; nothing real is above an exbibyte.
constexpr double unlimited_from_bytes = 1024.0 * 1024 * 1024 * 1024 * 1024 * 1024;
double ticks_per_s() { return 1 / ticks_to_seconds(1); }

constexpr double us_per_s = 1e6;
constexpr double ns_per_s = 1e9;

std::optional<double> as_number(std::optional<std::int64_t> value) {
    return value ? std::optional<double>(static_cast<double>(*value)) : std::nullopt;
}

/// One folder of a group.
class group_folder {
public:
    group_folder(group_files& files, const std::string& folder, std::string& buffer)
        : files_(files), folder_(folder), buffer_(buffer) {}

    std::string_view text(const char* name) { return files_.text(folder_, name, buffer_); }
    std::optional<double> whole(const char* name) { return as_number(whole_integer(text(name))); }

private:
    group_files& files_;
    const std::string& folder_;
    std::string& buffer_;
};

template <class Numbers, class Name>
void set_if(Numbers& numbers, Name name, std::optional<double> value, double divisor = 1) {
    if (value) {
        numbers[name] = *value / divisor;
    }
}

std::optional<double> number_after(std::string_view text, std::string_view key) {
    return as_number(integer_after(text, key));
}

void read_cpu_v1(const cgroup_folders& folders, group_files& from, cgroup_reading& out, std::string& buffer) {
    group_folder accounting(from, folders.cpuacct, buffer);
    set_if(out.totals, counter::cpu_s, accounting.whole("cpuacct.usage"), ns_per_s);
    const auto split = accounting.text("cpuacct.stat");
    set_if(out.totals, counter::cpu_user_s, number_after(split, "user"), ticks_per_s());
    set_if(out.totals, counter::cpu_system_s, number_after(split, "system"), ticks_per_s());
    if (folders.cpu.empty() || !from.limits.has(gauge::cpu_limit_cores)) {
        return; // without a quota nothing is held back, and one file less is read
    }
    group_folder quota(from, folders.cpu, buffer);
    const auto stat = quota.text("cpu.stat");
    set_if(out.totals, counter::cpu_periods, number_after(stat, "nr_periods"));
    set_if(out.totals, counter::cpu_throttled_periods, number_after(stat, "nr_throttled"));
    set_if(out.totals, counter::cpu_throttled_s, number_after(stat, "throttled_time"), ns_per_s);
}

void read_limits_v1(const cgroup_folders& folders, group_files& from, gauges& limits, std::string& buffer) {
    group_folder quota(from, folders.cpu, buffer);
    const auto quota_us = quota.whole("cpu.cfs_quota_us");
    const auto period_us = quota.whole("cpu.cfs_period_us");
    if (quota_us && *quota_us > 0 && period_us && *period_us > 0) {
        limits[gauge::cpu_limit_cores] = *quota_us / *period_us;
    }
}

void read_cpu_v2(const cgroup_folders& folders, group_files& from, cgroup_reading& out, std::string& buffer) {
    group_folder files(from, folders.unified, buffer);
    const auto stat = files.text("cpu.stat");
    set_if(out.totals, counter::cpu_s, number_after(stat, "usage_usec"), us_per_s);
    set_if(out.totals, counter::cpu_user_s, number_after(stat, "user_usec"), us_per_s);
    set_if(out.totals, counter::cpu_system_s, number_after(stat, "system_usec"), us_per_s);
    set_if(out.totals, counter::cpu_periods, number_after(stat, "nr_periods"));
    set_if(out.totals, counter::cpu_throttled_periods, number_after(stat, "nr_throttled"));
    set_if(out.totals, counter::cpu_throttled_s, number_after(stat, "throttled_usec"), us_per_s);
}

void read_limits_v2(const cgroup_folders& folders, group_files& from, gauges& limits, std::string& buffer) {
    auto most = group_folder(from, folders.unified, buffer).text("cpu.max"); // "50000 100000", "max 100000"
    const auto quota_us = to_number(take_word(most));
    const auto period_us = to_number(take_word(most));
    if (quota_us && period_us && *period_us > 0) {
        limits[gauge::cpu_limit_cores] = *quota_us / *period_us;
    }
}

/// What memory.stat is called in v1 and v2.
struct memory_words {
    const char* cache;
    const char* faults;
    const char* anonymous;
    const char* mapped;
    const char* inactive;
};
constexpr memory_words words_v1{"total_cache", "total_pgmajfault", "total_rss", "total_mapped_file",
                                "total_inactive_file"};
constexpr memory_words words_v2{"file", "pgmajfault", "anon", "file_mapped", "inactive_file"};

group_files::memory_details parse_memory_stat(std::string_view stat, const memory_words& words) {
    group_files::memory_details out;
    out.fresh = true;
    set_if(out.now, gauge::page_cache_bytes, number_after(stat, words.cache));
    const auto anonymous = number_after(stat, words.anonymous);
    const auto mapped = number_after(stat, words.mapped);
    if (anonymous && mapped) {
        out.now[gauge::resident_bytes] = *anonymous + *mapped;
    }
    out.inactive_file_bytes = number_after(stat, words.inactive).value_or(gauges::unknown);
    out.major_faults = number_after(stat, words.faults).value_or(counters::unknown);
    return out;
}

/// The charged memory is of now; what the rest was when it was last read goes with it.
void add_memory(group_files& from, std::optional<double> charged, cgroup_reading& out) {
    const auto& details = from.memory;
    for (const auto figure :
         {gauge::page_cache_bytes, gauge::swap_bytes, gauge::resident_bytes, gauge::memory_peak_bytes}) {
        out.now[figure] = details.now[figure];
    }
    out.totals[counter::major_faults] = details.major_faults;
    if (!charged) {
        return;
    }
    out.now[gauge::memory_bytes] = *charged;
    if (out.now.has(gauge::memory_peak_bytes)) {
        out.now[gauge::memory_peak_bytes] = std::max(out.now[gauge::memory_peak_bytes], *charged);
    }
    if (!std::isnan(details.inactive_file_bytes)) {
        out.now[gauge::working_set_bytes] = std::max(0.0, *charged - details.inactive_file_bytes);
    }
}

void read_memory_v1(const cgroup_folders& folders, group_files& from, cgroup_reading& out, std::string& buffer) {
    group_folder files(from, folders.memory, buffer);
    const auto charged = files.whole("memory.usage_in_bytes");
    if (from.memory_details_are_due(charged)) {
        const auto stat = files.text("memory.stat");
        from.memory = parse_memory_stat(stat, words_v1);
        set_if(from.memory.now, gauge::swap_bytes, number_after(stat, "total_swap"));
        set_if(from.memory.now, gauge::memory_peak_bytes, files.whole("memory.max_usage_in_bytes"));
    }
    add_memory(from, charged, out);
}

void read_memory_v2(const cgroup_folders& folders, group_files& from, cgroup_reading& out, std::string& buffer) {
    group_folder files(from, folders.unified, buffer);
    const auto charged = files.whole("memory.current");
    if (from.memory_details_are_due(charged)) {
        from.memory = parse_memory_stat(files.text("memory.stat"), words_v2);
        set_if(from.memory.now, gauge::swap_bytes, files.whole("memory.swap.current"));
        set_if(from.memory.now, gauge::memory_peak_bytes, files.whole("memory.peak"));
    }
    add_memory(from, charged, out);
}

/// "Total 4096" lines end a v1 file of bytes by device; the lines above it say Read and Write.
void read_disk_v1(const cgroup_folders& folders, group_files& from, cgroup_reading& out, std::string& buffer) {
    group_folder files(from, folders.blkio, buffer);
    auto text = files.text("blkio.throttle.io_service_bytes_recursive");
    if (text.empty()) {
        text = files.text("blkio.throttle.io_service_bytes");
    }
    if (text.empty()) {
        return;
    }
    double read = 0;
    double written = 0;
    while (!text.empty()) {
        auto line = take_line(text); // "253:0 Read 4096"
        take_word(line);
        const auto what = take_word(line);
        const auto bytes = to_number(take_word(line)).value_or(0);
        read += what == "Read" ? bytes : 0;
        written += what == "Write" ? bytes : 0;
    }
    out.totals[counter::disk_read_bytes] = read;
    out.totals[counter::disk_written_bytes] = written;
}

void read_disk_v2(const cgroup_folders& folders, group_files& from, cgroup_reading& out, std::string& buffer) {
    if (from.read(folders.unified, "io.stat", buffer) != 0) {
        return;
    }
    double read = 0;
    double written = 0;
    std::string_view text = buffer;
    for (auto word = take_word(text); !word.empty(); word = take_word(text)) { // "253:0 rbytes=4096 wbytes=0 …"
        if (word.starts_with("rbytes=")) {
            read += to_number(word.substr(7)).value_or(0);
        } else if (word.starts_with("wbytes=")) {
            written += to_number(word.substr(7)).value_or(0);
        }
    }
    out.totals[counter::disk_read_bytes] = read;
    out.totals[counter::disk_written_bytes] = written;
}

void read_pressure(const cgroup_folders& folders, group_files& from, cgroup_reading& out, std::string& buffer) {
    if (folders.is_root()) {
        return; // that is the machine's
    }
    group_folder files(from, folders.unified, buffer);
    set_if(out.totals, counter::cpu_pressure_some_s, parse_pressure(files.text("cpu.pressure")).some_s);
    const auto memory = parse_pressure(files.text("memory.pressure"));
    set_if(out.totals, counter::memory_pressure_some_s, memory.some_s);
    set_if(out.totals, counter::memory_pressure_full_s, memory.full_s);
    const auto disk = parse_pressure(files.text("io.pressure"));
    set_if(out.totals, counter::io_pressure_some_s, disk.some_s);
    set_if(out.totals, counter::io_pressure_full_s, disk.full_s);
}

/// The folder and all below it, at most as many as a limit allows.
template <class Visit>
void for_each_folder(const std::string& top, Visit visit) {
    visit(top);
    std::error_code wrong;
    std::size_t visited = 0;
    for (fs::recursive_directory_iterator each(top, fs::directory_options::skip_permission_denied, wrong), end;
         !wrong && each != end && visited < limits::cgroup_subfolders; each.increment(wrong)) {
        if (each->is_directory(wrong)) {
            ++visited;
            visit(each->path().string());
        }
    }
}

template <class Visit>
void for_each_group(group_files& files, const std::string& top, Visit visit) {
    if (files.has_subfolders(top)) {
        for_each_folder(top, visit);
    } else {
        visit(top);
    }
}

} // namespace

std::string cgroup_folders::any() const {
    for (const auto* each : {&memory, &cpuacct, &cpu, &pids, &unified, &blkio, &named}) {
        if (!each->empty()) {
            return *each;
        }
    }
    return {};
}

cgroup_mounts::cgroup_mounts(const root_folder& root, std::string_view mountinfo) : root_(root) {
    while (!mountinfo.empty()) {
        const auto words = words_of(take_line(mountinfo));
        const auto dash = std::find(words.begin(), words.end(), "-");
        constexpr std::size_t point_column = 4;
        if (words.size() <= point_column || words.end() - dash < 4) {
            continue;
        }
        const auto type = dash[1];
        if (type == "cgroup2") {
            mounts_.push_back({std::string(words[point_column]), std::string(words[3]), ""});
        } else if (type == "cgroup") {
            mounts_.push_back({std::string(words[point_column]), std::string(words[3]), std::string(dash[3])});
        }
    }
}

cgroup_mounts cgroup_mounts::of(const root_folder& root) {
    std::string text;
    read_file(root.at("/proc/self/mountinfo"), text);
    return {root, text};
}

std::string* cgroup_mounts::slot_of(cgroup_folders& folders, std::string_view controller) {
    if (controller.empty()) {
        return &folders.unified;
    }
    if (controller == "cpu") {
        return &folders.cpu;
    }
    if (controller == "cpuacct") {
        return &folders.cpuacct;
    }
    if (controller == "memory") {
        return &folders.memory;
    }
    if (controller == "blkio") {
        return &folders.blkio;
    }
    if (controller == "pids") {
        return &folders.pids;
    }
    return controller.starts_with("name=") ? &folders.named : nullptr;
}

void cgroup_mounts::place(cgroup_folders& folders, const mount& where, const std::string& path, bool must_exist) const {
    auto inside = path;
    if (where.inner_root != "/" && inside.starts_with(where.inner_root)) {
        inside.erase(0, where.inner_root.size());
    }
    while (inside.ends_with('/')) {
        inside.pop_back();
    }
    if (!inside.empty() && inside.front() != '/') {
        inside.insert(inside.begin(), '/');
    }
    const auto folder = root_.at(where.point) + inside;
    std::error_code wrong;
    if (must_exist && !fs::is_directory(folder, wrong)) {
        return;
    }
    // "rw,cpu,cpuacct": the words that are no controllers find no slot.
    std::string_view rest = where.controllers;
    do {
        const auto comma = rest.find(',');
        if (auto* slot = slot_of(folders, rest.substr(0, comma)); slot != nullptr) {
            *slot = folder;
        }
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    } while (!rest.empty());
}

cgroup_folders cgroup_mounts::of_process(std::string_view cgroup_text) const {
    cgroup_folders out;
    while (!cgroup_text.empty()) {
        const auto line = take_line(cgroup_text); // "4:memory:/shop/billing", "0::/shop/billing"
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (first == std::string_view::npos || second == std::string_view::npos) {
            continue;
        }
        const auto controllers = line.substr(first + 1, second - first - 1);
        const std::string path(line.substr(second + 1));
        for (const auto& where : mounts_) {
            const bool unified = controllers.empty();
            if (unified
                    ? where.controllers.empty()
                    : ("," + where.controllers + ",").find("," + std::string(controllers) + ",") != std::string::npos) {
                place(out, where, path, true);
            }
        }
        // The memory controller decides what the group is called: its kills are what the kernel's log names.
        if (out.path.empty() || controllers == "memory") {
            out.path = path;
        }
    }
    return out;
}

cgroup_folders cgroup_mounts::named(const std::string& path) const {
    cgroup_folders out;
    auto inside = path;
    std::size_t longest = 0;
    for (const auto& where : mounts_) {
        if (path.starts_with(where.point + "/") && where.point.size() > longest) {
            longest = where.point.size();
            inside = path.substr(where.point.size());
        }
    }
    for (const auto& where : mounts_) {
        place(out, where, inside, true);
    }
    out.path = inside.starts_with('/') ? inside : "/" + inside;
    return out;
}

std::string_view group_files::text(const std::string& folder, const char* name, std::string& buffer) {
    return read(folder, name, buffer) == 0 ? std::string_view(buffer) : std::string_view();
}

int group_files::read(const std::string& folder, const char* name, std::string& buffer) {
    if (folder.empty()) {
        return ENOENT;
    }
    key_.assign(folder);
    key_ += '/';
    key_ += name;
    auto found = files_.find(key_);
    if (found == files_.end()) {
        descriptor file(::open(key_.c_str(), O_RDONLY | O_CLOEXEC));
        const bool missing = !file.open() && errno == ENOENT;
        const bool keep = file.open() && worth_keeping(file);
        // A folder that comes and goes is not remembered for what it lacks.
        if (!keep && !(missing && ::access(folder.c_str(), F_OK) == 0)) {
            return file.open() ? read_again(file, buffer) : ENOENT;
        }
        found = files_.emplace(key_, kept{std::move(file), missing}).first;
    }
    return found->second.missing ? ENOENT : read_again(found->second.file, buffer);
}

bool group_files::limits_are_due() {
    constexpr int looks_between = 10;
    const bool due = looks_until_limits_ == 0;
    looks_until_limits_ = due ? looks_between - 1 : looks_until_limits_ - 1;
    return due;
}

bool group_files::memory_details_are_due(std::optional<double> charged) {
    constexpr int looks_between = 4;
    constexpr double moved_share = 1.0 / 64;
    const double now = charged.value_or(0);
    if (looks_until_memory_ > 0 && std::abs(now - charged_then_) <= moved_share * charged_then_) {
        --looks_until_memory_;
        memory.fresh = false;
        return false;
    }
    looks_until_memory_ = looks_between - 1;
    charged_then_ = now;
    return true;
}

bool group_files::has_subfolders(const std::string& folder) {
    auto& seen = folders_[folder];
    if (--seen.asks_until_look < 0) {
        constexpr int asks_between = 5;
        seen.asks_until_look = asks_between - 1;
        // A leaf has two links, its name and "."; each subfolder adds one. Saves listing it.
        struct stat about {};
        seen.subfolders = ::stat(folder.c_str(), &about) == 0 && about.st_nlink > 2;
    }
    return seen.subfolders;
}

std::optional<double> read_tasks(const cgroup_folders& folders, group_files& files, std::string& buffer) {
    const auto& folder = folders.pids.empty() ? folders.unified : folders.pids;
    return group_folder(files, folder, buffer).whole("pids.current");
}

cgroup_reading read_cgroup(const cgroup_folders& folders, group_files& files, std::string& buffer) {
    cgroup_reading out;
    const auto& tasks = folders.pids.empty() ? folders.unified : folders.pids;
    if (files.limits_are_due()) {
        files.limits = gauges();
        set_if(files.limits, gauge::threads_limit, group_folder(files, tasks, buffer).whole("pids.max"));
        set_if(files.limits, gauge::memory_limit_bytes, effective_memory_limit(folders, files, buffer));
        if (!folders.cpu.empty()) {
            read_limits_v1(folders, files, files.limits, buffer);
        } else {
            read_limits_v2(folders, files, files.limits, buffer);
        }
    }
    if (!folders.cpuacct.empty()) {
        read_cpu_v1(folders, files, out, buffer);
    } else {
        read_cpu_v2(folders, files, out, buffer);
    }
    if (!folders.memory.empty()) {
        read_memory_v1(folders, files, out, buffer);
    } else {
        read_memory_v2(folders, files, out, buffer);
    }
    if (!folders.blkio.empty()) {
        read_disk_v1(folders, files, out, buffer);
    } else {
        read_disk_v2(folders, files, out, buffer);
    }
    set_if(out.now, gauge::threads, files.tasks ? files.tasks : read_tasks(folders, files, buffer));
    files.tasks.reset();
    read_pressure(folders, files, out, buffer);
    for (const auto figure : {gauge::threads_limit, gauge::memory_limit_bytes, gauge::cpu_limit_cores}) {
        out.now[figure] = files.limits[figure];
    }
    return out;
}

std::optional<double> read_oom_kills(const cgroup_folders& folders, group_files& files, std::string& buffer) {
    if (folders.memory.empty()) {
        // v2 counts a kill in the group and in all above it.
        return number_after(files.text(folders.unified, "memory.events", buffer), "oom_kill");
    }
    std::optional<double> sum;
    for_each_group(files, folders.memory, [&](const std::string& folder) {
        // v1 counts it where the victim was.
        const auto here = number_after(files.text(folder, "memory.oom_control", buffer), "oom_kill");
        if (here) {
            sum = sum.value_or(0) + *here;
        }
    });
    return sum;
}

std::optional<double> effective_memory_limit(const cgroup_folders& folders, group_files& files, std::string& buffer) {
    if (!folders.memory.empty()) {
        const auto limit = number_after(files.text(folders.memory, "memory.stat", buffer), "hierarchical_memory_limit");
        return limit && *limit < unlimited_from_bytes ? limit : std::nullopt;
    }
    std::optional<double> tightest;
    // As many parents as the path has parts: above them is the mount point.
    auto folder = folders.unified;
    auto depth = std::count(folders.path.begin(), folders.path.end(), '/');
    for (; !folder.empty() && depth > 0; --depth, folder = fs::path(folder).parent_path().string()) {
        const auto limit = as_number(whole_integer(files.text(folder, "memory.max", buffer)));
        if (limit && (!tightest || *limit < *tightest)) {
            tightest = limit;
        }
    }
    return tightest;
}

bool list_processes(const cgroup_folders& folders, group_files& files, std::vector<int>& pids, std::string& buffer) {
    pids.clear();
    const auto top = folders.any();
    bool there = false;
    if (top.empty()) {
        return false;
    }
    for_each_group(files, top, [&](const std::string& folder) {
        if (files.read(folder, "cgroup.procs", buffer) != 0) {
            return;
        }
        there = true;
        std::string_view rest = buffer;
        for (auto word = take_word(rest); !word.empty(); word = take_word(rest)) {
            if (const auto pid = to_integer(word); pid && *pid > 0 && pids.size() < limits::processes_per_instance) {
                pids.push_back(static_cast<int>(*pid));
            }
        }
    });
    std::sort(pids.begin(), pids.end());
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
    return there;
}

std::optional<std::string> folder_identity(const std::string& path) {
    struct stat about {};
    if (path.empty() || ::stat(path.c_str(), &about) != 0) {
        return std::nullopt;
    }
    return std::to_string(about.st_ino);
}

} // namespace cb::watch
