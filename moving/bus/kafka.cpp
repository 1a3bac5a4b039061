// SPDX-License-Identifier: Apache-2.0
#include "moving/bus/kafka.hpp"

#include <algorithm>
#include <chrono>
#include <memory>

#include "moving/bus/handle.hpp"
#include "moving/text/limits.hpp"

namespace moving::bus {

namespace {

struct delete_queue {
    void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
struct delete_event {
    void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};

/// One sentence for each topic that could not be made; empty when all are there.
std::string refusals(const rd_kafka_CreateTopics_result_t* result) {
    std::string out;
    std::size_t count = 0;
    const auto* topics = rd_kafka_CreateTopics_result_topics(result, &count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto error = rd_kafka_topic_result_error(topics[i]);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            const char* said = rd_kafka_topic_result_error_string(topics[i]);
            out += std::string(out.empty() ? "" : "; ") + "topic " + rd_kafka_topic_result_name(topics[i]) + ": " +
                   (said != nullptr ? said : rd_kafka_err2str(error));
        }
    }
    return out;
}

} // namespace

tl::expected<void, std::string> create_topics(const kafka_settings& settings, const std::vector<topic_settings>& topics,
                                              int time_out_ms) {
    const auto client = make_client(RD_KAFKA_PRODUCER, settings, {});
    const std::unique_ptr<rd_kafka_queue_t, delete_queue> queue(rd_kafka_queue_new(client.get()));
    std::vector<rd_kafka_NewTopic_t*> wanted;
    for (const auto& topic : topics) {
        std::array<char, 256> error{};
        wanted.push_back(rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, -1, error.data(), error.size()));
    }
    rd_kafka_AdminOptions_t* options = rd_kafka_AdminOptions_new(client.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS);
    std::array<char, 256> ignored{};
    rd_kafka_AdminOptions_set_request_timeout(options, time_out_ms, ignored.data(), ignored.size());
    rd_kafka_CreateTopics(client.get(), wanted.data(), wanted.size(), options, queue.get());
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy_array(wanted.data(), wanted.size());
    const std::unique_ptr<rd_kafka_event_t, delete_event> event(rd_kafka_queue_poll(queue.get(), time_out_ms + 1'000));
    if (!event) {
        return tl::make_unexpected("no broker answers at " + settings.brokers);
    }
    if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return tl::make_unexpected("no broker answers at " + settings.brokers + ": " +
                                   rd_kafka_event_error_string(event.get()));
    }
    auto refused = refusals(rd_kafka_event_CreateTopics_result(event.get()));
    if (!refused.empty()) {
        return tl::make_unexpected(std::move(refused));
    }
    return {};
}

tl::expected<void, std::string> read_all(const kafka_settings& settings, const std::vector<std::string>& topics,
                                         const std::function<void(const message&)>& see, int time_out_ms) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(time_out_ms);
    const auto client = make_client(RD_KAFKA_CONSUMER, settings,
                                    {{"group.id", "moving-reader"},
                                     {"enable.auto.commit", "false"},
                                     {"enable.partition.eof", "true"},
                                     {"auto.offset.reset", "earliest"}});
    rd_kafka_poll_set_consumer(client.get());
    partition_list from;
    for (const auto& topic : topics) {
        auto partitions = partitions_of(client.get(), topic, std::min(time_out_ms, limits::topic_wait_ms));
        if (!partitions) {
            return tl::make_unexpected(std::move(partitions.error()));
        }
        for (std::int32_t i = 0; i < *partitions; ++i) {
            from.add(topic, i, RD_KAFKA_OFFSET_BEGINNING);
        }
    }
    rd_kafka_assign(client.get(), from.get());
    auto left = from.size();
    while (left > 0) {
        if (std::chrono::steady_clock::now() > until) {
            return tl::make_unexpected("the topics could not be read to their end in " + std::to_string(time_out_ms) +
                                       " ms");
        }
        const record_handle record(rd_kafka_consumer_poll(client.get(), 100));
        if (record && record->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            --left;
        } else if (record && record->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            see(message_of(*record));
        }
    }
    rd_kafka_consumer_close(client.get());
    return {};
}

} // namespace moving::bus
