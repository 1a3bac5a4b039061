// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "document/field.hpp"
#include "load/program.hpp"
#include "load/scenario.hpp"
#include "load/surroundings.hpp"

namespace cb::load {

/// Makes of a scenario file what the engine runs: names become indices, texts become pieces, loops become jumps, feeds
/// are read. Refuses every name that leads nowhere. `seed` holds where the file names none.
tl::expected<workload, document::mistake> compile(const file::scenario_file& from, const std::string& file,
                                                  const surroundings& around, std::uint64_t seed);

/// Both steps at once.
tl::expected<workload, document::mistake> read_workload(std::string_view text, const std::string& file,
                                                        const surroundings& around, std::uint64_t seed);

} // namespace cb::load
