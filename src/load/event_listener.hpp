// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "load/await_window.hpp"
#include "load/event_indexer.hpp"
#include "load/event_reader.hpp"
#include "load/frame_channel.hpp"
#include "load/wake_descriptor.hpp"

namespace cb::load {

/// How the listener stands. Counters count since its start.
struct listener_state {
    std::vector<await_counts> counts; ///< by step
    std::uint64_t events = 0;
    std::uint64_t no_json = 0;   ///< of them, whose body a field was to be taken from, and is no JSON
    std::uint64_t unclaimed = 0; ///< that no await has taken
    std::uint64_t displaced = 0; ///< values forgotten before their time; above 0 awaits may be missed
    std::uint64_t reading_errors = 0;
    std::string last_error;
    std::int64_t cpu_ns = 0; ///< of the listener's thread
    nanoseconds lag_max{0};  ///< since this was last asked for: how long an event may have waited here to be stamped
};

/// The consumer of this machine: reads the awaited topics from before the start, and tells the workers when what their
/// users wait for has come. A thread of its own, so that nothing else delays the instant at which an event is stamped.
/// Owner: load_run; `state` and `finish` are for its thread.
class event_listener {
public:
    /// One channel for each worker, whose users number at most `users_per_worker`. Returns when everything is read that
    /// is written from now on. Throws std::runtime_error with a sentence when the topics cannot be read.
    event_listener(const workload& work, std::vector<frame_channel> workers, std::size_t users_per_worker);
    ~event_listener();
    event_listener(const event_listener&) = delete;
    event_listener& operator=(const event_listener&) = delete;

    [[nodiscard]] listener_state state();
    /// No user is left: reads what is still on its way, and ends.
    void finish();

    /// Memory that it takes at most.
    [[nodiscard]] static std::size_t bytes_max(std::size_t users);

private:
    struct worker_link {
        frame_channel channel;
        std::string answers; ///< of this turn
        bool readable = false;
        bool gone = false;
    };

    void listen();
    void wait(bool more);
    void take_requests(std::size_t worker, mono_time now);
    void forget_worker(std::size_t worker, mono_time now);
    /// True: there may be more.
    bool read_events();
    void take_event(std::size_t topic, const rd_kafka_message_t& message, mono_time at);
    void answer(await_window::waiter_index who, std::uint32_t serial, step_index step, mono_time arrived);
    void send_answers();
    [[nodiscard]] bool over(mono_time now);

    std::size_t users_per_worker_;
    std::vector<worker_link> workers_;
    event_indexer indexer_;
    event_reader reader_;
    wake_descriptor asked_;
    std::atomic<bool> finish_asked_{false};
    // Of the thread alone.
    std::vector<await_key> keys_;
    mono_time busy_since_{};
    mono_time finish_by_{};
    mono_time quiet_since_{};
    mono_time next_forgetting_{};
    std::mutex mutex_; ///< what follows; the thread has it for the length of a turn
    await_window window_;
    listener_state state_;
    std::thread thread_;
};

} // namespace cb::load
