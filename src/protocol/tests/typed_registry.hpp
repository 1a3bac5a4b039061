// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>

#include "protocol/tables.hpp"
#include "wire/cursor.hpp"

namespace cb::protocol::testing {

struct typed_outcome {
    std::size_t consumed = 0;
    wire::slice encoded; ///< what the typed form writes again, in the same version
};

/// decode, then encode, through the generated struct.
using typed_codec = std::function<result<typed_outcome>(const wire::slice& body, std::int16_t version)>;

/// By the table's message; messages without a typed form are not in it.
const std::map<const message_descriptor*, typed_codec>& typed_codecs();

} // namespace cb::protocol::testing
