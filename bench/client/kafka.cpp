// SPDX-License-Identifier: Apache-2.0
#include "client/kafka.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace cb::bench {
namespace {

constexpr int patience_ms = 30'000;

rd_kafka_t* make_handle(rd_kafka_type_t type, rd_kafka_conf_t* conf, const properties& given) {
    char why[512];
    for (const auto& [name, value] : given) {
        if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof(why)) != RD_KAFKA_CONF_OK) {
            throw std::runtime_error(name + ": " + why);
        }
    }
    auto* made = rd_kafka_new(type, conf, why, sizeof(why));
    if (made == nullptr) {
        throw std::runtime_error(why);
    }
    return made;
}

} // namespace

producer::producer(const std::string& bootstrap, const std::string& topic, properties more) : topic_(topic) {
    more["bootstrap.servers"] = bootstrap;
    auto* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_dr_msg_cb(conf, reported);
    handle_.reset(make_handle(RD_KAFKA_PRODUCER, conf, more));
}

void producer::reported(rd_kafka_t* /*handle*/, const rd_kafka_message_t* message, void* self) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        static_cast<producer*>(self)->failure_ = rd_kafka_err2str(message->err);
    }
}

void producer::send(std::span<const char> value) {
    for (;;) {
        const auto error =
            rd_kafka_producev(handle_.get(), RD_KAFKA_V_TOPIC(topic_.c_str()), RD_KAFKA_V_PARTITION(0),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), RD_KAFKA_V_END);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return;
        }
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            throw std::runtime_error(rd_kafka_err2str(error));
        }
        rd_kafka_poll(handle_.get(), 100);
    }
}

void producer::finish() {
    if (rd_kafka_flush(handle_.get(), 2 * patience_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        failure_ = "not all messages were answered";
    }
    if (!failure_.empty()) {
        throw std::runtime_error("producer: " + failure_);
    }
}

consumer::consumer(const std::string& bootstrap, const std::string& topic, properties more) {
    more["bootstrap.servers"] = bootstrap;
    more["group.id"] = "bench";
    more["enable.auto.commit"] = "false";
    handle_.reset(make_handle(RD_KAFKA_CONSUMER, rd_kafka_conf_new(), more));
    rd_kafka_poll_set_consumer(handle_.get());
    auto* wanted = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(wanted, topic.c_str(), 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    const auto error = rd_kafka_assign(handle_.get(), wanted);
    rd_kafka_topic_partition_list_destroy(wanted);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        throw std::runtime_error(rd_kafka_err2str(error));
    }
}

void consumer::read(const std::function<bool(std::span<const char> value)>& each) {
    for (;;) {
        const std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)> message(
            rd_kafka_consumer_poll(handle_.get(), patience_ms), rd_kafka_message_destroy);
        if (!message) {
            throw std::runtime_error("consumer: nothing came for 30 s");
        }
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            continue; // librdkafka tries again by itself
        }
        if (!each({static_cast<const char*>(message->payload), message->len})) {
            return;
        }
    }
}

double latencies::quantile_ms(double share) {
    if (us_.empty()) {
        return std::nan("");
    }
    if (!sorted_) {
        std::sort(us_.begin(), us_.end());
        sorted_ = true;
    }
    const auto at = static_cast<std::size_t>(std::ceil(share * static_cast<double>(us_.size())));
    return us_[std::min(us_.size(), std::max<std::size_t>(at, 1)) - 1] / 1000;
}

} // namespace cb::bench
