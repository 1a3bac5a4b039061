// SPDX-License-Identifier: Apache-2.0
#include "moving/service/metrics.hpp"

#include <prometheus/text_serializer.h>

namespace moving::service {

namespace {

const prometheus::Histogram::BucketBoundaries duration_buckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                               0.1,    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};

prometheus::Family<prometheus::Counter>& counters(prometheus::Registry& registry, const char* name, const char* help,
                                                  const prometheus::Labels& labels) {
    return prometheus::BuildCounter().Name(name).Help(help).Labels(labels).Register(registry);
}

} // namespace

metrics::metrics(const std::string& service, const std::string& instance)
    : labels_{{"service", service}, {"instance_name", instance}},
      requests_(counters(registry_, "moving_requests_total", "Requests answered, by route and status.", labels_)),
      durations_(prometheus::BuildHistogram()
                     .Name("moving_request_duration_seconds")
                     .Help("From the whole request to the last byte of its answer.")
                     .Labels(labels_)
                     .Register(registry_)),
      rejected_(
          counters(registry_, "moving_rejected_total", "Connections and requests turned away, by reason.", labels_)),
      sent_(counters(registry_, "moving_events_sent_total", "Events sent, by topic and outcome.", labels_)),
      consumed_(counters(registry_, "moving_events_consumed_total", "Events read, by topic and what became of them.",
                         labels_)),
      connections_(gauge("moving_connections", "Open HTTP connections.")),
      streams_(gauge("moving_streams", "Open streams of server-sent events.")),
      lag_(gauge("moving_consumer_lag", "Messages of the assigned partitions that are not read yet.")),
      outbox_depth_(gauge("moving_outbox_depth", "Events in the outbox that the brokers do not have yet.")),
      parked_(gauge("moving_parked_events", "Events whose effect is not possible yet.")),
      waiting_requests_(gauge("moving_waiting_requests", "Requests that wait for a worker.")),
      sessions_busy_(gauge("moving_database_sessions_busy", "Database sessions of the pool that are at work.")),
      database_up_(gauge("moving_database_up", "1 when the database answered at the last look.")),
      kafka_up_(gauge("moving_kafka_up", "1 when a broker answered at the last look.")) {}

prometheus::Gauge* metrics::gauge(const char* name, const char* help) {
    return &prometheus::BuildGauge().Name(name).Help(help).Labels(labels_).Register(registry_).Add({});
}

void metrics::answered(const http::exchange_facts& facts) {
    const auto path = [&facts] { return facts.found != nullptr ? facts.found->path : std::string("unknown"); };
    auto& count = by_status_[{facts.found, facts.status}];
    if (count == nullptr) {
        count = &requests_.Add({{"route", path()},
                                {"method", std::string(http::name_of(facts.method))},
                                {"status", std::to_string(facts.status)}});
    }
    count->Increment();
    auto& duration = by_route_[facts.found];
    if (duration == nullptr) {
        duration = &durations_.Add({{"route", path()}, {"method", std::string(http::name_of(facts.method))}},
                                   duration_buckets);
    }
    duration->Observe(std::chrono::duration<double>(facts.duration).count());
}

void metrics::connections(std::size_t open, std::size_t streams) {
    connections_->Set(static_cast<double>(open));
    streams_->Set(static_cast<double>(streams));
}

void metrics::rejected(http::rejection why) {
    rejected_.Add({{"reason", std::string(http::name_of(why))}}).Increment();
}

void metrics::sent(const std::string& topic) { sent_.Add({{"topic", topic}, {"outcome", "sent"}}).Increment(); }

void metrics::sending_failed(const std::string& topic) {
    sent_.Add({{"topic", topic}, {"outcome", "failed"}}).Increment();
}

void metrics::consumed(const std::string& topic, const char* outcome) {
    consumed_.Add({{"topic", topic}, {"outcome", outcome}}).Increment();
}

std::string metrics::page() const { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

} // namespace moving::service
