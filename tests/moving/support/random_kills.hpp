// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "running_moving.hpp"

namespace moving::tests {

struct done_kill {
    std::chrono::system_clock::time_point at;
    std::string service;
};

/// kill -9 of an instance, drawn by a seed, again and again. Owner: the test; a thread of its own until `end`. Nobody
/// else asks the system for its instances meanwhile.
class random_kills {
public:
    random_kills(running_moving& of, std::uint64_t seed, std::chrono::milliseconds every);
    ~random_kills();
    random_kills(const random_kills&) = delete;
    random_kills& operator=(const random_kills&) = delete;

    /// What was killed, and when.
    const std::vector<done_kill>& end();

private:
    std::atomic<bool> ending_ = false;
    std::vector<done_kill> done_;
    std::thread thread_;
};

} // namespace moving::tests
