// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace moving::text {

/// A UUID of version 7 (RFC 9562): the time in milliseconds, then random bits. Ids of one moment stand together in a
/// database's index, which is why it is not a version 4.
std::string uuid_v7(std::int64_t time_ms, std::uint64_t random_high, std::uint64_t random_low);

/// One of now: later ones stand behind earlier ones, to the microsecond. The rest is random. Safe from any thread.
std::string new_id();

/// 64 random bits; safe from any thread (a generator a thread, seeded by the operating system).
std::uint64_t random_bits();

/// 8-4-4-4-12 hexadecimal digits.
bool is_uuid(std::string_view text) noexcept;

} // namespace moving::text
