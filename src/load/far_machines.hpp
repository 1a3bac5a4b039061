// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "load/bus.hpp"
#include "load/bus_messages.hpp"
#include "load/worker_report.hpp"

namespace cb::load {

/// Hears the other machines of a run, on the thread that asks. `machine`: index into `far_machines::machines`.
class far_audience {
public:
    virtual ~far_audience() = default;
    virtual void far_worker_reported(std::size_t machine, std::uint32_t worker, std::string_view frame) = 0;
    virtual void far_worker_ended(std::size_t machine, std::uint32_t worker, const std::string& how) = 0;
    virtual void far_machine_state(std::size_t machine, std::string_view bytes) = 0;
    /// All its workers have gone, and all they had to say was said.
    virtual void far_machine_finished(std::size_t machine) = 0;
    /// `why`: "not heard of for 6 s".
    virtual void far_machine_lost(std::size_t machine, const std::string& why) = 0;
};

struct far_machine {
    std::uint64_t id = 0;
    std::string name;                    ///< of the host; a second one of the same name has "#2" behind it
    std::vector<std::int32_t> processes; ///< of its workers, once it is prepared
    mono_time heard{};
    nanoseconds clock_wrong_by{0}; ///< at most: between its start and ours
    bool gone = false;             ///< finished or lost
};

/// The run cannot be as it was asked for, whatever the machines do.
class unfit_for_machines : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The other machines that take part in a run, as its coordinator sees them over the bus: calls for them, hands out the
/// scenario, relays orders and hears reports, and notices who is lost.
///
///      claim ──► hello ──► accepted ──► scenario ──► prepared ──► orders, reports ──► finished ──► end
///
/// Owner: the command; one thread, that of load_run. Starts threads: never before a fork.
class far_machines {
public:
    struct setting {
        bus_address where;
        bool shared = false;      ///< others may meet on this bus: it has to be claimed
        std::uint32_t wanted = 1; ///< machines besides this one
        heartbeat_message about;
        std::string place;          ///< as in hello_message
        std::string bound_to_place; ///< what of the scenario is only here, as "web: http://127.0.0.1:80"; or empty
        std::vector<file_message> files;
        scenario_message scenario;
        std::chrono::milliseconds within{0}; ///< for the bus to answer, and for the machines to join
    };
    /// Throws std::runtime_error with a sentence when the bus cannot be had.
    explicit far_machines(setting how);
    ~far_machines();
    far_machines(const far_machines&) = delete;
    far_machines& operator=(const far_machines&) = delete;

    /// Throws std::runtime_error with a sentence when another run has the bus. First of all.
    void claim();
    /// Returns when all machines are prepared, or `stopped()`. Throws std::runtime_error with a sentence when not all
    /// come, or when one cannot take part; unfit_for_machines.
    void gather(const std::function<bool()>& stopped, const std::function<void(const std::string&)>& say);

    [[nodiscard]] const std::vector<far_machine>& machines() const { return machines_; }
    [[nodiscard]] int descriptor() const { return bus_.descriptor(); }
    void tell_all(const order& what);
    /// Hears what has come, says that we are there, looks who is lost. At least every quarter of a second.
    void turn(far_audience& audience);
    [[nodiscard]] bool all_gone() const;
    /// The run is over; empty: it went well. The bus is free for others.
    void end(const std::string& sentence);

private:
    void say_that_we_are_there();
    void send(bus_kind kind, std::uint64_t to, std::string body);
    void hear_while_gathering(bus_message&& what, const std::function<void(const std::string&)>& say);
    void greet(const bus_message& what, const std::function<void(const std::string&)>& say);
    void hear_while_running(const bus_message& what, far_audience& audience);
    void answer_clock(const bus_message& what, far_machine& from);
    [[nodiscard]] std::string unused_name(const std::string& wanted) const;
    [[nodiscard]] std::optional<std::size_t> known(std::uint64_t id) const;
    [[nodiscard]] std::size_t prepared() const;
    void lose(std::size_t machine, const std::string& why, far_audience& audience);

    setting how_;
    std::uint64_t run_;
    bus bus_;
    std::vector<far_machine> machines_;
    mono_time next_heartbeat_{};
    mono_time next_forgetting_{};
    bool scenario_sent_ = false;
    bool ended_ = false;
};

} // namespace cb::load
