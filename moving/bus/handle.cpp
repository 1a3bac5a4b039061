// SPDX-License-Identifier: Apache-2.0
#include "moving/bus/handle.hpp"

#include <stdexcept>

namespace moving::bus {

namespace {

void set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
    std::array<char, 256> error{};
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error.data(), error.size()) != RD_KAFKA_CONF_OK) {
        throw std::runtime_error("kafka setting " + name + "=" + value + ": " + error.data());
    }
}

/// What librdkafka logs has no owner of ours to go to by itself: errors come by the error callback.
void say_nothing(const rd_kafka_t*, int, const char*, const char*) {}

std::string text_of(const void* bytes, std::size_t size) {
    return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

} // namespace

client_handle make_client(rd_kafka_type_t type, const kafka_settings& settings, std::initializer_list<setting> own,
                          configure more, void* opaque) {
    std::unique_ptr<rd_kafka_conf_t, void (*)(rd_kafka_conf_t*)> conf(rd_kafka_conf_new(), &rd_kafka_conf_destroy);
    set(conf.get(), "bootstrap.servers", settings.brokers);
    if (!settings.client_id.empty()) {
        set(conf.get(), "client.id", settings.client_id);
    }
    // A broker that is back should be found within two seconds.
    set(conf.get(), "reconnect.backoff.max.ms", "2000");
    for (const auto& [name, value] : own) {
        set(conf.get(), name, value);
    }
    for (const auto& [name, value] : settings.more) {
        set(conf.get(), name, value);
    }
    rd_kafka_conf_set_log_cb(conf.get(), &say_nothing);
    rd_kafka_conf_set_opaque(conf.get(), opaque);
    if (more != nullptr) {
        more(conf.get(), opaque);
    }
    std::array<char, 512> error{};
    client_handle client(rd_kafka_new(type, conf.get(), error.data(), error.size()));
    if (!client) {
        throw std::runtime_error("kafka: " + std::string(error.data()));
    }
    static_cast<void>(conf.release()); // the client owns it now
    return client;
}

message message_of(const rd_kafka_message_t& record) {
    return {rd_kafka_topic_name(record.rkt),
            record.partition,
            record.offset,
            rd_kafka_message_timestamp(&record, nullptr),
            text_of(record.key, record.key_len),
            text_of(record.payload, record.len)};
}

tl::expected<std::int32_t, std::string> partitions_of(rd_kafka_t* client, const std::string& topic, int time_out_ms) {
    const std::unique_ptr<rd_kafka_topic_t, void (*)(rd_kafka_topic_t*)> handle(
        rd_kafka_topic_new(client, topic.c_str(), nullptr), &rd_kafka_topic_destroy);
    const rd_kafka_metadata_t* told = nullptr;
    const auto error = rd_kafka_metadata(client, 0, handle.get(), &told, time_out_ms);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return tl::make_unexpected("topic " + topic + ": " + rd_kafka_err2str(error));
    }
    const std::unique_ptr<const rd_kafka_metadata_t, void (*)(const rd_kafka_metadata_t*)> metadata(
        told, &rd_kafka_metadata_destroy);
    if (metadata->topic_cnt != 1 || metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        const auto why = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        return tl::make_unexpected("topic " + topic + ": " + rd_kafka_err2str(why));
    }
    return metadata->topics[0].partition_cnt;
}

} // namespace moving::bus
