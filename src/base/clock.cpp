// SPDX-License-Identifier: Apache-2.0
#include "base/clock.hpp"

namespace cb {

mono_time system_clock::now() const {
    return std::chrono::time_point_cast<nanoseconds>(std::chrono::steady_clock::now());
}

wall_time_ms system_clock::wall_ms() const {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<milliseconds>(since_epoch).count();
}

} // namespace cb
