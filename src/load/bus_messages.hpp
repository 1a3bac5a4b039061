// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "load/bus.hpp"
#include "load/event_listener.hpp"

/// What the messages of a bus say. Each has `encode`, and `decode_…` that fails when the bytes are none of it.
namespace cb::load {

/// Each half second of the coordinator, from its claim of the bus on.
struct heartbeat_message {
    enum class stage : std::uint8_t { claiming, gathering, running };
    std::string version; ///< of its program
    std::string machine;
    std::string title;        ///< of the run
    std::uint32_t number = 0; ///< of this run, from 0
    stage at = stage::claiming;
};
/// Of a machine that wants to take part.
struct hello_message {
    std::string version;
    std::string machine;
    std::string place; ///< the same where 127.0.0.1 is the same
};
struct accepted_message {
    std::uint32_t index = 0; ///< the coordinator's own is 0
    std::uint32_t count = 1;
};
/// A file that the scenario needs, before it.
struct file_message {
    std::string path;
    std::string text;
};
struct scenario_message {
    std::string file; ///< its name, for sentences and as the folder of the files
    std::string text;
    std::uint64_t seed = 0;
    std::uint32_t workers = 0; ///< on each machine; 0: as it needs
    std::vector<std::string> allowed_targets;
};
struct prepared_message {
    std::vector<std::int32_t> processes; ///< of the workers
};
/// Times are of the clock of who wrote them.
struct clock_question_message {
    mono_time asked;
    nanoseconds wrong_by{0}; ///< how far off what it knows of the other clock may be; 0: it knows nothing yet
};
struct clock_answer_message {
    mono_time asked;
    mono_time answered;
};
struct report_message {
    std::uint32_t worker = 0; ///< of its machine
    std::string frame;
};
struct worker_ended_message {
    std::uint32_t worker = 0;
    std::string how; ///< empty: as it should
};
/// Each second of a machine.
struct machine_state_message {
    std::int64_t cpu_ns = 0;                 ///< of the thread that hears its workers
    std::vector<std::int64_t> memory_bytes;  ///< by worker, its share of shared pages; empty: not looked at this time
    std::optional<listener_state> listening; ///< if anything is awaited
};
/// Of turned_away, refused, left and end.
struct sentence_message {
    std::string text;
};

std::string encode(const heartbeat_message& what);
std::string encode(const hello_message& what);
std::string encode(const accepted_message& what);
std::string encode(const file_message& what);
std::string encode(const scenario_message& what);
std::string encode(const prepared_message& what);
std::string encode(const clock_question_message& what);
std::string encode(const clock_answer_message& what);
std::string encode(const report_message& what);
std::string encode(const worker_ended_message& what);
std::string encode(const machine_state_message& what);
std::string encode(const sentence_message& what);

result<heartbeat_message> decode_heartbeat(std::string_view bytes);
result<hello_message> decode_hello(std::string_view bytes);
result<accepted_message> decode_accepted(std::string_view bytes);
result<file_message> decode_file(std::string_view bytes);
result<scenario_message> decode_scenario(std::string_view bytes);
result<prepared_message> decode_prepared(std::string_view bytes);
result<clock_question_message> decode_clock_question(std::string_view bytes);
result<clock_answer_message> decode_clock_answer(std::string_view bytes);
result<report_message> decode_report_message(std::string_view bytes);
result<worker_ended_message> decode_worker_ended(std::string_view bytes);
/// `steps`: of the scenario.
result<machine_state_message> decode_machine_state(std::string_view bytes, std::size_t steps);
/// What cannot be read is an empty sentence: it is for people.
std::string decode_sentence(std::string_view bytes);

/// A frame between the process that is on the bus and the one that runs a machine's workers: kind and body.
std::string encode_frame(bus_kind kind, std::string_view body);
std::pair<bus_kind, std::string_view> decode_frame(std::string_view frame);

} // namespace cb::load
