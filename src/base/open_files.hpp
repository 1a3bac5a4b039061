// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace cb {

/// Open files that this process may have, raised to its hard limit: the soft one is often 1,024.
std::size_t raise_file_limit();

} // namespace cb
