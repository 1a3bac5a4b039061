// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cb {

/// Prints the broken invariant and aborts. Never reached by a peer's bytes or a user's input: those are errors, not
/// bugs.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

} // namespace cb

/// An invariant of our own code. Stays on in release builds.
#define CB_ASSERT(expression)                                                                                          \
    (__builtin_expect(!!(expression), 1) ? static_cast<void>(0)                                                        \
                                         : ::cb::assertion_failed(#expression, __FILE__, __LINE__))
