// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace cb::runstore {

/// Where a run is kept. A value: the folder stays when this goes.
class run_folder {
public:
    /// A new `<runs>/<time>-<title>/`; another run of the same second gets a number behind its name. `<runs>/latest`
    /// points to it from then on.
    static result<run_folder> create(const std::filesystem::path& runs, std::string_view title, wall_time_ms now_ms);
    /// Exactly this folder, made if need be. Error: conflict, when something is in it.
    static result<run_folder> create_at(const std::filesystem::path& folder);
    /// A run that is there, by its folder or by a file in it. Error: not_found.
    static result<run_folder> open(const std::filesystem::path& run);

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::filesystem::path database_file() const { return path_ / "run.db"; }
    [[nodiscard]] std::filesystem::path latency_log_file() const { return path_ / "latency.hlog"; }

    /// A copy of the file that the run was made from, under its own name.
    [[nodiscard]] result<void> keep(const std::filesystem::path& file) const;
    /// Writes a file of the run in one step: a reader sees the old one or the new one.
    [[nodiscard]] result<void> write(const std::string& name, std::string_view text) const;

    /// What a title becomes in a name: lower-case letters, digits and single hyphens.
    static std::string slug(std::string_view title);

private:
    explicit run_folder(std::filesystem::path path) : path_(std::move(path)) {}

    std::filesystem::path path_;
};

} // namespace cb::runstore
