// SPDX-License-Identifier: Apache-2.0
// librdkafka's C objects as values that end by themselves. Included by the sources of bus/ only.
#pragma once

#include <array>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include <librdkafka/rdkafka.h>

#include "moving/bus/kafka.hpp"

namespace moving::bus {

struct destroy_client {
    void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
};
using client_handle = std::unique_ptr<rd_kafka_t, destroy_client>;

struct destroy_record {
    void operator()(rd_kafka_message_t* record) const { rd_kafka_message_destroy(record); }
};
using record_handle = std::unique_ptr<rd_kafka_message_t, destroy_record>;

class partition_list {
public:
    partition_list() : list_(rd_kafka_topic_partition_list_new(16)) {}
    explicit partition_list(rd_kafka_topic_partition_list_t* taken) : list_(taken) {}
    void add(const std::string& topic, std::int32_t partition, std::int64_t offset) {
        rd_kafka_topic_partition_list_add(list_.get(), topic.c_str(), partition)->offset = offset;
    }
    [[nodiscard]] rd_kafka_topic_partition_list_t* get() const { return list_.get(); }
    [[nodiscard]] int size() const { return list_->cnt; }

private:
    struct destroy {
        void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
    };
    std::unique_ptr<rd_kafka_topic_partition_list_t, destroy> list_;
};

using setting = std::pair<const char*, std::string>;
/// Called with the configuration before the client is made: callbacks are set there.
using configure = void (*)(rd_kafka_conf_t* conf, void* opaque);

/// Throws std::runtime_error for settings that librdkafka does not take.
client_handle make_client(rd_kafka_type_t type, const kafka_settings& settings, std::initializer_list<setting> own,
                          configure more = nullptr, void* opaque = nullptr);
message message_of(const rd_kafka_message_t& record);
tl::expected<std::int32_t, std::string> partitions_of(rd_kafka_t* client, const std::string& topic, int time_out_ms);

} // namespace moving::bus
