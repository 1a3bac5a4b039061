// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>

namespace cb::mainjob {

/// Message numbers (the keys) by effect.
using victims = std::map<std::string, std::set<std::int64_t>>;

/// What of one topic's messages the ledger says was done.
victims read_ledger(const std::filesystem::path& file, const std::string& topic);

/// Of messages and effects, in the order of their numbers: equal when the same was done to the same messages. `before`
/// is the sum that it goes on from.
std::uint64_t victims_hash(const victims& of, std::uint64_t before);

} // namespace cb::mainjob
