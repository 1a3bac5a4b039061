// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "load/event_listener.hpp"
#include "load/frame_channel.hpp"
#include "load/load_plan.hpp"
#include "load/worker.hpp"
#include "load/worker_report.hpp"

namespace cb::load {

/// Hears what the workers of a machine say, on the thread that asks.
class worker_audience {
public:
    virtual ~worker_audience() = default;
    /// A frame that `decode_report` reads.
    virtual void worker_reported(std::size_t worker, std::string_view frame) = 0;
    /// Its process has ended. `how`: "was killed by signal 9"; empty: as it should.
    virtual void worker_ended(std::size_t worker, const std::string& how) = 0;
};

/// The workers of one machine, and the consumer of the events that their users await. The processes are made by fork
/// before any thread is: scenario and feeds are shared pages. Owner: load_run, or what runs a machine's part of the run
/// of another; one thread.
class machine_workers {
public:
    /// `share`: of all users, those whose number is its index modulo its count are of this machine.
    machine_workers(const workload& work, load_plan plan, std::vector<endpoint> targets, worker_share share);
    ~machine_workers();
    machine_workers(const machine_workers&) = delete;
    machine_workers& operator=(const machine_workers&) = delete;

    /// Returns when they are ready; they wait for an order. Throws std::system_error when the system refuses. Then
    /// finds the awaited topics and reads them from their ends; throws std::runtime_error with a sentence when they
    /// cannot be read.
    void make();
    void tell_all(const order& what);
    /// Appends what is to be polled, a row for each worker.
    void watch(std::vector<pollfd>& into) const;
    /// `watched`: those rows.
    void take(std::span<const pollfd> watched, worker_audience& audience);

    [[nodiscard]] const std::vector<pid_t>& ids() const { return ids_; }
    /// Null when nothing is awaited.
    [[nodiscard]] event_listener* listener() { return listener_.get(); }

private:
    struct worker_link {
        frame_channel channel;
        bool gone = false;
    };

    [[noreturn]] void be_worker(std::uint32_t index, frame_channel to_coordinator, frame_channel to_listener);
    [[nodiscard]] worker_setting setting_of(std::uint32_t index, frame_channel to_listener) const;
    void wait_until_ready();
    void bury(std::size_t worker, worker_audience& audience);

    const workload& work_;
    load_plan plan_;
    std::vector<endpoint> targets_;
    worker_share share_;
    std::vector<worker_link> workers_;
    std::vector<pid_t> ids_;
    std::unique_ptr<event_listener> listener_;
};

} // namespace cb::load
