// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace cb::app {

/// Bytes that this process may use: the machine's memory or its cgroup's limit, whichever is less.
std::size_t memory_granted_bytes();
/// Tells the heap to keep some freed memory, so that each request does not give it back and fault it in again.
void keep_freed_memory();

} // namespace cb::app
