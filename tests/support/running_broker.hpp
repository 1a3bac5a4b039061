// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "support/child_process.hpp"

namespace cb::tests {

/// `chaosbroker serve` as a user runs it, on ports that the kernel chooses.
class running_broker {
public:
    explicit running_broker(const std::vector<std::string>& more_flags = {});

    /// host:port for clients.
    [[nodiscard]] const std::string& bootstrap() const { return bootstrap_; }
    /// http://host:port of the control API.
    [[nodiscard]] const std::string& admin() const { return admin_; }
    child_process& process() { return process_; }
    /// SIGTERM; the exit code.
    int stop();

private:
    child_process process_;
    std::string bootstrap_;
    std::string admin_;
};

/// The program under test: next to the test's own program, or CB_CHAOSBROKER.
std::string chaosbroker_program();
/// A folder from the environment that the suite fills (CB_KAFKA_LIBS …); empty: not there.
std::string folder_from_environment(const char* variable);

} // namespace cb::tests
