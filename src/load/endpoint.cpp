// SPDX-License-Identifier: Apache-2.0
#include "load/endpoint.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "base/limits.hpp"
#include "base/random.hpp"

namespace cb::load {
namespace {

sockaddr_in& as_v4(sockaddr_storage& at) { return reinterpret_cast<sockaddr_in&>(at); }
sockaddr_in6& as_v6(sockaddr_storage& at) { return reinterpret_cast<sockaddr_in6&>(at); }

sockaddr_storage numeric(const std::string& text) {
    sockaddr_storage out{};
    if (::inet_pton(AF_INET, text.c_str(), &as_v4(out).sin_addr) == 1) {
        out.ss_family = AF_INET;
    } else if (::inet_pton(AF_INET6, text.c_str(), &as_v6(out).sin6_addr) == 1) {
        out.ss_family = AF_INET6;
    } else {
        throw std::runtime_error("source_addresses: '" + text + "' is no address; write numbers, as 192.0.2.10");
    }
    return out;
}

} // namespace

bool endpoint::is_loopback() const {
    auto copy = address;
    return address.ss_family == AF_INET ? (ntohl(as_v4(copy).sin_addr.s_addr) >> 24) == 127
                                        : IN6_IS_ADDR_LOOPBACK(&as_v6(copy).sin6_addr) != 0;
}

std::string endpoint::text() const {
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host, sizeof(host), port, sizeof(port),
                      NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return "?";
    }
    const std::string name = host;
    return (name.find(':') == std::string::npos ? name : "[" + name + "]") + ":" + port;
}

endpoint resolve(const target& which) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const auto code = ::getaddrinfo(which.host.c_str(), std::to_string(which.port).c_str(), &hints, &found);
    if (code != 0) {
        throw std::runtime_error("services." + which.name + ": the name " + which.host + " has no address (" +
                                 ::gai_strerror(code) + ")");
    }
    endpoint out;
    std::memcpy(&out.address, found->ai_addr, found->ai_addrlen);
    out.length = found->ai_addrlen;
    ::freeaddrinfo(found);
    return out;
}

bool is_own_address(const std::string& address) {
    const auto at = numeric(address);
    const int probe = ::socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool bound = probe >= 0 && ::bind(probe, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0;
    ::close(probe);
    return bound;
}

source_ports::source_ports(std::vector<std::string> addresses, std::uint16_t first, std::uint16_t last)
    : first_(first),
      last_(last),
      // Anywhere: the ports of a run that has just ended may still wait.
      at_port_(static_cast<std::uint16_t>(
          first + random_source(static_cast<std::uint64_t>(::getpid())).below(std::uint64_t{last} - first + 1))) {
    for (const auto& each : addresses) {
        addresses_.push_back(numeric(each));
    }
}

source_ports source_ports::on_loopback(std::uint32_t index, std::size_t connections) {
    constexpr std::size_t ports = last_port - first_port + 1;
    std::vector<std::string> addresses;
    // One more than needed, for ports that others hold.
    for (std::size_t i = 0; i <= connections / ports; ++i) {
        addresses.push_back("127." + std::to_string(1 + i) + "." + std::to_string(index / 250) + "." +
                            std::to_string(1 + index % 250));
    }
    return {std::move(addresses), first_port, last_port};
}

std::size_t source_ports::capacity() const { return addresses_.size() * (std::size_t{last_} - first_ + 1); }

bool source_ports::bind(int descriptor) {
    for (int i = 0; i < limits::load_port_tries; ++i) {
        auto at = addresses_[at_address_];
        (at.ss_family == AF_INET ? as_v4(at).sin_port : as_v6(at).sin6_port) = htons(at_port_);
        if (at_port_ == last_) {
            at_port_ = first_;
            at_address_ = (at_address_ + 1) % addresses_.size();
        } else {
            ++at_port_;
        }
        const auto length = at.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&at), static_cast<socklen_t>(length)) == 0) {
            return true;
        }
        if (errno != EADDRINUSE) {
            return false;
        }
    }
    return false;
}

} // namespace cb::load
