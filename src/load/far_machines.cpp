// SPDX-License-Identifier: Apache-2.0
#include "load/far_machines.hpp"

#include <poll.h>

#include <algorithm>
#include <random>
#include <set>

#include <fmt/format.h>

#include "base/limits.hpp"

namespace cb::load {
namespace {

using std::chrono::milliseconds;

constexpr nanoseconds heartbeat_every{500'000'000};
constexpr nanoseconds forget_every{10'000'000'000};
constexpr int look_every_ms = 50;
constexpr milliseconds goodbye_within{3'000};

mono_time clock_now() { return system_clock().now(); }

std::uint64_t drawn_id() {
    std::random_device source;
    return (std::uint64_t{source()} << 32 | source()) | 1; // never 0, which means all
}

std::vector<std::string> heard_topics(bool shared) {
    return shared ? std::vector<std::string>{reports_topic, orders_topic} : std::vector<std::string>{reports_topic};
}

void wait_readable(int descriptor, int limit_ms) {
    pollfd watched{descriptor, POLLIN, 0};
    ::poll(&watched, 1, limit_ms);
}

} // namespace

far_machines::far_machines(setting how)
    : how_(std::move(how)), run_(drawn_id()), bus_(how_.where, orders_topic, heard_topics(how_.shared), how_.within) {}

far_machines::~far_machines() {
    if (!ended_) {
        end("the coordinator has ended before the run had");
    }
}

void far_machines::send(bus_kind kind, std::uint64_t to, std::string body) {
    bus_.send({kind, run_, 0, to, std::move(body)});
}

void far_machines::say_that_we_are_there() {
    const auto now = clock_now();
    if (now >= next_heartbeat_) {
        next_heartbeat_ = now + heartbeat_every;
        send(bus_kind::heartbeat, 0, encode(how_.about));
        ++how_.about.number;
    }
}

/// Of two coordinators the one has the bus whose first heartbeat stands before the other's: all read the same order. Of
/// whom we have not seen the first one, it stands before ours.
void far_machines::claim() {
    how_.about.at = heartbeat_message::stage::claiming;
    if (!how_.shared) {
        return;
    }
    std::map<std::uint64_t, heartbeat_message> before_us;
    std::set<std::uint64_t> after_us;
    bool ours_seen = false;
    const auto begun = clock_now();
    while (clock_now() < begun + milliseconds(limits::load_bus_claim_ms) || !ours_seen) {
        if (clock_now() > begun + how_.within) {
            throw std::runtime_error(
                fmt::format("the bus at {} takes messages and does not give them back", how_.where.brokers));
        }
        say_that_we_are_there();
        wait_readable(bus_.descriptor(), look_every_ms);
        bus_.receive([&](bus_message&& what) {
            if (what.kind == bus_kind::end && what.to == 0) {
                before_us.erase(what.run);
            }
            if (what.kind != bus_kind::heartbeat) {
                return;
            }
            const auto heartbeat = decode_heartbeat(what.body).value_or(heartbeat_message{});
            if (what.run == run_) {
                ours_seen = true;
            } else if (heartbeat.number == 0 && ours_seen) {
                after_us.insert(what.run);
            } else if (!after_us.contains(what.run)) {
                before_us.emplace(what.run, heartbeat);
            }
        });
    }
    bus_.leave(orders_topic);
    if (!before_us.empty()) {
        const auto& other = before_us.begin()->second;
        ended_ = true; // its machines are not ours to send away
        send(bus_kind::end, 0, encode(sentence_message{"another run has this bus"}));
        bus_.flush(goodbye_within);
        throw std::runtime_error(fmt::format("another run, '{}' of machine {}, has the bus at {}: wait for its end, or "
                                             "use a bus of its own",
                                             other.title, other.machine, how_.where.brokers));
    }
}

void far_machines::gather(const std::function<bool()>& stopped, const std::function<void(const std::string&)>& say) {
    const auto until = clock_now() + how_.within;
    how_.about.at = heartbeat_message::stage::gathering;
    while (prepared() < how_.wanted && !stopped()) {
        say_that_we_are_there();
        wait_readable(bus_.descriptor(), look_every_ms);
        bus_.receive([&](bus_message&& what) { hear_while_gathering(std::move(what), say); });
        if (bus_.take_foreign() > 0) {
            say("somebody on the bus is no chaosbroker of this version: not heard");
        }
        const auto now = clock_now();
        for (const auto& each : machines_) {
            if (now - each.heard > std::chrono::seconds(limits::load_machine_silence_s)) {
                throw std::runtime_error(
                    fmt::format("machine {} joined and has not been heard of for {} s; nothing was "
                                "sent",
                                each.name, limits::load_machine_silence_s));
            }
        }
        if (machines_.size() == how_.wanted && !scenario_sent_) {
            scenario_sent_ = true;
            how_.about.at = heartbeat_message::stage::running;
            for (const auto& each : how_.files) {
                send(bus_kind::file, 0, encode(each));
            }
            send(bus_kind::scenario, 0, encode(how_.scenario));
            how_.files.clear();
        }
        if (machines_.size() < how_.wanted && now >= until) {
            throw std::runtime_error(fmt::format(
                "{} of {} other machines joined within {} s; start chaosbroker load --join on each, or raise --wait; "
                "nothing was sent",
                machines_.size(), how_.wanted, std::chrono::duration_cast<std::chrono::seconds>(how_.within).count()));
        }
    }
}

std::size_t far_machines::prepared() const {
    return static_cast<std::size_t>(std::count_if(machines_.begin(), machines_.end(),
                                                  [](const far_machine& each) { return !each.processes.empty(); }));
}

std::optional<std::size_t> far_machines::known(std::uint64_t id) const {
    const auto at = std::find_if(machines_.begin(), machines_.end(), [id](const auto& each) { return each.id == id; });
    return at == machines_.end() ? std::nullopt
                                 : std::optional(static_cast<std::size_t>(std::distance(machines_.begin(), at)));
}

std::string far_machines::unused_name(const std::string& wanted) const {
    const auto used = [this](const std::string& name) {
        return name == how_.about.machine ||
               std::any_of(machines_.begin(), machines_.end(), [&](const auto& each) { return each.name == name; });
    };
    auto out = wanted;
    for (int number = 2; used(out); ++number) {
        out = fmt::format("{}#{}", wanted, number);
    }
    return out;
}

void far_machines::greet(const bus_message& what, const std::function<void(const std::string&)>& say) {
    const auto hello = decode_hello(what.body);
    if (!hello || known(what.from)) {
        return;
    }
    if (hello->version != how_.about.version) {
        const auto text = fmt::format("machine {} has chaosbroker {}, and the run is of {}: all machines of a run need "
                                      "the same",
                                      hello->machine, hello->version, how_.about.version);
        send(bus_kind::turned_away, what.from, encode(sentence_message{text}));
        say(text + "; it was turned away");
        return;
    }
    if (machines_.size() == how_.wanted) {
        send(bus_kind::turned_away, what.from,
             encode(sentence_message{fmt::format("the run '{}' of machine {} has all its machines already",
                                                 how_.about.title, how_.about.machine)}));
        return;
    }
    if (hello->place != how_.place && !how_.bound_to_place.empty()) {
        throw unfit_for_machines(fmt::format("{} is on loopback, which is another place on machine {}: give an address "
                                             "that all machines reach; nothing was sent",
                                             how_.bound_to_place, hello->machine));
    }
    far_machine made;
    made.id = what.from;
    made.name = unused_name(hello->machine);
    made.heard = clock_now();
    machines_.push_back(made);
    send(bus_kind::accepted, what.from,
         encode(accepted_message{static_cast<std::uint32_t>(machines_.size()), how_.wanted + 1}));
    say(fmt::format("machine {} has joined: {} of {}", made.name, machines_.size() + 1, how_.wanted + 1));
}

void far_machines::hear_while_gathering(bus_message&& what, const std::function<void(const std::string&)>& say) {
    if (what.run != run_) {
        return;
    }
    if (what.kind == bus_kind::hello) {
        greet(what, say);
        return;
    }
    const auto which = known(what.from);
    if (!which) {
        return;
    }
    auto& from = machines_[*which];
    from.heard = clock_now();
    switch (what.kind) {
    case bus_kind::clock_question: answer_clock(what, from); break;
    case bus_kind::prepared:
        if (auto prepared = decode_prepared(what.body)) {
            from.processes = std::move(prepared->processes);
        }
        break;
    case bus_kind::refused:
        throw std::runtime_error(
            fmt::format("machine {}: {}; nothing was sent", from.name, decode_sentence(what.body)));
    case bus_kind::left:
        throw std::runtime_error(fmt::format("machine {} left before the start: {}; nothing was sent", from.name,
                                             decode_sentence(what.body)));
    default: break;
    }
}

void far_machines::answer_clock(const bus_message& what, far_machine& from) {
    if (const auto question = decode_clock_question(what.body)) {
        from.clock_wrong_by = question->wrong_by;
        send(bus_kind::clock_answer, what.from, encode(clock_answer_message{question->asked, clock_now()}));
    }
}

void far_machines::tell_all(const order& what) { send(bus_kind::order, 0, encode(what)); }

void far_machines::turn(far_audience& audience) {
    say_that_we_are_there();
    bus_.receive([&](bus_message&& what) {
        if (what.run == run_) {
            hear_while_running(what, audience);
        }
    });
    const auto now = clock_now();
    for (std::size_t i = 0; i < machines_.size(); ++i) {
        if (!machines_[i].gone && now - machines_[i].heard > std::chrono::seconds(limits::load_machine_silence_s)) {
            lose(i, fmt::format("not heard of for {} s", limits::load_machine_silence_s), audience);
        }
    }
    if (now >= next_forgetting_) {
        next_forgetting_ = now + forget_every;
        bus_.forget_read();
    }
}

void far_machines::hear_while_running(const bus_message& what, far_audience& audience) {
    if (what.kind == bus_kind::hello) {
        greet(what, [](const std::string&) {});
        return;
    }
    const auto which = known(what.from);
    if (!which || machines_[*which].gone) {
        return;
    }
    machines_[*which].heard = clock_now();
    switch (what.kind) {
    case bus_kind::clock_question: answer_clock(what, machines_[*which]); break;
    case bus_kind::report:
        if (const auto report = decode_report_message(what.body);
            report && report->worker < machines_[*which].processes.size()) {
            audience.far_worker_reported(*which, report->worker, report->frame);
        }
        break;
    case bus_kind::worker_ended:
        if (const auto ended = decode_worker_ended(what.body);
            ended && ended->worker < machines_[*which].processes.size()) {
            audience.far_worker_ended(*which, ended->worker, ended->how);
        }
        break;
    case bus_kind::machine_state: audience.far_machine_state(*which, what.body); break;
    case bus_kind::finished:
        machines_[*which].gone = true;
        audience.far_machine_finished(*which);
        break;
    case bus_kind::left: lose(*which, fmt::format("it left: {}", decode_sentence(what.body)), audience); break;
    default: break;
    }
}

/// Told to end, in case it is there after all and only the bus was slow: what it measures is not counted any more.
void far_machines::lose(std::size_t machine, const std::string& why, far_audience& audience) {
    machines_[machine].gone = true;
    send(bus_kind::end, machines_[machine].id, encode(sentence_message{"the coordinator had given this machine up"}));
    audience.far_machine_lost(machine, why);
}

bool far_machines::all_gone() const {
    return std::all_of(machines_.begin(), machines_.end(), [](const far_machine& each) { return each.gone; });
}

void far_machines::end(const std::string& sentence) {
    if (ended_) {
        return;
    }
    ended_ = true;
    const auto orders = bus_.written(orders_topic, goodbye_within); // but not the word that it is over
    send(bus_kind::end, 0, encode(sentence_message{sentence}));
    bus_.flush(goodbye_within);
    bus_.forget_read();
    bus_.forget(orders_topic, orders);
    bus_.wait_until_forgotten(goodbye_within);
}

} // namespace cb::load
