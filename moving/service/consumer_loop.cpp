// SPDX-License-Identifier: Apache-2.0
#include "moving/service/consumer_loop.hpp"

#include <algorithm>
#include <set>

#include "moving/store/transact.hpp"
#include "moving/text/limits.hpp"
#include "moving/text/time.hpp"

namespace moving::service {

namespace {

constexpr int poll_wait_ms = 200;
/// Pauses between tries of a batch while the database is in trouble.
constexpr std::chrono::milliseconds first_pause{50};
constexpr std::chrono::milliseconds longest_pause{2'000};
/// A pause is cut into these, so that the end of the instance does not wait for it.
constexpr std::chrono::milliseconds pause_step{50};

std::vector<std::string> topics_of(const definition& service) {
    std::set<std::string> topics;
    for (const auto& each : service.subscriptions) {
        topics.insert(each.topic);
    }
    return {topics.begin(), topics.end()};
}

arrival arrival_of(const bus::message& message) {
    return {message.topic, message.partition, message.offset, message.value};
}

} // namespace

consumer_loop::consumer_loop(const settings& of, const definition& service, store::database& database, intake& into,
                             relay& sender, log::logger& lines)
    : settings_(of),
      intake_(into),
      relay_(sender),
      log_(lines),
      session_(database.connect()),
      consumer_(of.kafka, of.service, topics_of(service),
                of.how == delivery::safe ? bus::consuming::by_hand : bus::consuming::automatic),
      thread_([this] { run(); }) {}

consumer_loop::~consumer_loop() {
    stopping_ = true;
    thread_.join();
}

void consumer_loop::run() {
    while (!stopping_) {
        const auto batch = consumer_.poll(limits::batch_messages, poll_wait_ms);
        if (batch.empty()) {
            continue;
        }
        if (settings_.how == delivery::safe) {
            take_safely(batch);
        } else {
            take_hurriedly(batch);
        }
    }
}

void consumer_loop::take_safely(std::span<const bus::message> batch) {
    tries_ = 0;
    store::trouble why;
    while (!stopping_ && !take_together(batch, why)) {
        log_.warning("a batch did not go through",
                     {{"messages", batch.size()}, {"kind", store::to_string(why.kind)}, {"why", why.sentence}});
        if (why.kind == store::trouble_kind::bug || why.kind == store::trouble_kind::refused) {
            for (const auto& message : batch) {
                take_alone(message);
            }
            break;
        }
        wait_before_next_try();
    }
    if (!stopping_) {
        consumer_.done();
    }
}

bool consumer_loop::take_together(std::span<const bus::message> batch, store::trouble& why) {
    const auto began = text::now_us();
    std::vector<outgoing> told;
    const auto fates = store::transact(session_, [&](store::session& db) {
        told.clear();
        std::vector<fate> out;
        out.reserve(batch.size());
        for (const auto& message : batch) {
            out.push_back(intake_.take(db, arrival_of(message), told));
        }
        return out;
    });
    if (!fates) {
        why = fates.error();
        return false;
    }
    relay_.hand_over(std::move(told));
    const auto each_us = (text::now_us() - began) / static_cast<std::int64_t>(batch.size());
    for (const auto& fate : *fates) {
        intake_.report(fate, each_us);
    }
    return true;
}

void consumer_loop::take_alone(const bus::message& message) {
    tries_ = 0;
    while (!stopping_) {
        store::trouble why;
        if (take_together({&message, 1}, why)) {
            return;
        }
        const bool hopeless = why.kind == store::trouble_kind::bug || why.kind == store::trouble_kind::refused;
        if (hopeless) {
            std::vector<outgoing> told;
            const auto buried = store::transact(session_, [&](store::session& db) {
                told.clear();
                return intake_.bury(db, arrival_of(message), why.sentence, told);
            });
            if (buried) {
                relay_.hand_over(std::move(told));
                intake_.report(*buried, 0);
                return;
            }
        }
        wait_before_next_try();
    }
}

void consumer_loop::take_hurriedly(std::span<const bus::message> batch) {
    for (const auto& message : batch) {
        const auto began = text::now_us();
        std::vector<outgoing> told;
        const auto fate = intake_.take_hurriedly(session_, arrival_of(message), told);
        relay_.hand_over(std::move(told));
        intake_.report(fate, text::now_us() - began);
    }
}

void consumer_loop::wait_before_next_try() {
    const auto pause = std::min(longest_pause, first_pause * (1 << std::min(tries_++, 10)));
    for (std::chrono::milliseconds waited{0}; waited < pause && !stopping_; waited += pause_step) {
        std::this_thread::sleep_for(pause_step);
    }
}

watcher::watcher(const settings& of, const definition& service, http::event_hub& hub)
    : settings_(of), service_(service), hub_(hub), listener_(of.kafka, service.watched_topics), thread_([this] {
          run();
      }) {}

watcher::~watcher() {
    stopping_ = true;
    thread_.join();
}

void watcher::run() {
    const auto check = settings_.how == delivery::safe ? bus::check_digest::yes : bus::check_digest::no;
    while (!stopping_) {
        for (const auto& message : listener_.poll(limits::batch_messages, poll_wait_ms)) {
            if (const auto event = bus::decode(message.value, check)) {
                service_.watched(*event, hub_);
            }
        }
    }
}

} // namespace moving::service
