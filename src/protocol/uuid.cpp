// SPDX-License-Identifier: Apache-2.0
#include "protocol/uuid.hpp"

#include <cstdint>

namespace cb::protocol {

std::string to_string(const uuid& id) {
    constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    std::uint32_t bits = 0;
    int held = 0;
    for (const auto byte : id.bytes) {
        bits = (bits << 8) | static_cast<std::uint32_t>(byte);
        held += 8;
        while (held >= 6) {
            held -= 6;
            out += letters[(bits >> held) & 63];
        }
    }
    out += letters[(bits << (6 - held)) & 63];
    return out;
}

} // namespace cb::protocol
