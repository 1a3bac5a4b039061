// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace cb::load {

/// What a scenario needs besides its own text. A parameter, so that tests and fuzzers have none of the machine's.
struct surroundings {
    /// Names in a scenario are relative to its own folder.
    std::filesystem::path folder;
    std::function<std::optional<std::string>(const std::string& name)> variable;
    /// The whole of a file, up to a limit.
    std::function<result<std::string>(const std::filesystem::path& path)> read_file;
};

/// The environment and the files of this process, for a scenario file at this path.
surroundings machine_surroundings(const std::filesystem::path& scenario);

} // namespace cb::load
