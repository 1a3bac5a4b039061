// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

/// What the generator itself takes of the machine.
namespace cb::load {

std::int64_t process_cpu_ns();
std::int64_t thread_cpu_ns();
/// The process's share of the memory that it uses, shared pages divided among those that share them. The kernel walks
/// all its pages to answer this.
std::optional<std::int64_t> proportional_bytes(pid_t process);

} // namespace cb::load
