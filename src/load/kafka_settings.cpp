// SPDX-License-Identifier: Apache-2.0
#include "load/kafka_settings.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "base/limits.hpp"

namespace cb::load {
namespace {

using conf_handle = std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)>;

/// Settings that are ours: with them results would be missing, or another cluster would be meant.
struct reserved_setting {
    const char* name;
    const char* why;
};
constexpr std::array<reserved_setting, 5> reserved{{
    {"bootstrap.servers", "is given by brokers"},
    {"metadata.broker.list", "is given by brokers"},
    {"delivery.report.only.error", "would leave steps that go well without an end"},
    {"transactional.id", "would need transactions, and steps of many users are under way at once"},
    {"enable.gapless.guarantee", "would end the producer with the first lost message"},
}};

/// A copy of what librdkafka says, without the full stop that some of its sentences have.
std::string said(const char* why) {
    std::string text(why);
    while (!text.empty() && (text.back() == '.' || text.back() == '\n' || text.back() == ' ')) {
        text.pop_back();
    }
    return text;
}

void set(rd_kafka_conf_t& conf, const std::string& name, const std::string& value) {
    char why[512];
    if (rd_kafka_conf_set(&conf, name.c_str(), value.c_str(), why, sizeof(why)) != RD_KAFKA_CONF_OK) {
        throw std::runtime_error("kafka: " + said(why));
    }
}

/// A message that its step no longer waits for is not sent for minutes after.
std::string longest_timeout_ms(const workload& work) {
    nanoseconds longest{1'000'000};
    for (const auto& each : work.programs) {
        for (const auto& message : each.messages) {
            longest = std::max(longest, message.timeout);
        }
    }
    return std::to_string(longest / nanoseconds(1'000'000));
}

conf_handle settings_of(const workload& work, kafka_role role) {
    conf_handle out(rd_kafka_conf_new(), &rd_kafka_conf_destroy);
    // What is wrong with a cluster shows in the results, by kinds; its lines would tear the live view.
    rd_kafka_conf_set_log_cb(out.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
    set(*out, "client.id", "chaosbroker-load");
    set(*out, "socket.nagle.disable", "true");
    // Brokers are taken away and come back in the tests that this load is for.
    set(*out, "reconnect.backoff.max.ms", "1000");
    if (role == kafka_role::producer) {
        set(*out, "linger.ms", "0");
        set(*out, "queue.buffering.max.messages", std::to_string(limits::load_producer_messages));
        set(*out, "queue.buffering.max.kbytes", std::to_string(limits::load_producer_kib));
        set(*out, "message.timeout.ms", longest_timeout_ms(work));
    } else {
        set(*out, "fetch.min.bytes", "1");
        set(*out, "fetch.wait.max.ms", "10");
        set(*out, "fetch.error.backoff.ms", "50");
        set(*out, "queued.max.messages.kbytes", std::to_string(limits::load_consumer_kib));
        set(*out, "allow.auto.create.topics", "true");
        set(*out, "auto.offset.reset", "earliest"); // a log that was cut is read from where it begins
        set(*out, "enable.auto.commit", "false");
    }
    for (const auto& [name, value] : work.kafka_settings) {
        set(*out, name, value);
    }
    return out;
}

kafka_handle make(conf_handle conf, kafka_role role) {
    char why[512];
    auto* const made = rd_kafka_new(role == kafka_role::producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf.get(),
                                    why, sizeof(why));
    if (made == nullptr) {
        throw std::runtime_error("kafka: " + said(why));
    }
    static_cast<void>(conf.release()); // it has become the handle's
    return {made, &rd_kafka_destroy};
}

bool has_awaits(const workload& work) { return !work.awaited.empty(); }

} // namespace

bool has_produce_steps(const workload& work) {
    return std::any_of(work.programs.begin(), work.programs.end(),
                       [](const program& each) { return !each.messages.empty(); });
}

std::optional<std::string> wrong_kafka_setting(const std::string& name, const std::string& value) {
    const auto own =
        std::find_if(reserved.begin(), reserved.end(), [&](const auto& each) { return name == each.name; });
    if (own != reserved.end()) {
        return name + " " + own->why;
    }
    const conf_handle conf(rd_kafka_conf_new(), &rd_kafka_conf_destroy);
    char why[512];
    switch (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why, sizeof(why))) {
    case RD_KAFKA_CONF_OK: return std::nullopt;
    case RD_KAFKA_CONF_UNKNOWN: return "librdkafka has no setting " + name;
    default: return said(why);
    }
}

std::optional<std::string> refused_kafka_settings(const workload& work) {
    for (const auto role : {kafka_role::producer, kafka_role::consumer}) {
        if (role == kafka_role::producer ? !has_produce_steps(work) : !has_awaits(work)) {
            continue;
        }
        try {
            const auto tried = make(settings_of(work, role), role); // without brokers: it talks to nobody
        } catch (const std::runtime_error& wrong) {
            return wrong.what();
        }
    }
    return std::nullopt;
}

kafka_handle make_kafka(const workload& work, kafka_role role) {
    auto conf = settings_of(work, role);
    set(*conf, "bootstrap.servers", work.brokers);
    if (role == kafka_role::producer) {
        rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    }
    return make(std::move(conf), role);
}

} // namespace cb::load
