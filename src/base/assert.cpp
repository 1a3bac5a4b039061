// SPDX-License-Identifier: Apache-2.0
#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace cb {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
    std::fprintf(stderr, "chaosbroker: broken invariant: %s (%s:%d)\n", expression, file, line);
    std::fflush(stderr);
    std::abort();
}

} // namespace cb
