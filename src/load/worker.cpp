// SPDX-License-Identifier: Apache-2.0
#include "load/worker.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "load/await_driver.hpp"
#include "load/kafka_driver.hpp"
#include "load/own_use.hpp"
#include "load/step_recorder.hpp"
#include "load/worker_report.hpp"
#include "net/poller.hpp"

namespace cb::load {
namespace {

// Those of connections are smaller.
constexpr std::uint64_t orders_token = ~std::uint64_t{0};
constexpr std::uint64_t deliveries_token = orders_token - 1;
constexpr std::uint64_t answers_token = orders_token - 2;
constexpr nanoseconds report_every{1'000'000'000};

/// Steps go to the driver of their kind.
class worker final : public step_driver {
public:
    worker(const workload& work, worker_setting how, frame_channel to_coordinator)
        : work_(work),
          how_(std::move(how)),
          coordinator_(std::move(to_coordinator)),
          recorder_(work.steps.size()),
          http_(work, how_.http, how_.users_max, poller_) {
        if (has_produce_steps(work)) {
            kafka_.emplace(work, how_.users_max, poller_, deliveries_token);
        }
        if (how_.to_listener) {
            awaits_.emplace(how_.users_max, std::move(*how_.to_listener));
        }
    }

    void run() {
        if (!poller_.add_readable(coordinator_.descriptor(), orders_token) ||
            (awaits_ && !poller_.add_readable(awaits_->descriptor(), answers_token))) {
            return;
        }
        done_ = !coordinator_.send(ready_frame);
        while (!done_) {
            const auto now = clock_.now();
            bool more = false;
            if (users_) {
                more = users_->advance(now);
                more |= http_.run_pending();
                more |= kafka_ && kafka_->run_pending();
                done_ = done_ || (awaits_ && !awaits_->flush());
                report_if_due(now);
                if (done_) {
                    break; // nothing will wake it
                }
            }
            handle(poller_.wait(more ? std::optional(nanoseconds(0)) : sleep_for()));
        }
    }

    void begin_http(user_index user, const http_request& request, mono_time /*now*/) override {
        http_.begin(user, request);
    }
    void begin_publish(user_index user, const kafka_message& message, mono_time now) override {
        kafka_->begin(user, message, now);
    }
    void begin_await(user_index user, const await_event& awaited, mono_time /*now*/) override {
        awaits_->begin(user, awaited);
    }
    std::optional<mono_time> abandon(user_index user) override {
        switch (users_->users()[user].state) {
        case user_state::requesting: return http_.abandon(user);
        case user_state::publishing: return kafka_->abandon(user);
        case user_state::awaiting: awaits_->abandon(user, !stopping_); return std::nullopt;
        default: return std::nullopt;
        }
    }
    void user_gone(user_index user) override { http_.user_gone(user); }

private:
    [[nodiscard]] std::optional<nanoseconds> sleep_for() const {
        if (!users_) {
            return std::nullopt;
        }
        auto until = next_report_;
        if (const auto due = users_->next_due()) {
            until = std::min(until, *due);
        }
        return std::max(until - clock_.now(), nanoseconds(0));
    }

    void handle(std::span<const epoll_event> events) {
        for (const auto& event : events) {
            if (event.data.u64 == orders_token) {
                take_orders();
            } else if (event.data.u64 == deliveries_token) {
                kafka_->woken();
            } else if (event.data.u64 == answers_token) {
                done_ = done_ || !awaits_->take_answers();
            } else {
                http_.handle(event.data.u64, event.events);
            }
        }
    }

    void take_orders() {
        const bool there = coordinator_.receive([this](std::string_view frame) {
            if (const auto order = decode_order(frame)) {
                obey(*order);
            }
        });
        done_ = done_ || !there;
    }

    void obey(const order& what) {
        if (const auto* start = std::get_if<start_order>(&what)) {
            start_ = start->at;
            next_report_ = start_ + report_every;
            users_ = std::make_unique<user_scheduler>(work_, how_.share, how_.users_max, start_, *this, recorder_);
            http_.report_to(*users_);
            if (kafka_) {
                kafka_->report_to(*users_, recorder_);
            }
            if (awaits_) {
                awaits_->report_to(*users_, recorder_);
            }
        } else if (!users_) {
            done_ = std::holds_alternative<stop_order>(what);
        } else if (const auto* begin = std::get_if<begin_program_order>(&what)) {
            users_->begin(begin->program, begin->at);
        } else if (const auto* rate = std::get_if<rate_order>(&what)) {
            users_->set_rate(rate->factor, rate->at);
        } else {
            stopping_ = true;
            users_->stop();
        }
    }

    void report_if_due(mono_time now) {
        const bool last = users_->finished();
        if (now < next_report_ && !last) {
            return;
        }
        // A worker that was held up for seconds says so in the second in which it goes on.
        const auto second = (now - start_) / report_every - (now >= next_report_ ? 1 : 0);
        worker_report out;
        out.worker = how_.share.index;
        out.second = std::max<std::int64_t>(second, next_second_);
        next_second_ = out.second + 1;
        out.last = last;
        out.users = users_->users_by_state();
        out.started = users_->started();
        out.ended = users_->ended();
        out.refused = users_->refused();
        out.connections = http_.open_connections();
        out.connects = http_.connects();
        out.cpu_ns = process_cpu_ns();
        out.witnesses = recorder_.witnesses();
        for (std::uint16_t program = 0; program < work_.programs.size(); ++program) {
            if (users_->finished(program)) {
                out.finished_programs.push_back(program);
            }
        }
        if (!coordinator_.send(encode(out, recorder_.steps(), recorder_.errors()))) {
            done_ = true;
        }
        recorder_.begin_anew();
        while (next_report_ <= now) {
            next_report_ += report_every;
        }
        done_ = done_ || last;
    }

    const workload& work_;
    worker_setting how_;
    frame_channel coordinator_;
    system_clock clock_;
    net::poller poller_;
    step_recorder recorder_;
    http_driver http_;
    std::optional<kafka_driver> kafka_;
    std::optional<await_driver> awaits_;
    std::unique_ptr<user_scheduler> users_;
    mono_time start_{};
    mono_time next_report_{};
    std::int64_t next_second_ = 0;
    bool stopping_ = false;
    bool done_ = false;
};

} // namespace

void run_worker(const workload& work, worker_setting how, frame_channel to_coordinator) {
    worker(work, std::move(how), std::move(to_coordinator)).run();
}

} // namespace cb::load
