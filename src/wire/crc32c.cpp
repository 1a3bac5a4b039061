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

#ifdef __SSE4_2__

// One crc instruction waits three cycles for the one before, yet a core can begin one each cycle: three stretches side
// by side take the time of one. Their checksums are joined as those of A and of B are joined to that of AB:
// crc(AB) = crc(A) * x^(8 |B|) + crc(B), polynomials over GF(2) (Adler's way in zlib's crc32_combine).

/// a * b modulo the polynomial; the highest bit is the coefficient of x^0.
constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
    std::uint32_t product = 0;
    for (std::uint32_t bit = 1U << 31; bit != 0; bit >>= 1) {
        if ((a & bit) != 0) {
            product ^= b;
        }
        b = (b >> 1) ^ ((b & 1) != 0 ? polynomial_reversed : 0);
    }
    return product;
}

/// Moves a checksum over `stretch` bytes: four look-ups instead of a multiplication.
class mover {
public:
    explicit constexpr mover(std::size_t stretch) {
        std::uint32_t power = 1U << 31; // x^0
        std::uint32_t square = 1U << 30;
        for (auto bits = stretch * 8; bits != 0; bits >>= 1) {
            if ((bits & 1) != 0) {
                power = multiply(power, square);
            }
            square = multiply(square, square);
        }
        for (std::size_t byte = 0; byte < 4; ++byte) {
            for (std::uint32_t i = 1; i < 256; ++i) {
                const auto without_lowest = i & (i - 1);
                parts_[byte][i] = without_lowest == 0 ? multiply(power, i << (8 * byte))
                                                      : parts_[byte][without_lowest] ^ parts_[byte][i ^ without_lowest];
            }
        }
    }
    [[nodiscard]] constexpr std::uint32_t move(std::uint32_t crc) const {
        return parts_[0][crc & 0xff] ^ parts_[1][(crc >> 8) & 0xff] ^ parts_[2][(crc >> 16) & 0xff] ^
               parts_[3][crc >> 24];
    }

private:
    std::array<std::array<std::uint32_t, 256>, 4> parts_{};
};

constexpr std::size_t long_stretch = 2048;
constexpr std::size_t short_stretch = 256;
constexpr mover long_mover(long_stretch);
constexpr mover short_mover(short_stretch);

std::uint64_t step(std::uint64_t state, const std::byte* at) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    return _mm_crc32_u64(state, word);
}

/// Takes three stretches at a time off the front of `bytes`.
std::uint64_t three_abreast(std::uint64_t state, bytes_view& bytes, std::size_t stretch, const mover& over) {
    while (bytes.size() >= 3 * stretch) {
        const auto* at = bytes.data();
        std::uint64_t second = 0;
        std::uint64_t third = 0;
        for (const auto* const end = at + stretch; at != end; at += 8) {
            state = step(state, at);
            second = step(second, at + stretch);
            third = step(third, at + 2 * stretch);
        }
        state = over.move(static_cast<std::uint32_t>(state)) ^ second;
        state = over.move(static_cast<std::uint32_t>(state)) ^ third;
        bytes = bytes.subspan(3 * stretch);
    }
    return state;
}

#endif

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
    state = three_abreast(state, bytes, long_stretch, long_mover);
    state = three_abreast(state, bytes, short_stretch, short_mover);
    for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
        state = step(state, bytes.data());
    }
    auto tail = static_cast<std::uint32_t>(state);
    for (const auto byte : bytes) {
        tail = _mm_crc32_u8(tail, static_cast<unsigned char>(byte));
    }
    return ~tail;
#else
    return crc32c_portable(bytes, crc);
#endif
}

} // namespace cb::wire
