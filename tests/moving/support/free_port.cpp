// SPDX-License-Identifier: Apache-2.0
#include "free_port.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace moving::tests {

held_port::held_port() : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(descriptor_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        close(descriptor_);
        throw std::runtime_error("no free port");
    }
    number_ = ntohs(address.sin_port);
}

held_port::~held_port() { close(descriptor_); }

std::uint16_t free_port() { return held_port().number(); }

} // namespace moving::tests
