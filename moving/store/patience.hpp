// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace moving::store {

/// How often, and for how long, something is tried that meets conflicts (text/limits.hpp). Owner: whoever tries.
class patience {
public:
    /// Waits a little, longer each time and never the same; false when it was tried often or long enough.
    bool wait();

private:
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    int attempts_ = 1;
};

} // namespace moving::store
