// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <sys/types.h>

namespace cb::app {

/// The broker that the machines of a load run meet on when they have no other: `chaosbroker serve` as a process of its
/// own, for load links no broker. It ends with this one. Owner: the command.
class bus_broker {
public:
    /// Throws command_error (environment) with what the broker said when it does not listen there.
    explicit bus_broker(const std::string& listen);
    ~bus_broker();
    bus_broker(const bus_broker&) = delete;
    bus_broker& operator=(const bus_broker&) = delete;

    /// host:port to connect to from here; where all addresses are listened on, loopback.
    [[nodiscard]] const std::string& address() const { return address_; }

private:
    [[nodiscard]] std::string said() const;
    void wait_until_it_listens(const std::string& listen);

    pid_t id_ = -1;
    int output_ = -1; ///< an unnamed file: nobody has to read it for the broker to go on
    std::string address_;
};

} // namespace cb::app
