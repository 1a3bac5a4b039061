// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>

#include "load/frame_channel.hpp"
#include "load/http_driver.hpp"
#include "load/program.hpp"
#include "load/user_scheduler.hpp"

namespace cb::load {

struct worker_setting {
    worker_share share;
    std::size_t users_max = 0;
    http_driver::setting http;
    std::optional<frame_channel> to_listener; ///< of the machine's event_listener, if anything is awaited
};

/// A worker's life, in a process of its own: waits for the order to start, runs its share of the users, reports each
/// second, and ends when they have gone, when it is told to, or when the coordinator has gone.
void run_worker(const workload& work, worker_setting how, frame_channel to_coordinator);

} // namespace cb::load
