// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.hpp"

namespace cb::watch {

/// Where container engines listen: `DOCKER_HOST` if it is set (that one only), else the sockets of Docker and Podman
/// that exist. "unix:///var/run/docker.sock", "tcp://127.0.0.1:2375".
std::vector<std::string> engine_addresses();

/// Questions to a container engine (Docker Engine API 1.40, which Podman speaks as well), a connection each.
/// A value. Blocks for at most limits::engine_answer_ms; used from a thread that may wait.
class engine_client {
public:
    explicit engine_client(std::string address) : address_(std::move(address)) {}

    [[nodiscard]] const std::string& address() const { return address_; }
    /// GET, answered with 200 and JSON. Errors: not_found (404), io, timed_out, limit, malformed, unsupported
    /// (address).
    [[nodiscard]] result<boost::json::value> get(const std::string& path) const;

private:
    std::string address_;
};

/// A container as the engine tells it.
struct container {
    std::string id;
    std::string name;
    std::string state;           ///< "running", "exited" …
    std::string project;         ///< compose
    std::string compose_service; ///< compose
    std::string service; ///< CHAOSBROKER_SERVICE of its environment, else compose's, else app.kubernetes.io/name
    int pid = 0;
    std::string started_at;
    std::optional<int> exit_code; ///< of one that has ended
    bool oom_killed = false;

    [[nodiscard]] bool running() const { return state == "running" || state == "paused"; }
    bool operator==(const container&) const = default;
};

/// One element of GET /containers/json: no pid, no times, no environment.
std::optional<container> parse_listed(const boost::json::value& element);
/// GET /containers/ID/json.
std::optional<container> parse_inspected(const boost::json::value& answer);

} // namespace cb::watch
