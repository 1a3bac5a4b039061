// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "support/child_process.hpp"
#include "temporary_folder.hpp"

namespace moving::tests {

/// Apache Kafka, one node that is broker and controller, in a folder of its own. Throws std::runtime_error with its
/// output when it does not start.
class running_kafka {
public:
    /// Whether the suite has fetched it (CB_KAFKA_LIBS).
    static bool installed();

    running_kafka();

    [[nodiscard]] const std::string& bootstrap() const noexcept { return bootstrap_; }
    /// kill -9.
    void kill();
    /// Again, on the same port and data.
    void start();

private:
    temporary_folder folder_;
    std::string libraries_;
    std::string bootstrap_;
    std::optional<cb::tests::child_process> node_;
};

} // namespace moving::tests
