// SPDX-License-Identifier: Apache-2.0
#include "mainjob/kafka_clients.hpp"

#include <chrono>
#include <map>
#include <stdexcept>

namespace cb::mainjob {
namespace {

void note_answer(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto& report = *static_cast<send_report*>(opaque);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        ++report.acknowledged;
    } else {
        report.unknown.push_back(std::stoll(std::string(static_cast<const char*>(message->key), message->key_len)));
    }
}

kafka_handle make(rd_kafka_type_t type, const std::map<std::string, std::string>& settings, send_report* report) {
    auto* conf = rd_kafka_conf_new();
    char why[512];
    for (const auto& [name, value] : settings) {
        if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof(why)) != RD_KAFKA_CONF_OK) {
            throw std::runtime_error(why);
        }
    }
    if (report != nullptr) {
        rd_kafka_conf_set_opaque(conf, report);
        rd_kafka_conf_set_dr_msg_cb(conf, note_answer);
    }
    auto* made = rd_kafka_new(type, conf, why, sizeof(why));
    if (made == nullptr) {
        throw std::runtime_error(why);
    }
    return {made, rd_kafka_destroy};
}

std::map<std::string, std::string> producer_settings(const std::string& bootstrap, const std::string& client_id,
                                                     const sending& how) {
    std::map<std::string, std::string> out{{"bootstrap.servers", bootstrap},
                                           {"enable.idempotence", how.idempotent ? "true" : "false"},
                                           {"client.id", client_id},
                                           {"reconnect.backoff.ms", "10"}, // a rule may cut connections again and again
                                           {"reconnect.backoff.max.ms", "100"}};
    if (!how.idempotent) {
        out["retries"] = "0"; // a resend would store messages twice that no rule doubled
        // As the Java client: without a limit all that waits is under way, and unknown once a connection ends.
        out["max.in.flight.requests.per.connection"] = "5";
    }
    if (how.linger_ms >= 0) {
        out["linger.ms"] = std::to_string(how.linger_ms);
    }
    if (how.batch_messages_max > 0) {
        out["batch.num.messages"] = std::to_string(how.batch_messages_max);
    }
    return out;
}

} // namespace

writer::writer(const std::string& bootstrap, const std::string& client_id, const sending& how)
    : handle_(make(RD_KAFKA_PRODUCER, producer_settings(bootstrap, client_id, how), report_.get())) {}

void writer::create_topic(const std::string& name, int partitions) {
    char why[256];
    auto* topic = rd_kafka_NewTopic_new(name.c_str(), partitions, 1, why, sizeof(why));
    auto* queue = rd_kafka_queue_new(handle_.get());
    rd_kafka_CreateTopics(handle_.get(), &topic, 1, nullptr, queue);
    auto* event = rd_kafka_queue_poll(queue, 10'000);
    std::size_t count = 0;
    const auto* results = event == nullptr
                              ? nullptr
                              : rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    const bool fine = count == 1 && rd_kafka_topic_result_error(results[0]) == RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    if (!fine) {
        throw std::runtime_error("topic " + name + " could not be created");
    }
}

void writer::send(const std::string& topic, const std::string& key, const std::string& value, int partition) {
    for (;;) {
        const auto error =
            rd_kafka_producev(handle_.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.data(), key.size()),
                              RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), RD_KAFKA_V_END);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            break;
        }
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            throw std::runtime_error(rd_kafka_err2str(error));
        }
        rd_kafka_poll(handle_.get(), 100);
    }
    rd_kafka_poll(handle_.get(), 0);
}

const send_report& writer::finish() {
    if (rd_kafka_flush(handle_.get(), 120'000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        throw std::runtime_error("not every message was answered within two minutes");
    }
    return *report_;
}

std::int64_t writer::records_in(const std::string& topic, int partitions) {
    std::int64_t sum = 0;
    for (int i = 0; i < partitions; ++i) {
        std::int64_t low = 0;
        std::int64_t high = 0;
        const auto error = rd_kafka_query_watermark_offsets(handle_.get(), topic.c_str(), i, &low, &high, 10'000);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            throw std::runtime_error(rd_kafka_err2str(error));
        }
        sum += high - low;
    }
    return sum;
}

reader::reader(const std::string& bootstrap, const std::string& group, const std::string& topic)
    : handle_(make(RD_KAFKA_CONSUMER,
                   {{"bootstrap.servers", bootstrap}, {"group.id", group}, {"auto.offset.reset", "earliest"}},
                   nullptr)) {
    rd_kafka_poll_set_consumer(handle_.get());
    auto* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic.c_str(), RD_KAFKA_PARTITION_UA);
    const auto error = rd_kafka_subscribe(handle_.get(), list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        throw std::runtime_error(rd_kafka_err2str(error));
    }
}

reader::~reader() { rd_kafka_consumer_close(handle_.get()); }

std::vector<delivery> reader::read_until(const std::atomic<std::int64_t>& expected) {
    std::vector<delivery> out;
    auto last = std::chrono::steady_clock::now();
    for (;;) {
        const auto wanted = expected.load();
        if (wanted >= 0 && static_cast<std::int64_t>(out.size()) >= wanted) {
            return out;
        }
        auto* message = rd_kafka_consumer_poll(handle_.get(), 100);
        const auto now = std::chrono::steady_clock::now();
        if (message != nullptr && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            out.push_back({std::string(static_cast<const char*>(message->key), message->key_len),
                           std::string(static_cast<const char*>(message->payload), message->len), message->partition});
            last = now;
        } else if (wanted >= 0 && now - last > std::chrono::seconds(30)) {
            return out;
        }
        if (message != nullptr) {
            rd_kafka_message_destroy(message);
        }
    }
}

} // namespace cb::mainjob
