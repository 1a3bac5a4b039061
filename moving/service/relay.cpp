// SPDX-License-Identifier: Apache-2.0
#include "moving/service/relay.hpp"

#include <algorithm>

#include "moving/store/event_log.hpp"
#include "moving/store/transact.hpp"
#include "moving/text/limits.hpp"
#include "moving/text/time.hpp"
#include "moving/text/trace.hpp"

namespace moving::service {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// How long acknowledged events wait to be marked together: a commit for many.
constexpr milliseconds mark_every{50};
constexpr milliseconds sweep_every{1'000};
constexpr milliseconds look_every{2'000};
constexpr int look_wait_ms = 1'000;
/// What one mark takes: a statement of bounded length.
constexpr std::size_t marked_at_once = 500;

} // namespace

relay::relay(const settings& of, store::database& database, metrics& counts, log::logger& lines)
    : settings_(of), database_(database), counts_(counts), log_(lines) {
    make_producer();
    if (safe()) {
        session_.emplace(database_.connect());
    }
    thread_ = std::thread([this] { run(); });
}

relay::~relay() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    handed_.notify_all();
    thread_.join();
}

void relay::make_producer() {
    producer_.reset(); // the old one's outcomes come before the new one's tickets
    producer_ = std::make_unique<bus::producer>(
        settings_.kafka, safe() ? bus::producing::safe : bus::producing::hurried,
        [this](std::uint64_t ticket, std::string_view error) { outcome_of(ticket, error); });
}

void relay::hand_over(std::vector<outgoing>&& events) {
    if (events.empty()) {
        return;
    }
    for (const auto& event : events) {
        log_.info("event told", {{"trace", text::trace_id_of(event.traceparent)},
                                 {"event_id", event.id},
                                 {"topic", event.topic},
                                 {"key", event.key}});
    }
    {
        const std::lock_guard lock(mutex_);
        for (auto& event : events) {
            if (queue_.size() < limits::relay_events) {
                queue_.push_back(std::move(event));
            } else if (!safe()) {
                counts_.sending_failed(event.topic);
                log_.error("event dropped",
                           {{"event_id", event.id}, {"topic", event.topic}, {"why", "the queue to Kafka is full"}});
            } // safe: the sweep finds it in the log
        }
    }
    handed_.notify_one();
}

void relay::run() {
    marked_at_ = swept_at_ = clock::now();
    while (true) {
        {
            std::unique_lock lock(mutex_);
            // While something is in flight the producer is asked often; else the thread sleeps until there is work.
            const auto wait = in_flight_.empty() && acknowledged_.empty() ? milliseconds(200) : milliseconds(2);
            handed_.wait_for(lock, wait, [this] { return stopping_ || !queue_.empty(); });
            if (stopping_ && queue_.empty() && waiting_.empty()) {
                break;
            }
            take(waiting_);
        }
        send_waiting();
        producer_->poll(0);
        mark_sent(false);
        look_at_brokers();
        if (safe()) {
            sweep();
            if (producer_->broken()) {
                log_.error("the producer is broken, a new one is made", {});
                make_producer();
            }
        }
        const std::lock_guard lock(mutex_);
        if (stopping_) {
            break;
        }
    }
    producer_->flush(static_cast<int>(settings_.grace.count()) / 2);
    mark_sent(true);
}

void relay::take(std::deque<outgoing>& into) {
    while (!queue_.empty() && into.size() < limits::relay_events) {
        into.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
}

void relay::send_waiting() {
    while (!waiting_.empty()) {
        auto& event = waiting_.front();
        // Hurried: nothing to look up later but the topic. Safe: the ticket is the row's sequence, so none is sent
        // twice at a time.
        const auto ticket = safe() ? static_cast<std::uint64_t>(event.sequence) : next_ticket_++;
        if (!in_flight_.emplace(ticket, in_flight{event.id, event.topic, text::now_us()}).second) {
            waiting_.pop_front();
            continue;
        }
        if (!producer_->send(event.topic, event.key, event.payload, event.traceparent, ticket)) {
            in_flight_.erase(ticket);
            return; // the client's queue is full
        }
        waiting_.pop_front();
    }
}

void relay::outcome_of(std::uint64_t ticket, std::string_view error) {
    const auto found = in_flight_.find(ticket);
    if (found == in_flight_.end()) {
        return;
    }
    const auto& event = found->second;
    if (error.empty()) {
        counts_.sent(event.topic);
        if (log_.says(log::level::debug)) {
            log_.debug(
                "event sent",
                {{"event_id", event.id}, {"topic", event.topic}, {"duration_us", text::now_us() - event.handed_us}});
        }
        if (safe()) {
            acknowledged_.push_back(static_cast<std::int64_t>(ticket));
        }
    } else {
        counts_.sending_failed(event.topic);
        log_.error("event not sent",
                   {{"event_id", event.id}, {"topic", event.topic}, {"why", error}, {"again", safe()}});
    }
    in_flight_.erase(found);
}

void relay::mark_sent(bool now) {
    if (acknowledged_.empty() ||
        (!now && clock::now() - marked_at_ < mark_every && acknowledged_.size() < marked_at_once)) {
        return;
    }
    marked_at_ = clock::now();
    std::sort(acknowledged_.begin(), acknowledged_.end());
    for (std::size_t begin = 0; begin < acknowledged_.size(); begin += marked_at_once) {
        const auto part =
            std::span(acknowledged_).subspan(begin, std::min(marked_at_once, acknowledged_.size() - begin));
        const auto marked = store::transact(
            *session_, [&](store::session& db) { store::event_log(db).mark_sent(part, text::now_us()); });
        if (!marked) {
            // They are sent again by the sweep; whoever has them knows their ids.
            log_.warning("sent events could not be marked", {{"why", marked.error().sentence}});
        }
    }
    acknowledged_.clear();
}

void relay::sweep() {
    if (clock::now() - swept_at_ < sweep_every) {
        return;
    }
    swept_at_ = clock::now();
    const auto now = text::now_us();
    const auto orphans = store::transact(*session_, [&](store::session& db) {
        store::event_log log(db);
        counts_.outbox_depth().Set(static_cast<double>(log.unsent_count()));
        const auto room =
            static_cast<std::int64_t>(limits::relay_events - std::min(limits::relay_events, waiting_.size()));
        return log.claim(settings_.instance, now, now - limits::orphan_us, std::min<std::int64_t>(room, 500));
    });
    if (!orphans) {
        log_.warning("the outbox cannot be swept", {{"why", orphans.error().sentence}});
        return;
    }
    for (const auto& event : *orphans) {
        if (!in_flight_.contains(static_cast<std::uint64_t>(event.sequence))) {
            log_.info(
                "event taken over",
                {{"event_id", event.id}, {"topic", event.topic}, {"trace", text::trace_id_of(event.traceparent)}});
            waiting_.push_back({event.sequence, event.id, event.topic, event.key, event.traceparent, event.payload});
        }
    }
}

void relay::look_at_brokers() {
    if (clock::now() - looked_at_ < look_every) {
        return;
    }
    looked_at_ = clock::now();
    // What has been acknowledged lately came from a broker; else one is asked, which may wait.
    const bool up = producer_->reachable(look_wait_ms);
    if (up != kafka_up_) {
        log_.write(up ? log::level::info : log::level::warning, up ? "kafka is there" : "kafka does not answer",
                   {{"brokers", settings_.kafka.brokers}});
    }
    kafka_up_ = up;
    counts_.kafka_up().Set(up ? 1 : 0);
}

} // namespace moving::service
