// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace cb::app {

/// Bytes that this process may use: the machine's memory or its cgroup's limit, whichever is less.
std::size_t memory_granted_bytes();
/// Open files that this process may have, raised to its hard limit.
std::size_t raise_file_limit();
/// Tells the heap to keep some freed memory, so that each request does not give it back and fault it in again.
void keep_freed_memory();

} // namespace cb::app
