// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "wire/slice.hpp"

namespace cb::wire {

/// The codecs of a record batch, with the numbers that its attributes use (bits 0 to 2).
enum class codec : std::int8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

std::string_view to_string(codec kind) noexcept;

/// gzip: RFC 1952. snappy: in the block framing that the Java client writes, which every client reads. lz4: its frame
/// format. zstd: RFC 8878. Error: limit, when the library refuses the size.
result<std::vector<std::byte>> compress(codec kind, bytes_view plain);

/// Reads snappy with and without the Java client's framing. Errors: malformed; limit, when the plain form would pass
/// `bytes_max` (compression bombs stop there, not after they were unpacked).
result<std::vector<std::byte>> decompress(codec kind, bytes_view packed, std::size_t bytes_max);

} // namespace cb::wire
