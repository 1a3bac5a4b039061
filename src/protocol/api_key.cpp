// SPDX-License-Identifier: Apache-2.0
#include "protocol/api_key.hpp"

#include <algorithm>
#include <cctype>

#include "protocol/tables.hpp"

namespace cb::protocol {
namespace {

/// "FetchRequest" without its tail.
std::string_view api_name(const message_descriptor& message) {
    constexpr std::string_view tail = "Request";
    return message.name.substr(0, message.name.size() - tail.size());
}

bool same_text(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

} // namespace

std::string_view to_string(api_key api) noexcept {
    const auto* message = find_message(api, direction::request);
    return message == nullptr ? "unknown" : api_name(*message);
}

std::optional<api_key> api_key_from(std::string_view name) noexcept {
    for (const auto& message : all_messages()) {
        if (message.way == direction::request && same_text(api_name(message), name)) {
            return message.api;
        }
    }
    return std::nullopt;
}

} // namespace cb::protocol
