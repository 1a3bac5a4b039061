// SPDX-License-Identifier: Apache-2.0
#include "protocol/tables.hpp"

#include <array>

#include "base/assert.hpp"
#include "base/limits.hpp"

namespace cb::protocol {
namespace {

struct pair {
    const message_descriptor* request = nullptr;
    const message_descriptor* response = nullptr;
};

using index = std::array<pair, limits::api_keys>;

index make_index() {
    index all{};
    for (const auto& message : all_messages()) {
        const auto key = static_cast<std::size_t>(message.api);
        CB_ASSERT(key < all.size());
        (message.way == direction::request ? all[key].request : all[key].response) = &message;
    }
    return all;
}

} // namespace

const message_descriptor* find_message(api_key api, direction way) noexcept {
    static const index by_key = make_index();
    const auto key = static_cast<std::size_t>(static_cast<std::int16_t>(api));
    if (key >= by_key.size()) {
        return nullptr;
    }
    return way == direction::request ? by_key[key].request : by_key[key].response;
}

} // namespace cb::protocol
