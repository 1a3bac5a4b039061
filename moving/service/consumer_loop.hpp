// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <thread>

#include "moving/bus/consumer.hpp"
#include "moving/service/intake.hpp"
#include "moving/service/relay.hpp"
#include "moving/store/database.hpp"

namespace moving::service {

/// Reads the topics of a service as a member of its group and gives each batch to the intake.
///
/// safe: a batch is one transaction; when that does not go through it is tried again until it does or the instance
/// ends. Offsets follow. A message whose handler fails by itself is tried alone, then buried. naive: message by
/// message, once.
///
/// Owner: the instance; a thread of its own from construction to destruction.
class consumer_loop {
public:
    consumer_loop(const settings& of, const definition& service, store::database& database, intake& into, relay& sender,
                  log::logger& lines);
    ~consumer_loop();
    consumer_loop(const consumer_loop&) = delete;
    consumer_loop& operator=(const consumer_loop&) = delete;

    [[nodiscard]] std::int64_t lag() const { return consumer_.lag(); }
    [[nodiscard]] bool has_partitions() const { return !consumer_.assigned().empty(); }

private:
    void run();
    void take_safely(std::span<const bus::message> batch);
    bool take_together(std::span<const bus::message> batch, store::trouble& why);
    void take_alone(const bus::message& message);
    void take_hurriedly(std::span<const bus::message> batch);
    void wait_before_next_try();

    const settings& settings_;
    intake& intake_;
    relay& relay_;
    log::logger& log_;
    store::session session_;
    bus::consumer consumer_;
    int tries_ = 0;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

/// Shows every instance what is told on some topics. Owner: the instance; a thread of its own.
class watcher {
public:
    watcher(const settings& of, const definition& service, http::event_hub& hub);
    ~watcher();
    watcher(const watcher&) = delete;
    watcher& operator=(const watcher&) = delete;

private:
    void run();

    const settings& settings_;
    const definition& service_;
    http::event_hub& hub_;
    bus::listener listener_;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

} // namespace moving::service
