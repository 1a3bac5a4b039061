// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace moving::operate {

/// A process of ours that was started, and the end of the pipe from which its output comes.
struct child {
    pid_t pid = -1;
    int output = -1;
};

/// Starts this program again with other arguments. The process ends when this one does, however that ends. Throws
/// std::system_error when the machine has no process or pipe left.
child start_child(const std::vector<std::string>& arguments, const std::string& service);

/// "exit code 3" or "signal 9".
std::string end_of(int wait_status);

/// A TCP port that nobody else gets while the descriptor is open: bound with SO_REUSEPORT and never listening, so that
/// the instances of a service can share it.
struct held_port {
    int descriptor = -1;
    std::uint16_t port = 0;
};
/// `port` 0: a free one. Throws std::system_error when it is taken by somebody who does not share it.
held_port hold_port(const std::string& host, std::uint16_t port);

} // namespace moving::operate
