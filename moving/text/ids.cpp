// SPDX-License-Identifier: Apache-2.0
#include "moving/text/ids.hpp"

#include <random>

#include "moving/text/time.hpp"

namespace moving::text {

namespace {

std::mt19937_64 seeded() {
    std::random_device source;
    std::seed_seq seeds{source(), source(), source(), source()};
    return std::mt19937_64(seeds);
}

void append_hex(std::string& out, std::uint64_t value, int digits) {
    for (int i = digits - 1; i >= 0; --i) {
        out += "0123456789abcdef"[(value >> (4U * static_cast<unsigned>(i))) & 15U];
    }
}

} // namespace

std::uint64_t random_bits() {
    static thread_local auto generator = seeded();
    return generator();
}

std::string uuid_v7(std::int64_t time_ms, std::uint64_t random_high, std::uint64_t random_low) {
    const auto time = static_cast<std::uint64_t>(time_ms);
    std::string out;
    out.reserve(36);
    append_hex(out, time >> 16U, 8);
    out += '-';
    append_hex(out, time & 0xffffU, 4);
    out += '-';
    append_hex(out, 0x7000U | (random_high & 0x0fffU), 4);
    out += '-';
    append_hex(out, 0x8000U | ((random_high >> 16U) & 0x3fffU), 4);
    out += '-';
    append_hex(out, random_low & 0xffff'ffff'ffffU, 12);
    return out;
}

std::string new_id() {
    // The first twelve bits behind the milliseconds are their fraction (RFC 9562, 6.2, method 3): ids of one instance
    // stand in the order in which they were made, microsecond by microsecond.
    const auto now = now_us();
    const auto fraction = static_cast<std::uint64_t>(now % 1000) * 4096 / 1000;
    const auto high = (random_bits() & ~std::uint64_t{0xffff}) | fraction;
    const auto low = random_bits();
    return uuid_v7(now / 1000, high, low);
}

bool is_uuid(std::string_view text) noexcept {
    if (text.size() != 36) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (dash ? text[i] != '-' : !digit) {
            return false;
        }
    }
    return true;
}

} // namespace moving::text
