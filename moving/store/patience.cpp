// SPDX-License-Identifier: Apache-2.0
#include "moving/store/patience.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "moving/text/limits.hpp"

namespace moving::store {

bool patience::wait() {
    const std::chrono::microseconds limit(limits::longest_conflict_us);
    if (attempts_ >= limits::transaction_attempts || std::chrono::steady_clock::now() - began_ > limit) {
        return false;
    }
    thread_local std::minstd_rand dice{std::random_device{}()};
    const auto longest = std::min(limits::first_conflict_wait_us << (attempts_ - 1), limits::longest_conflict_wait_us);
    // Those that met each other must not meet again: any time up to the longest, not the same for both.
    std::this_thread::sleep_for(
        std::chrono::microseconds(std::uniform_int_distribution<std::int64_t>(0, longest)(dice)));
    ++attempts_;
    return true;
}

} // namespace moving::store
