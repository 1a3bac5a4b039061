// SPDX-License-Identifier: Apache-2.0
#include "moving/store/transact.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "moving/text/limits.hpp"

namespace moving::store {

bool wait_before_attempt(int attempt) {
    if (attempt + 1 >= limits::transaction_attempts) {
        return false;
    }
    thread_local std::minstd_rand dice{std::random_device{}()};
    const auto longest = std::min(limits::first_conflict_wait_us << attempt, limits::longest_conflict_wait_us);
    // Those that met each other must not meet again: any time up to the longest, not the same for both.
    std::this_thread::sleep_for(
        std::chrono::microseconds(std::uniform_int_distribution<std::int64_t>(0, longest)(dice)));
    return true;
}

} // namespace moving::store
