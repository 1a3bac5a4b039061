// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "protocol/api_key.hpp"
#include "wire/slice.hpp"

namespace cb::protocol {

/// What stands in front of every request.
struct request_header {
    api_key api{};
    std::int16_t version = 0;
    std::int32_t correlation_id = 0;
    std::optional<std::string> client_id;
    std::size_t size = 0; ///< bytes of the header in the frame; the body follows
};

/// Reads the header of a request's frame. The client id stays in the older form even in header version 2, and an
/// ApiVersions request of a version that nobody knows is readable up to here (KIP-511).
/// Error: malformed; unsupported for an API that we have no schema of, since its header's form is unknown.
result<request_header> parse_request_header(const wire::slice& frame);

/// 1, or 2 in flexible versions.
std::int16_t request_header_version(api_key api, std::int16_t version) noexcept;
/// 0, or 1 in flexible versions; always 0 for ApiVersions, so that any client can read that answer (KIP-511).
std::int16_t response_header_version(api_key api, std::int16_t version) noexcept;

} // namespace cb::protocol
