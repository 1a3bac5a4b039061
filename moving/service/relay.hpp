// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "moving/bus/producer.hpp"
#include "moving/log/logger.hpp"
#include "moving/service/metrics.hpp"
#include "moving/service/settings.hpp"
#include "moving/service/unit_of_work.hpp"
#include "moving/store/database.hpp"

namespace moving::service {

/// Brings events to Kafka.
///
/// safe:   commit ─► hand_over ─► queue ─► producer ─► acknowledged ─► marked as sent in the event log
///                                  ▲
///         event log ── sweep: unsent for 5 s, by an instance that died or a queue that was full
///   A crash between acknowledgement and mark sends an event twice: consumers know it by its id.
/// naive:  what is handed over goes to the producer at once, and what becomes of it is only counted.
///
/// Owner: the instance. `hand_over` is safe from any thread; the rest is the relay's own thread.
class relay {
public:
    relay(const settings& of, store::database& database, metrics& counts, log::logger& lines);
    ~relay();
    relay(const relay&) = delete;
    relay& operator=(const relay&) = delete;

    void hand_over(std::vector<outgoing>&& events);
    /// Whether a broker answered at the last look.
    [[nodiscard]] bool kafka_up() const noexcept { return kafka_up_; }

private:
    struct in_flight {
        std::string id;
        std::string topic;
        std::int64_t handed_us;
    };

    void run();
    void outcome_of(std::uint64_t ticket, std::string_view error);
    void make_producer();
    void take(std::deque<outgoing>& into);
    void send_waiting();
    void mark_sent(bool now);
    void sweep();
    void look_at_brokers();
    [[nodiscard]] bool safe() const noexcept { return settings_.how == delivery::safe; }

    const settings& settings_;
    store::database& database_;
    metrics& counts_;
    log::logger& log_;

    std::mutex mutex_;
    std::condition_variable handed_;
    std::deque<outgoing> queue_;
    bool stopping_ = false;
    std::atomic<bool> kafka_up_ = false;

    // Of the relay's thread.
    std::unique_ptr<bus::producer> producer_;
    std::optional<store::session> session_;
    std::deque<outgoing> waiting_;
    std::unordered_map<std::uint64_t, in_flight> in_flight_;
    std::uint64_t next_ticket_ = 1;
    std::vector<std::int64_t> acknowledged_;
    std::chrono::steady_clock::time_point marked_at_;
    std::chrono::steady_clock::time_point swept_at_;
    std::chrono::steady_clock::time_point looked_at_;
    std::thread thread_;
};

} // namespace moving::service
