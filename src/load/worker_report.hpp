// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "load/step_recorder.hpp"
#include "load/user_scheduler.hpp"

/// What workers and their coordinator say to each other, and how it is written: the same bytes between processes of one
/// machine and between machines.
namespace cb::load {

/// A worker's first frame: it waits for the order to start.
constexpr std::string_view ready_frame;

/// One second of one worker. Counters count since its start; steps and errors are of this second alone.
struct worker_report {
    std::uint32_t worker = 0;
    std::int64_t second = 0; ///< [second, second + 1) of the run
    bool last = false;       ///< its users have gone, and none will come
    std::array<std::uint64_t, user_states> users{};
    std::uint64_t started = 0;
    std::uint64_t ended = 0;
    std::uint64_t refused = 0;
    std::uint64_t connections = 0; ///< open now
    std::uint64_t connects = 0;
    std::int64_t cpu_ns = 0; ///< of its process
    std::vector<std::uint16_t> finished_programs;
    std::vector<step_witness> witnesses;
    std::vector<step_interval> steps;
    std::map<error_key, std::uint64_t, std::less<>> errors;
};

/// `steps` and `errors` stand for the report's own, which are not looked at: the recorder's are not copied.
std::string encode(const worker_report& report, const std::vector<step_interval>& steps,
                   const std::map<error_key, std::uint64_t, std::less<>>& errors);
/// Error: malformed.
result<worker_report> decode_report(std::string_view bytes, std::size_t steps);

/// Times are of the machine's monotonic clock.
struct start_order {
    mono_time at;
};
struct begin_program_order {
    std::uint16_t program = 0;
    mono_time at;
};
struct rate_order {
    double factor = 1; ///< 0: nobody comes
    mono_time at;
};
struct stop_order {};
using order = std::variant<start_order, begin_program_order, rate_order, stop_order>;

std::string encode(const order& what);
/// Error: malformed.
result<order> decode_order(std::string_view bytes);

} // namespace cb::load
