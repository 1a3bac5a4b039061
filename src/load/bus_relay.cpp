// SPDX-License-Identifier: Apache-2.0
#include "load/bus_relay.hpp"

#include <poll.h>

#include <random>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "load/worker_report.hpp"

namespace cb::load {
namespace {

using std::chrono::milliseconds;

constexpr nanoseconds speak_every{500'000'000};
/// At first the clocks are compared more often, so that the start is exact.
constexpr nanoseconds compare_at_first_every{50'000'000};
constexpr std::uint64_t compared_at_first = 20;
/// Clocks drift by some millionths: an estimate of this age can be wrong by a tenth of a millisecond and more.
constexpr nanoseconds estimate_lasts{10'000'000'000};
constexpr int look_every_ms = 25;
constexpr milliseconds goodbye_within{2'000};

mono_time clock_now() { return system_clock().now(); }

std::uint64_t drawn_id() {
    std::random_device source;
    return (std::uint64_t{source()} << 32 | source()) | 1; // never 0, which means the coordinator
}

struct translated {
    const clock_comparison& clock;
    order operator()(start_order what) const { return start_order{clock.here(what.at)}; }
    order operator()(begin_program_order what) const { return begin_program_order{what.program, clock.here(what.at)}; }
    order operator()(rate_order what) const { return rate_order{what.factor, clock.here(what.at)}; }
    order operator()(stop_order what) const { return what; }
};

} // namespace

void clock_comparison::add(mono_time asked, mono_time answered, mono_time now) {
    ++answers_;
    const auto round_trip = now - asked;
    const auto offset = answered - (asked + round_trip / 2);
    if (!best_ || round_trip <= best_->round_trip || now - best_->at > estimate_lasts) {
        best_ = {offset, round_trip, now};
    }
}

bus_relay::bus_relay(const bus_address& where, hello_message about, frame_channel to_machine, milliseconds within)
    : about_(std::move(about)),
      where_(where.brokers),
      bus_(where, reports_topic, {orders_topic}, within),
      machine_(std::move(to_machine)),
      id_(drawn_id()),
      give_up_(clock_now() + within),
      within_(within) {}

void bus_relay::send(bus_kind kind, std::string body) { bus_.send({kind, run_.value_or(0), id_, 0, std::move(body)}); }

bus_relay::outcome bus_relay::run(const std::function<bool()>& stopped,
                                  const std::function<void(const std::string&)>& say) {
    std::optional<outcome> over;
    while (!over) {
        pollfd watched[] = {{bus_.descriptor(), POLLIN, 0}, {machine_gone_ ? -1 : machine_.descriptor(), POLLIN, 0}};
        ::poll(watched, 2, look_every_ms);
        if (stopped()) {
            over = outcome{false, "stopped by hand; the run goes on without this machine"};
            if (run_) {
                send(bus_kind::left, encode(sentence_message{"stopped by hand"}));
            }
            break;
        }
        bus_.receive([&](bus_message&& what) {
            if (!over) {
                over = hear(what, say);
            }
        });
        if (!over && watched[1].revents != 0) {
            over = relay_from_machine();
        }
        const auto now = clock_now();
        if (!over) {
            over = look_at_time(now);
        }
        if (!over) {
            speak(now);
        }
    }
    bus_.flush(goodbye_within);
    return *over;
}

std::optional<bus_relay::outcome> bus_relay::look_at_time(mono_time now) {
    if (!accepted_ && now >= give_up_) {
        return outcome{false, fmt::format("no run has called for machines at {} within {} s; start chaosbroker load "
                                          "SCENARIO --machines N there",
                                          where_, within_ / milliseconds(1'000))};
    }
    if (accepted_ && now - heard_ > std::chrono::seconds(limits::load_coordinator_silence_s)) {
        return outcome{false, fmt::format("the coordinator, machine {}, has not been heard of for {} s: the load here "
                                          "was ended",
                                          coordinator_, limits::load_coordinator_silence_s)};
    }
    return std::nullopt;
}

/// Says that we want to take part, or are still there; the questions about the clock do.
void bus_relay::speak(mono_time now) {
    if (!run_ || now < next_words_) {
        return;
    }
    if (!accepted_) {
        send(bus_kind::hello, encode(about_));
        next_words_ = now + speak_every;
        return;
    }
    if (prepared_ && clock_.answers() >= compared_at_first / 2) {
        send(bus_kind::prepared, std::move(*prepared_));
        prepared_.reset();
    }
    const auto wrong_by = clock_.known() ? clock_.wrong_by_at_most() : nanoseconds(0);
    send(bus_kind::clock_question, encode(clock_question_message{clock_now(), wrong_by}));
    next_words_ = now + (clock_.answers() < compared_at_first ? compare_at_first_every : speak_every);
}

std::optional<bus_relay::outcome> bus_relay::hear_heartbeat(const bus_message& what) {
    if (run_) {
        return std::nullopt;
    }
    const auto heartbeat = decode_heartbeat(what.body);
    if (!heartbeat || heartbeat->at == heartbeat_message::stage::claiming) {
        return std::nullopt;
    }
    if (heartbeat->version != about_.version) {
        return outcome{false,
                       fmt::format("the run '{}' of machine {} is of chaosbroker {}, and this is {}: all machines "
                                   "of a run need the same",
                                   heartbeat->title, heartbeat->machine, heartbeat->version, about_.version)};
    }
    if (heartbeat->at == heartbeat_message::stage::running) {
        return outcome{false, fmt::format("the run '{}' of machine {} has all its machines already", heartbeat->title,
                                          heartbeat->machine)};
    }
    run_ = what.run;
    coordinator_ = heartbeat->machine;
    title_ = heartbeat->title;
    return std::nullopt;
}

std::optional<bus_relay::outcome> bus_relay::hear(const bus_message& what,
                                                  const std::function<void(const std::string&)>& say) {
    if (what.kind == bus_kind::heartbeat) {
        auto over = hear_heartbeat(what);
        if (over || what.run != run_) {
            return over;
        }
    }
    if (what.run != run_ || (what.to != 0 && what.to != id_)) {
        return std::nullopt;
    }
    heard_ = clock_now();
    switch (what.kind) {
    case bus_kind::accepted:
        if (const auto place = decode_accepted(what.body)) {
            accepted_ = true;
            say(fmt::format("joined the run '{}' of machine {}, as {} of {}", title_, coordinator_, place->index + 1,
                            place->count));
            machine_.post(encode_frame(what.kind, what.body));
        }
        break;
    case bus_kind::turned_away: return outcome{false, decode_sentence(what.body)};
    case bus_kind::clock_answer:
        if (const auto answer = decode_clock_answer(what.body)) {
            clock_.add(answer->asked, answer->answered, heard_);
        }
        break;
    case bus_kind::file:
    case bus_kind::scenario:
        if (accepted_) {
            machine_.send(encode_frame(what.kind, what.body)); // the other end always reads
        }
        break;
    case bus_kind::order: relay_order(what.body); break;
    case bus_kind::end: {
        const auto sentence = decode_sentence(what.body);
        if (sentence.empty()) {
            return outcome{true, "the run is over; its report is on machine " + coordinator_};
        }
        return outcome{false, fmt::format("machine {} has ended the run: {}", coordinator_, sentence)};
    }
    default: break;
    }
    return std::nullopt;
}

void bus_relay::relay_order(std::string_view body) {
    const auto what = decode_order(body);
    if (!accepted_ || !what || !clock_.known()) {
        return; // a machine that cannot tell the time has not been prepared
    }
    machine_.send(encode_frame(bus_kind::order, encode(std::visit(translated{clock_}, *what))));
}

std::optional<bus_relay::outcome> bus_relay::relay_from_machine() {
    std::optional<outcome> over;
    const bool there = machine_.receive([&](std::string_view frame) {
        const auto [kind, body] = decode_frame(frame);
        if (kind == bus_kind::prepared) {
            prepared_ = body;
            return;
        }
        send(kind, std::string(body));
        finished_ = finished_ || kind == bus_kind::finished;
        if (kind == bus_kind::refused) {
            over = outcome{false, decode_sentence(body)};
        }
    });
    machine_gone_ = !there;
    if (!over && machine_gone_ && !finished_) {
        send(bus_kind::left, encode(sentence_message{"the process of its workers has ended"}));
        over = outcome{false, "the process that ran the workers has ended before its users had"};
    }
    return over;
}

} // namespace cb::load
