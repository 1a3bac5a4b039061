// SPDX-License-Identifier: Apache-2.0
#include "protocol/tables.hpp"

#include <algorithm>

namespace cb::protocol {

const message_descriptor* find_message(api_key api, direction way) noexcept {
    const auto all = all_messages();
    const auto found = std::find_if(all.begin(), all.end(), [&](const message_descriptor& message) {
        return message.api == api && message.way == way;
    });
    return found == all.end() ? nullptr : &*found;
}

} // namespace cb::protocol
