// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "protocol/api_key.hpp"
#include "protocol/error_code.hpp"

namespace cb::fault {

/// Whether a broker may answer this API with this code: a client that gets any other one shows its own bug, not its
/// handling of a fault. Produce and Fetch.
/// Errors of fetch sessions stand on an answer as a whole, never on a partition of it.
bool of_whole_answer(protocol::error_code code) noexcept;
bool legal_error(protocol::api_key api, protocol::error_code code) noexcept;
/// All of them, for a message.
std::string legal_error_names(protocol::api_key api);

} // namespace cb::fault
