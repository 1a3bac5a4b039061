// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "load/bus.hpp"
#include "load/bus_messages.hpp"
#include "load/frame_channel.hpp"

namespace cb::load {

/// How far another machine's monotonic clock is from ours, from questions and their answers: the best is the one that
/// was answered fastest, for it can be wrong by no more than half of that. A value.
class clock_comparison {
public:
    /// An answer: asked and answered by the clocks of this and of the other machine.
    void add(mono_time asked, mono_time answered, mono_time now);
    [[nodiscard]] bool known() const { return best_.has_value(); }
    [[nodiscard]] std::uint64_t answers() const { return answers_; }
    /// An instant of the other clock, by ours.
    [[nodiscard]] mono_time here(mono_time there) const { return there - best_->offset; }
    [[nodiscard]] nanoseconds wrong_by_at_most() const { return best_->round_trip / 2; }

private:
    struct estimate {
        nanoseconds offset{0}; ///< theirs minus ours
        nanoseconds round_trip{0};
        mono_time at{};
    };
    std::optional<estimate> best_;
    std::uint64_t answers_ = 0;
};

/// What a machine that joins has on the bus: finds the run, and relays between its coordinator and the process that
/// runs this machine's workers, whose clock it translates orders into. Owner: the command, in a process of its own (the
/// client has threads, and workers are forked). One thread.
class bus_relay {
public:
    struct outcome {
        bool went_well = false;
        std::string sentence; ///< why not; or what there is to say
    };
    /// Throws std::runtime_error with a sentence when the bus cannot be had.
    bus_relay(const bus_address& where, hello_message about, frame_channel to_machine,
              std::chrono::milliseconds within);

    /// Returns when the run is over, for whatever reason, or when somebody `stopped()` it here.
    outcome run(const std::function<bool()>& stopped, const std::function<void(const std::string&)>& say);

private:
    [[nodiscard]] std::optional<outcome> hear(const bus_message& what,
                                              const std::function<void(const std::string&)>& say);
    [[nodiscard]] std::optional<outcome> hear_heartbeat(const bus_message& what);
    [[nodiscard]] std::optional<outcome> look_at_time(mono_time now);
    void speak(mono_time now);
    void relay_order(std::string_view body);
    [[nodiscard]] std::optional<outcome> relay_from_machine();
    void send(bus_kind kind, std::string body);

    hello_message about_;
    std::string where_;
    bus bus_;
    frame_channel machine_;
    std::uint64_t id_;
    std::optional<std::uint64_t> run_;
    std::string coordinator_;
    std::string title_;
    clock_comparison clock_;
    std::optional<std::string> prepared_; ///< to be said once the clocks are compared
    mono_time give_up_;
    mono_time heard_{};
    mono_time next_words_{};
    std::chrono::milliseconds within_;
    bool accepted_ = false;
    bool machine_gone_ = false;
    bool finished_ = false;
};

} // namespace cb::load
