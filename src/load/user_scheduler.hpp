// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/plan_clock.hpp"
#include "load/program.hpp"
#include "load/step_recorder.hpp"
#include "load/user_table.hpp"
#include "net/timing_wheel.hpp"

namespace cb::load {

/// Which part of all users a worker runs: the arrivals whose number is `index` modulo `count`.
struct worker_share {
    std::uint32_t index = 0;
    std::uint32_t count = 1;
};

/// Carries out what a step asks for. Never calls back from within: what ends at once is reported in the loop's next
/// turn. Exactly one call of `user_scheduler::…_ended` follows each `begin_…`, unless `abandon` came before.
class step_driver {
public:
    virtual ~step_driver() = default;
    virtual void begin_http(user_index user, const http_request& request, mono_time now) = 0;
    virtual void begin_publish(user_index user, const kafka_message& message, mono_time now) = 0;
    virtual void begin_await(user_index user, const await_event& awaited, mono_time now) = 0;
    /// The step under way has timed out, or the run is over. When its request was written; nothing when it was not.
    virtual std::optional<mono_time> abandon(user_index user) = 0;
    /// The user has gone: what it owned alone can be given back.
    virtual void user_gone(user_index user) = 0;
};

/// The users of one worker: when each of them comes and what it does next. Time and randomness are parameters, requests
/// are values that a driver gets: no sockets and no clock in here.
///
///      arrivals ──► user ──► instruction ──► driver ──► …_ended ──► next instruction
///                    ▲            │ pause
///                    └── wheel ◄──┘
///
/// Owner: the worker; one thread.
class user_scheduler {
public:
    user_scheduler(const workload& work, worker_share share, std::size_t users_max, mono_time start,
                   step_driver& driver, step_recorder& recorder);

    /// Starts the users that have come and goes on with those whose time has come. True: some had to wait for the next
    /// call, which should follow at once.
    bool advance(mono_time now);
    /// When to call `advance` next; nothing: only when a step has ended.
    [[nodiscard]] std::optional<mono_time> next_due() const;

    /// An answer has come. `sent`: when its request was written.
    void http_ended(user_index user, const http_answer& answer, mono_time sent, mono_time now);
    /// The step has gone well; of Kafka steps.
    void step_ended(user_index user, mono_time began, mono_time now);
    /// The awaited event has come; `arrived`: when it did, which may be before the wait began.
    void await_ended(user_index user, mono_time arrived, mono_time now);
    /// The step has failed; `sent` is nothing when nothing was.
    void step_failed(user_index user, std::string_view kind, std::optional<mono_time> sent, mono_time now);

    /// The request of the user's step as it is written to the connection.
    void render_request(user_index user, const http_request& request, std::string& out);
    /// A text of the user's step.
    void render_text(user_index user, const text_template& text, std::string& out);
    /// When the step began, as intended, from which an await counts; nothing: it counts from its own beginning.
    [[nodiscard]] std::optional<mono_time> since(user_index user, const await_event& awaited);
    /// What was written and read for the user's step.
    void count_sent(user_index user, std::size_t bytes) { recorder_.sent(step_of(user), bytes); }
    void count_received(user_index user, std::size_t bytes) { recorder_.received(step_of(user), bytes); }
    void count_repeated(user_index user) { recorder_.repeated(step_of(user)); }

    /// Scenario `which` begins at that time (those that follow others; the rest begin with the run).
    void begin(std::uint16_t which, mono_time at);
    /// From `at` on users come `factor` times as fast; 0: none come.
    void set_rate(double factor, mono_time at);
    /// Ends all users; nobody comes any more.
    void stop();

    /// No user is there, and none will come by what has begun.
    [[nodiscard]] bool finished() const;
    /// Scenario `which` has begun, and none of its users is there or will come.
    [[nodiscard]] bool finished(std::uint16_t which) const;
    [[nodiscard]] std::array<std::uint64_t, user_states> users_by_state() const { return by_state_; }
    [[nodiscard]] std::uint64_t started() const { return started_; }
    [[nodiscard]] std::uint64_t ended() const { return ended_; }
    /// Users for whom there was no row: the table was full.
    [[nodiscard]] std::uint64_t refused() const { return refused_; }
    [[nodiscard]] const user_table& users() const { return users_; }

private:
    class view;
    /// Who draws from a feed of the workload.
    struct feed_use {
        std::size_t programs = 0;
        bool by_steps = false;
        std::uint64_t draws = 0; ///< of this worker
    };
    /// The users of one scenario that come.
    struct arrivals {
        std::optional<plan_clock> clock; ///< nothing: has not begun
        std::optional<arrival_schedule> schedule;
        std::optional<nanoseconds> next; ///< open: of the plan's time, of this worker's share
        std::uint64_t number = 0;        ///< of the next arrival that `schedule` gives, or of the next user here
        std::uint64_t wanted = 0;        ///< closed: users at once, of this worker's share
        nanoseconds spread_at{0};        ///< when the next missing one comes,
        nanoseconds spread_gap{0};       ///< the next but one after it,
        std::uint64_t spread_left = 0;   ///< and how many do in this second
        std::uint64_t to_replace = 0;    ///< users that have gone since
        nanoseconds next_second{0};
        bool over = false;
        std::uint64_t present = 0;
    };

    bool start_open(std::uint16_t which, mono_time now, int& budget);
    bool start_closed(std::uint16_t which, mono_time now, int& budget);
    [[nodiscard]] std::uint64_t wanted_here(std::uint64_t wanted) const;
    [[nodiscard]] double clock_rate(std::size_t which) const;
    void take_next_arrival(arrivals& at);
    [[nodiscard]] std::optional<mono_time> next_arrival(const arrivals& at, bool closed) const;
    void start_user(std::uint16_t which, std::uint64_t number, mono_time intended, mono_time now);
    void end_user(user_index user);

    void fired(user_index user, mono_time now);
    /// Runs the user's code until it has to wait.
    void go_on(user_index user, mono_time now);
    /// One instruction that needs no time; true: the user waits, or has gone.
    bool run_step(user_index user, const program& code, const instruction& at, mono_time now);
    void pause(user_index user, std::int64_t until_ns);
    void begin_step(user_index user, user_state state, nanoseconds timeout, std::optional<std::uint16_t> began_counter,
                    mono_time now);
    /// How a step ended: what its latencies and its witness are made of.
    struct step_outcome {
        std::optional<mono_time> sent;
        std::string_view error;    ///< its kind; empty: none
        std::string_view evidence; ///< what came, if something did
    };
    void finish_step(user_index user, const step_outcome& how, mono_time now);
    void fail_step(user_index user, const step_outcome& how, mono_time now);
    void offer_witness(user_index user, std::int64_t response_ns, const step_outcome& how, mono_time now);
    [[nodiscard]] const await_event* await_of(user_index user) const;
    bool draw_row(user_index user, std::uint16_t feed);
    void enter(user_index user, user_state state);
    void keep_cookies(user_index user, std::string_view head);

    [[nodiscard]] const program& program_of(user_index user) const { return work_.programs[users_[user].program]; }
    [[nodiscard]] step_index step_of(user_index user) const;
    [[nodiscard]] code_index failure_of(user_index user) const;

    const workload& work_;
    worker_share share_;
    mono_time run_start_;
    step_driver& driver_;
    step_recorder& recorder_;
    user_table users_;
    net::timing_wheel wheel_;
    std::vector<arrivals> arrivals_;
    std::vector<feed_use> feed_use_;
    std::array<std::uint64_t, user_states> by_state_{};
    std::uint64_t started_ = 0;
    std::uint64_t ended_ = 0;
    std::uint64_t refused_ = 0;
    double rate_ = 1;
    bool stopped_ = false;
    std::string body_; ///< kept for its memory
};

} // namespace cb::load
