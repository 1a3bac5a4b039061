// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <string>

#include <tl/expected.hpp>

#include "moving/operate/up_plan.hpp"

namespace moving::operate {

/// Where a running system is: what `up` leaves in its folder (services.json), so that audit, seed and trace need to be
/// told the folder only.
struct running_system {
    std::string brokers;
    std::string delivery;
    std::chrono::milliseconds reconcile_after{10'000};
    std::map<std::string, planned_service> services; ///< by name
};

/// Throws std::runtime_error when the folder cannot be written.
void write_system_file(const up_options& options, const up_plan& plan);
/// The error is a sentence.
tl::expected<running_system, std::string> read_system_file(const std::string& folder);

} // namespace moving::operate
