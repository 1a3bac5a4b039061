// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/child_process.hpp"

namespace cb::tests {

/// A container engine of the test's own (Podman from Debian): its storage, its containers and its socket are in one
/// folder; its only image is known_use. Owner: the test suite.
class podman {
public:
    /// Nothing: it is not installed.
    static std::unique_ptr<podman> make();
    ~podman();
    podman(const podman&) = delete;
    podman& operator=(const podman&) = delete;

    /// Why it cannot run containers here; empty: it can.
    [[nodiscard]] const std::string& problem() const { return problem_; }

    struct outcome {
        int code = -1;
        std::string output;
    };
    outcome run(const std::vector<std::string>& words) const;
    /// Starts a container of known_use.
    outcome start(const std::string& name, const std::vector<std::string>& options,
                  const std::vector<std::string>& arguments) const;
    void remove_containers() const { run({"rm", "--all", "--force", "--time", "0"}); }

    /// The API's socket.
    void serve();
    void stop_serving();
    [[nodiscard]] std::map<std::string, std::string> environment() const { return {{"DOCKER_HOST", address()}}; }

private:
    explicit podman(std::filesystem::path folder) : folder_(std::move(folder)) {}
    [[nodiscard]] std::string address() const { return "unix://" + (folder_ / "socket").string(); }
    [[nodiscard]] std::vector<std::string> base() const;
    void make_image();

    std::filesystem::path folder_;
    std::string problem_;
    std::unique_ptr<child_process> service_;
};

} // namespace cb::tests
