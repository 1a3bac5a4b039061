// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "moving/http/observer.hpp"

namespace moving::service {

/// What an instance counts, in Prometheus' terms; `page` is what /metrics answers. The names are in moving/README.md.
/// Owner: the instance. Safe from any thread. As an observer of the server it is called on the loop.
class metrics final : public http::observer {
public:
    explicit metrics(const std::string& service, const std::string& instance);

    void answered(const http::exchange_facts& facts) override;
    void connections(std::size_t open, std::size_t streams) override;
    void rejected(http::rejection why) override;

    /// An event of ours that the brokers have (or, hurried: that was given to the client).
    void sent(const std::string& topic);
    void sending_failed(const std::string& topic);
    /// What became of an event that was read: taken, twice, dead, parked, repaired, dropped.
    void consumed(const std::string& topic, const char* outcome);

    prometheus::Gauge& lag() { return *lag_; }
    prometheus::Gauge& outbox_depth() { return *outbox_depth_; }
    prometheus::Gauge& parked() { return *parked_; }
    prometheus::Gauge& waiting_requests() { return *waiting_requests_; }
    prometheus::Gauge& sessions_busy() { return *sessions_busy_; }
    prometheus::Gauge& database_up() { return *database_up_; }
    prometheus::Gauge& kafka_up() { return *kafka_up_; }

    [[nodiscard]] std::string page() const;

private:
    prometheus::Gauge* gauge(const char* name, const char* help);

    prometheus::Registry registry_;
    prometheus::Labels labels_;
    prometheus::Family<prometheus::Counter>& requests_;
    prometheus::Family<prometheus::Histogram>& durations_;
    prometheus::Family<prometheus::Counter>& rejected_;
    prometheus::Family<prometheus::Counter>& sent_;
    prometheus::Family<prometheus::Counter>& consumed_;
    prometheus::Gauge* connections_;
    prometheus::Gauge* streams_;
    prometheus::Gauge* lag_;
    prometheus::Gauge* outbox_depth_;
    prometheus::Gauge* parked_;
    prometheus::Gauge* waiting_requests_;
    prometheus::Gauge* sessions_busy_;
    prometheus::Gauge* database_up_;
    prometheus::Gauge* kafka_up_;
    /// Of the loop thread: the counters of a route's answers, so that a request looks nothing up by its labels.
    std::map<std::pair<const http::route*, int>, prometheus::Counter*> by_status_;
    std::map<const http::route*, prometheus::Histogram*> by_route_;
};

} // namespace moving::service
