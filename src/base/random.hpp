// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

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

/// 64-bit FNV-1a with a final mix: the same on every machine and in every release, because fault decisions rest on it.
constexpr std::uint64_t stable_hash(std::string_view text, std::uint64_t seed = 0xcbf29ce484222325U) {
    for (const char c : text) {
        seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    }
    return mix64(seed);
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
