// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace moving::text {

/// Microseconds since 1970, by the machine's clock.
std::int64_t now_us();

/// "2026-11-24T18:06:45.123456Z" (RFC 3339, always UTC).
std::string rfc3339(std::int64_t time_us);
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

/// Days since 1970 of "2026-11-24"; nothing when there is no such day.
std::optional<std::int64_t> day_number(std::string_view date);
/// The other way round.
std::string date_of_day(std::int64_t day);

} // namespace moving::text
