// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace cb {

/// Finaliser of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
constexpr std::uint64_t mix64(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

/// Joins a value to a hash; order matters.
constexpr std::uint64_t hash_join(std::uint64_t hash, std::uint64_t value) { return mix64(hash ^ mix64(value)); }

namespace xxh64 {
constexpr std::uint64_t prime[5] = {0x9e3779b185ebca87U, 0xc2b2ae3d27d4eb4fU, 0x165667b19e3779f9U, 0x85ebca77c2b2ae63U,
                                    0x27d4eb2f165667c5U};

/// Little-endian, as every machine is that this is built for.
template <class Number>
constexpr std::uint64_t load(const char* at) {
    static_assert(std::endian::native == std::endian::little);
    Number value = 0;
    if (std::is_constant_evaluated()) {
        for (std::size_t i = 0; i < sizeof(Number); ++i) {
            value |= static_cast<Number>(static_cast<Number>(static_cast<unsigned char>(at[i])) << (8 * i));
        }
    } else {
        std::memcpy(&value, at, sizeof(Number));
    }
    return value;
}
constexpr std::uint64_t round(std::uint64_t lane, std::uint64_t input) {
    return std::rotl(lane + input * prime[1], 31) * prime[0];
}
constexpr std::uint64_t merge(std::uint64_t hash, std::uint64_t lane) {
    return (hash ^ round(0, lane)) * prime[0] + prime[3];
}
} // namespace xxh64

/// XXH64 (Collet; the published vectors are in the tests): the same on every machine and in every release, because
/// fault decisions rest on it; anybody can compute it; 32 bytes at a time, because it is taken of whole messages.
constexpr std::uint64_t stable_hash(std::string_view text, std::uint64_t seed = 0) {
    using namespace xxh64;
    const auto* at = text.data();
    const auto* const end = at + text.size();
    auto hash = seed + prime[4];
    if (text.size() >= 32) {
        std::uint64_t lanes[4] = {seed + prime[0] + prime[1], seed + prime[1], seed, seed - prime[0]};
        for (; end - at >= 32; at += 32) {
            lanes[0] = round(lanes[0], xxh64::load<std::uint64_t>(at));
            lanes[1] = round(lanes[1], xxh64::load<std::uint64_t>(at + 8));
            lanes[2] = round(lanes[2], xxh64::load<std::uint64_t>(at + 16));
            lanes[3] = round(lanes[3], xxh64::load<std::uint64_t>(at + 24));
        }
        hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) + std::rotl(lanes[3], 18);
        for (const auto lane : lanes) {
            hash = merge(hash, lane);
        }
    }
    hash += text.size();
    for (; end - at >= 8; at += 8) {
        hash = std::rotl(hash ^ round(0, xxh64::load<std::uint64_t>(at)), 27) * prime[0] + prime[3];
    }
    if (end - at >= 4) {
        hash = std::rotl(hash ^ (xxh64::load<std::uint32_t>(at) * prime[0]), 23) * prime[1] + prime[2];
        at += 4;
    }
    for (; at != end; ++at) {
        hash = std::rotl(hash ^ (xxh64::load<std::uint8_t>(at) * prime[4]), 11) * prime[0];
    }
    hash = (hash ^ (hash >> 33)) * prime[1];
    hash = (hash ^ (hash >> 29)) * prime[2];
    return hash ^ (hash >> 32);
}

/// The top 53 bits as a number in [0, 1).
constexpr double unit_interval(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1.0p-53; }

/// A small seeded generator (SplitMix64). Not for secrets. Copies continue independently.
class random_source {
public:
    using result_type = std::uint64_t;

    constexpr explicit random_source(std::uint64_t seed) : state_(seed) {}

    constexpr std::uint64_t next() {
        const auto value = mix64(state_);
        state_ += 0x9e3779b97f4a7c15U;
        return value;
    }
    constexpr std::uint64_t operator()() { return next(); }
    static constexpr std::uint64_t min() { return 0; }
    static constexpr std::uint64_t max() { return ~std::uint64_t{0}; }

    /// Uniform in [0, bound); bound > 0. The bias is below bound / 2^64.
    constexpr std::uint64_t below(std::uint64_t bound) {
        return static_cast<std::uint64_t>((static_cast<wide>(next()) * bound) >> 64);
    }
    constexpr double unit() { return unit_interval(next()); }

private:
    __extension__ using wide = unsigned __int128;
    std::uint64_t state_;
};

} // namespace cb
