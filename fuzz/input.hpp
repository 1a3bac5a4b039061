// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdlib>

#include "wire/slice.hpp"

namespace cb::fuzz {

/// A copy in memory of its own, so that the address sanitizer sees every byte read beyond its end.
inline wire::slice input(const std::uint8_t* data, std::size_t size) {
    return wire::slice::copy_of(wire::bytes_view(reinterpret_cast<const std::byte*>(data), size));
}

/// What a target claims of its code.
inline void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

} // namespace cb::fuzz
