// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "load/program.hpp"

namespace cb::load {

/// A target's address, looked up once before the run.
struct endpoint {
    sockaddr_storage address{};
    socklen_t length = 0;
    [[nodiscard]] bool is_loopback() const;
    /// "127.0.0.1:8080"
    [[nodiscard]] std::string text() const;
};

/// Throws std::runtime_error with one sentence when a name cannot be resolved.
endpoint resolve(const target& which);

/// A numeric address that sockets of this machine can have.
[[nodiscard]] bool is_own_address(const std::string& address);

/// Source addresses and ports, given out one after the other: the kernel's own search becomes slow when half of its
/// ports towards one address are taken, and stops at 28,000 of them (load-tools: 54,000 connections a second with ports
/// chosen here, 2,700 without). Each worker has addresses of its own, so none asks another. A value.
class source_ports {
public:
    /// Of an address that is given no others: below are the well known ports, above the last of the kernel's own
    /// choices.
    static constexpr std::uint16_t first_port = 10'000;
    static constexpr std::uint16_t last_port = 59'999;

    /// The kernel chooses.
    source_ports() = default;
    /// Addresses are numeric and of one family. Ports are taken from `first` to `last` of each.
    source_ports(std::vector<std::string> addresses, std::uint16_t first, std::uint16_t last);
    /// As many addresses of 127.0.0.0/8 as so many connections of worker `index` need.
    static source_ports on_loopback(std::uint32_t index, std::size_t connections);

    [[nodiscard]] bool given() const { return !addresses_.empty(); }
    /// Binds the socket to the next address and port that is free. False, with errno, when 1,000 in a row are not.
    bool bind(int descriptor);
    /// Connections that the addresses have ports for, to one target.
    [[nodiscard]] std::size_t capacity() const;

private:
    std::vector<sockaddr_storage> addresses_;
    std::uint16_t first_ = 0;
    std::uint16_t last_ = 0;
    std::size_t at_address_ = 0;
    std::uint16_t at_port_ = 0;
};

} // namespace cb::load
