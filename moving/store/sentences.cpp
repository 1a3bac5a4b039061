// SPDX-License-Identifier: Apache-2.0
#include "moving/store/sentences.hpp"

#include <cctype>

#include "moving/store/trouble.hpp"

namespace moving::store {

std::string one_line(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';
        if (!blank) {
            out += c;
        } else if (!out.empty() && out.back() != ' ') {
            out += ' ';
        }
    }
    while (!out.empty() && out.back() == ' ') {
        out.pop_back();
    }
    return out;
}

std::string url_word(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 128 && std::isalnum(byte) != 0) {
            out += c;
        } else {
            out += '%';
            out += "0123456789ABCDEF"[byte >> 4U];
            out += "0123456789ABCDEF"[byte & 15U];
        }
    }
    return out;
}

void check_arguments(std::span<const argument> arguments, std::size_t places, std::string_view statement) {
    if (arguments.size() != places) {
        throw failure({trouble_kind::bug, std::to_string(arguments.size()) + " arguments for the " +
                                              std::to_string(places) + " places of: " + one_line(statement)});
    }
    for (const auto& each : arguments) {
        const auto* const text = std::get_if<std::string_view>(&each.value());
        if (text != nullptr && text->find('\0') != std::string_view::npos) {
            throw failure({trouble_kind::refused, "a text with a NUL in it cannot be kept"});
        }
    }
}

} // namespace moving::store
