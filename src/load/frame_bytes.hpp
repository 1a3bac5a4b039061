// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "wire/cursor.hpp"

/// Texts in the frames that processes and machines of a run exchange.
namespace cb::load {

inline std::string taken(wire::writer& out) {
    std::string text;
    const auto bytes = out.take();
    text.reserve(bytes.size());
    for (const auto& piece : bytes.pieces()) {
        const auto view = piece.view();
        text.append(reinterpret_cast<const char*>(view.data()), view.size());
    }
    return text;
}

inline void put_text(wire::writer& out, std::string_view text) {
    out.u32(static_cast<std::uint32_t>(text.size()));
    out.string_bytes(text);
}

inline std::string get_text(wire::reader& in) {
    const auto bytes = in.bytes(in.u32());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace cb::load
