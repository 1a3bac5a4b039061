// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "watch/kernel_text.hpp"

/// How processes that are not our children ended, as far as the kernel tells.
namespace cb::watch {

/// A handle on this very process, whatever becomes of its number; readable when it has ended. Closed: there is none.
descriptor open_process_handle(int pid);

bool has_ended(const descriptor& handle);

/// As waitpid gives it. Linux 6.15 keeps it for who holds a handle, from when the parent has taken it; nothing before
/// that, and on older kernels.
std::optional<int> exit_status_of(const descriptor& handle);

} // namespace cb::watch
