// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <chrono>

namespace moving::tests {

/// Lets others work for a moment, between two looks at something.
inline void pause_between_looks(std::chrono::milliseconds length) {
    poll(nullptr, 0, static_cast<int>(length.count()));
}

/// Whether `is_so` becomes true within the time; it is looked at again and again.
template <typename Condition>
bool eventually(std::chrono::milliseconds limit, Condition&& is_so,
                std::chrono::milliseconds look_every = std::chrono::milliseconds(50)) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (!is_so()) {
        if (std::chrono::steady_clock::now() >= until) {
            return false;
        }
        pause_between_looks(look_every);
    }
    return true;
}

} // namespace moving::tests
