// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cb::metrics {

/// RFC 4648, with padding.
std::string to_base64(std::string_view bytes);
/// Nothing for any other text.
std::optional<std::string> from_base64(std::string_view text);

} // namespace cb::metrics
