// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "wire/slice.hpp"

namespace cb::wire {

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), as record batches and our files carry it. `crc` continues an earlier
/// result, so that bytes in several pieces have one checksum.
std::uint32_t crc32c(bytes_view bytes, std::uint32_t crc = 0) noexcept;

/// The same by table: for machines without the instruction, and the second opinion in the tests.
std::uint32_t crc32c_portable(bytes_view bytes, std::uint32_t crc = 0) noexcept;

} // namespace cb::wire
