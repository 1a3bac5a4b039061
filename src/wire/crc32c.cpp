// SPDX-License-Identifier: Apache-2.0
#include "wire/crc32c.hpp"

#include <array>
#include <cstring>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

namespace cb::wire {
namespace {

constexpr std::uint32_t polynomial_reversed = 0x82f63b78;

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        auto value = i;
        for (int bit = 0; bit < 8; ++bit) {
            value = (value >> 1) ^ ((value & 1) != 0 ? polynomial_reversed : 0);
        }
        table[i] = value;
    }
    return table;
}

constexpr auto table = make_table();

} // namespace

std::uint32_t crc32c_portable(bytes_view bytes, std::uint32_t crc) noexcept {
    crc = ~crc;
    for (const auto byte : bytes) {
        crc = (crc >> 8) ^ table[(crc ^ static_cast<std::uint32_t>(byte)) & 0xff];
    }
    return ~crc;
}

std::uint32_t crc32c(bytes_view bytes, std::uint32_t crc) noexcept {
#ifdef __SSE4_2__
    std::uint64_t state = static_cast<std::uint32_t>(~crc);
    const auto* at = bytes.data();
    auto left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
        std::uint64_t word;
        std::memcpy(&word, at, 8);
        state = _mm_crc32_u64(state, word);
    }
    auto tail = static_cast<std::uint32_t>(state);
    for (; left > 0; ++at, --left) {
        tail = _mm_crc32_u8(tail, static_cast<unsigned char>(*at));
    }
    return ~tail;
#else
    return crc32c_portable(bytes, crc);
#endif
}

} // namespace cb::wire
