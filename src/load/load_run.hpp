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

#include "load/far_machines.hpp"
#include "load/load_plan.hpp"
#include "load/machine_workers.hpp"
#include "load/worker_report.hpp"

namespace cb::load {

/// What all workers did in one second, or in all of them.
struct merged_seconds {
    std::int64_t second = 0;
    std::vector<step_interval> steps;
    std::map<error_key, std::uint64_t, std::less<>> errors;
    std::vector<step_witness> witnesses; ///< of one second; not added up

    explicit merged_seconds(std::size_t step_count);
    void merge(const worker_report& report);
    void merge(const merged_seconds& other);
};

/// A worker process, of this machine or another.
struct worker_identity {
    std::string machine; ///< empty: this one
    pid_t id = 0;
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
    std::vector<std::int64_t> memory_bytes; ///< by worker, its share of shared pages; of other machines alone, else 0
    std::int64_t coordinator_cpu_ns = 0;    ///< of the busiest thread that hears workers, on any machine
    std::int64_t consumer_cpu_ns = 0;       ///< of the busiest thread that stamps awaited events
    std::uint32_t workers_lost = 0;
    std::vector<std::string> machines_lost; ///< "machine b was lost 12 s after the start (not heard of for 6 s)"
    // Of the consumers of awaited events.
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

/// Splits a workload over worker processes of this machine and others, starts them together, and gathers what they
/// measured. Owner: the command. `stop` and `set_rate` are safe from any thread; everything else belongs to the thread
/// that calls `run`.
class load_run : private worker_audience, private far_audience {
public:
    load_run(const workload& work, load_plan plan, std::vector<endpoint> targets);
    ~load_run() override;
    load_run(const load_run&) = delete;
    load_run& operator=(const load_run&) = delete;

    /// The workers of this machine, by fork: before any thread is made. As machine_workers::make.
    void make_workers();
    /// The run is shared with other machines, which are prepared. Before `run`.
    void share_with(far_machines& others);
    /// `run` starts at this moment, or as soon as it can when that is over. For a run that others keep the time of.
    void not_before(mono_time at) { not_before_ = at; }
    /// Starts all, and returns when all users have gone.
    void run(run_observer& observer);

    void stop();
    /// Users come `factor` times as fast as the plan says; 0 is a pause.
    void set_rate(double factor);
    /// For a signal's handler: a stop that takes no lock.
    void stop_from_signal() noexcept;
    [[nodiscard]] bool stop_asked() const { return stop_asked_; }

    [[nodiscard]] const merged_seconds& totals() const { return totals_; }
    /// As workload::phases.
    [[nodiscard]] const std::vector<merged_seconds>& totals_by_phase() const { return by_phase_; }
    [[nodiscard]] const run_state& state() const { return state_; }
    /// Those of this machine first.
    [[nodiscard]] const std::vector<worker_identity>& workers() const { return identities_; }
    /// From the start to the last report.
    [[nodiscard]] nanoseconds length() const { return length_; }
    [[nodiscard]] bool was_stopped() const { return stop_sent_; }

private:
    struct worker_link {
        std::int64_t reached = -1; ///< the last second reported
        bool last = false;
        bool gone = false;
        worker_report latest{}; ///< its counters
        std::int64_t cpu_ns_before = 0;
        std::int64_t reached_before = -1;
    };
    /// What the consumer of awaited events on one machine has counted.
    struct machine_listening {
        listener_state latest;
        std::vector<await_counts> counted; ///< up to the last second
        bool reading_error_told = false;
    };

    void worker_reported(std::size_t worker, std::string_view frame) override;
    void worker_ended(std::size_t worker, const std::string& how) override;
    void far_worker_reported(std::size_t machine, std::uint32_t worker, std::string_view frame) override;
    void far_worker_ended(std::size_t machine, std::uint32_t worker, const std::string& how) override;
    void far_machine_state(std::size_t machine, std::string_view bytes) override;
    void far_machine_finished(std::size_t machine) override;
    void far_machine_lost(std::size_t machine, const std::string& why) override;

    void wait_and_hear();
    void hear_listeners(merged_seconds& second);
    void tell_all(const order& what);
    void publish_complete_seconds();
    void add_up_state();
    void begin_followers();
    void obey_requests();
    [[nodiscard]] nanoseconds order_delay() const;
    [[nodiscard]] bool nobody_left() const; ///< of this machine's users; workers may still be about to go
    [[nodiscard]] bool all_gone() const;

    const workload& work_;
    machine_workers here_;
    far_machines* others_ = nullptr;
    run_observer* observer_ = nullptr;         ///< while the run goes on
    std::vector<worker_link> workers_;         ///< of this machine, then those of the others in their order
    std::vector<worker_identity> identities_;  ///< of the same
    std::vector<std::size_t> first_of_;        ///< by other machine: its first one among them
    std::vector<machine_listening> listening_; ///< of this machine, then the others; empty when nothing is awaited
    std::map<std::int64_t, merged_seconds> open_seconds_;
    merged_seconds totals_;
    std::vector<merged_seconds> by_phase_;
    run_state state_;
    std::vector<bool> begun_;
    mono_time not_before_{};
    mono_time started_{};
    std::int64_t cpu_at_start_ns_ = 0;
    nanoseconds length_{0};
    bool stop_sent_ = false;
    int wake_[2] = {-1, -1}; ///< a pipe: something was asked for
    std::atomic<bool> stop_asked_{false};
    std::mutex asked_mutex_;
    std::optional<double> rate_asked_;
};

} // namespace cb::load
