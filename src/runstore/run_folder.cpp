// SPDX-License-Identifier: Apache-2.0
#include "runstore/run_folder.hpp"

#include <algorithm>
#include <fstream>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "base/log.hpp"

namespace cb::runstore {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t slug_length_max = 60;

tl::unexpected<error> refused(const fs::path& path, const std::error_code& why) {
    return fail(errc::io, fmt::format("{}: {}", path.string(), why.message()));
}

/// "2026-11-24T080000": sorts by time, and has no character that a shell or another system minds.
std::string name_of_time(wall_time_ms now_ms) {
    auto text = utc_timestamp(now_ms).substr(0, 19);
    std::erase(text, ':');
    return text;
}

/// Replaced in one step, so that there is always a latest one.
result<void> point_latest_to(const fs::path& folder) {
    const auto link = folder.parent_path() / "latest";
    const auto made = folder.parent_path() / fmt::format(".latest-{}", ::getpid());
    std::error_code wrong;
    if (fs::exists(fs::symlink_status(link)) && !fs::is_symlink(link)) {
        return fail(errc::conflict,
                    fmt::format("{}: is not a link; the newest run would be shown there", link.string()));
    }
    fs::remove(made, wrong);
    fs::create_directory_symlink(folder.filename(), made, wrong);
    if (!wrong) {
        fs::rename(made, link, wrong);
    }
    if (wrong) {
        return refused(link, wrong);
    }
    return {};
}

} // namespace

std::string run_folder::slug(std::string_view title) {
    std::string out;
    for (const auto each : title) {
        const bool letter = (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z');
        if (letter || (each >= '0' && each <= '9')) {
            out += static_cast<char>(each >= 'A' && each <= 'Z' ? each + ('a' - 'A') : each);
        } else if (!out.empty() && out.back() != '-') {
            out += '-';
        }
    }
    out.resize(std::min(out.size(), slug_length_max));
    while (out.ends_with('-')) {
        out.pop_back();
    }
    return out.empty() ? "run" : out;
}

result<run_folder> run_folder::create(const fs::path& runs, std::string_view title, wall_time_ms now_ms) {
    std::error_code wrong;
    fs::create_directories(runs, wrong);
    if (wrong) {
        return refused(runs, wrong);
    }
    const auto name = name_of_time(now_ms) + "-" + slug(title);
    auto path = runs / name;
    for (int number = 2; !fs::create_directory(path, wrong); ++number) {
        if (wrong) {
            return refused(path, wrong);
        }
        path = runs / fmt::format("{}-{}", name, number);
    }
    if (auto pointed = point_latest_to(path); !pointed) {
        fs::remove(path, wrong);
        return tl::unexpected(pointed.error());
    }
    return run_folder(path);
}

result<run_folder> run_folder::create_at(const fs::path& folder) {
    std::error_code wrong;
    fs::create_directories(folder, wrong);
    if (wrong) {
        return refused(folder, wrong);
    }
    const bool empty = fs::is_empty(folder, wrong);
    if (wrong) {
        return refused(folder, wrong);
    }
    if (!empty) {
        return fail(
            errc::conflict,
            fmt::format("{}: is not empty, and a run never overwrites anything; name a new folder", folder.string()));
    }
    return run_folder(folder);
}

result<run_folder> run_folder::open(const fs::path& run) {
    std::error_code wrong;
    const auto folder = fs::is_directory(run, wrong) ? run : run.has_parent_path() ? run.parent_path() : fs::path(".");
    if (!fs::exists(run, wrong)) {
        return fail(errc::not_found, fmt::format("{}: there is no such run", run.string()));
    }
    if (!fs::is_regular_file(folder / "run.db", wrong)) {
        return fail(errc::not_found, fmt::format("{}: is not a run: there is no run.db in it", folder.string()));
    }
    return run_folder(fs::is_symlink(folder, wrong) ? fs::canonical(folder, wrong) : folder);
}

result<void> run_folder::keep(const fs::path& file) const {
    std::error_code wrong;
    if (!fs::copy_file(file, path_ / file.filename(), wrong)) {
        return refused(file, wrong);
    }
    return {};
}

result<void> run_folder::write(const std::string& name, std::string_view text) const {
    const auto made = path_ / fmt::format(".{}-{}", name, ::getpid());
    std::ofstream out(made, std::ios::binary);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    out.close();
    std::error_code wrong;
    if (out) {
        fs::rename(made, path_ / name, wrong);
    }
    if (!out || wrong) {
        std::error_code ignored;
        fs::remove(made, ignored);
        return fail(errc::io, fmt::format("{}: cannot be written", (path_ / name).string()));
    }
    return {};
}

} // namespace cb::runstore
