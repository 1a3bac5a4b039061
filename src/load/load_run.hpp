// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "load/event_listener.hpp"
#include "load/frame_channel.hpp"
#include "load/load_plan.hpp"
#include "load/worker.hpp"
#include "load/worker_report.hpp"

namespace cb::load {

/// What all workers did in one second, or in all of them.
struct merged_seconds {
    std::int64_t second = 0;
    std::vector<step_interval> steps;
    std::map<error_key, std::uint64_t, std::less<>> errors;

    explicit merged_seconds(std::size_t step_count);
    void merge(const worker_report& report);
    void merge(const merged_seconds& other);
};

/// How the run stands after a second; counters count since its start.
struct run_state {
    std::array<std::uint64_t, user_states> users{};
    std::uint64_t started = 0;
    std::uint64_t ended = 0;
    std::uint64_t refused = 0;
    std::uint64_t connections = 0;
    std::uint64_t connects = 0;
    double rate_factor = 1;
    std::vector<std::int64_t> cpu_ns;          ///< by worker, since its start
    std::vector<double> cpu_share;             ///< by worker, of one core, in the second
    std::vector<std::uint64_t> connections_of; ///< by worker
    std::uint32_t workers_lost = 0;
    // Of the consumer of awaited events.
    nanoseconds await_lag_max{0};       ///< in the second: by so much arrivals may be stamped too late
    std::uint64_t events = 0;           ///< read
    std::uint64_t events_no_json = 0;   ///< of them, whose body an await looks into, and is no JSON
    std::uint64_t events_unclaimed = 0; ///< that no await has taken
    std::uint64_t events_displaced = 0; ///< forgotten before their time: awaits may have missed them
    [[nodiscard]] std::uint64_t users_present() const;
};

/// Hears what a run has to say, on the thread that runs it.
class run_observer {
public:
    virtual ~run_observer() = default;
    virtual void started(mono_time at, wall_time_ms wall_ms) = 0;
    virtual void second(const merged_seconds& what, const run_state& state) = 0;
    virtual void notice(std::string_view text) = 0;
};

/// Splits a workload over worker processes of this machine, starts them together, and gathers what they measured.
/// The processes are made by fork before any thread is: scenario and feeds are shared pages. Owner: the command.
/// `stop` and `set_rate` are safe from any thread; everything else belongs to the thread that calls `run`.
class load_run {
public:
    load_run(const workload& work, load_plan plan, std::vector<endpoint> targets);
    ~load_run();
    load_run(const load_run&) = delete;
    load_run& operator=(const load_run&) = delete;

    /// Makes the workers and waits until they are ready; they wait too. Throws std::system_error when the system
    /// refuses. Then finds the awaited topics and reads them from their ends; throws std::runtime_error with a sentence
    /// when they cannot be read.
    void make_workers();
    /// Starts them, and returns when all users have gone.
    void run(run_observer& observer);

    void stop();
    /// Users come `factor` times as fast as the plan says; 0 is a pause.
    void set_rate(double factor);
    /// For a signal's handler: a stop that takes no lock.
    void stop_from_signal() noexcept;

    [[nodiscard]] const merged_seconds& totals() const { return totals_; }
    [[nodiscard]] const run_state& state() const { return state_; }
    [[nodiscard]] const std::vector<pid_t>& worker_ids() const { return ids_; }
    /// From the start to the last report.
    [[nodiscard]] nanoseconds length() const { return length_; }
    [[nodiscard]] bool was_stopped() const { return stop_sent_; }

private:
    struct worker_link {
        frame_channel channel;
        pid_t id = 0;
        std::int64_t reached = -1; ///< the last second reported
        bool last = false;
        bool gone = false;
        worker_report latest{}; ///< its counters
        std::int64_t cpu_ns_before = 0;
        std::int64_t reached_before = -1;
    };

    [[nodiscard]] worker_setting setting_of(std::uint32_t index, frame_channel to_listener) const;
    void wait_for_workers();
    void hear_listener(merged_seconds& second, run_observer& observer);
    void tell_all(const order& what);
    void take_reports(worker_link& from, run_observer& observer);
    void lost(worker_link& which, run_observer& observer);
    void publish_complete_seconds(run_observer& observer);
    void add_up_state();
    void begin_followers();
    void obey_requests();
    [[nodiscard]] bool nobody_left() const; ///< of the users; workers may still be about to go
    [[nodiscard]] bool all_gone() const;

    const workload& work_;
    load_plan plan_;
    std::vector<endpoint> targets_;
    std::vector<worker_link> workers_;
    std::vector<pid_t> ids_;
    std::unique_ptr<event_listener> listener_; ///< if anything is awaited
    std::vector<await_counts> counted_;        ///< what it has counted up to the last second
    bool reading_error_told_ = false;
    std::map<std::int64_t, merged_seconds> open_seconds_;
    merged_seconds totals_;
    run_state state_;
    std::vector<bool> begun_;
    mono_time started_{};
    nanoseconds length_{0};
    bool stop_sent_ = false;
    int wake_[2] = {-1, -1}; ///< a pipe: something was asked for
    std::atomic<bool> stop_asked_{false};
    std::mutex asked_mutex_;
    std::optional<double> rate_asked_;
};

} // namespace cb::load
