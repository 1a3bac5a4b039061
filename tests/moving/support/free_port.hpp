// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace moving::tests {

/// A TCP port of 127.0.0.1 that is held while this lives: nobody can listen there, whoever connects is refused.
class held_port {
public:
    held_port();
    ~held_port();
    held_port(const held_port&) = delete;
    held_port& operator=(const held_port&) = delete;

    [[nodiscard]] std::uint16_t number() const noexcept { return number_; }

private:
    int descriptor_ = -1;
    std::uint16_t number_ = 0;
};

/// One that is free now; somebody may take it before it is used.
std::uint16_t free_port();

} // namespace moving::tests
