// SPDX-License-Identifier: Apache-2.0
#include "moving/bus/consumer.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "moving/bus/handle.hpp"
#include "moving/text/limits.hpp"

namespace moving::bus {

namespace {

/// What the group has committed is asked for seldom, and not while the brokers are gone.
constexpr int committed_wait_ms = 500;

void set_trouble_callback(rd_kafka_conf_t* conf, void*) {
    rd_kafka_conf_set_error_cb(conf, [](rd_kafka_t*, int, const char* reason, void* opaque) {
        const auto& trouble = *static_cast<std::function<void(std::string_view)>*>(opaque);
        if (trouble) {
            trouble(reason);
        }
    });
}

/// What has come: the first is waited for, the rest only taken.
void take(rd_kafka_t* client, std::vector<message>& into, std::size_t most, int wait_ms) {
    into.clear();
    while (into.size() < most) {
        const record_handle record(rd_kafka_consumer_poll(client, into.empty() ? wait_ms : 0));
        if (!record) {
            return;
        }
        if (record->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            into.push_back(message_of(*record));
        } else if (into.empty()) {
            return; // an error of a partition: told by the callback too, tried again by librdkafka
        }
    }
}

} // namespace

struct consumer::client {
    std::function<void(std::string_view)> trouble;
    std::vector<message> batch;
    consuming how = consuming::by_hand;
    /// Of partitions of which nothing was read since they were assigned: where reading begins. Of the thread that asks
    /// for the lag.
    std::map<std::pair<std::string, std::int32_t>, std::int64_t> begins;
    client_handle handle;

    /// A partition that has had no message since has no position: without this all that it ever held would count as
    /// unread.
    void look_where_reading_begins(const rd_kafka_topic_partition_list_t& assigned) {
        partition_list unknown;
        std::map<std::pair<std::string, std::int32_t>, std::int64_t> still;
        for (int i = 0; i < assigned.cnt; ++i) {
            const auto& each = assigned.elems[i];
            const std::pair<std::string, std::int32_t> where(each.topic, each.partition);
            if (each.offset >= 0) {
                continue;
            }
            if (const auto known = begins.find(where); known != begins.end()) {
                still.insert(*known);
            } else {
                unknown.add(where.first, where.second, RD_KAFKA_OFFSET_INVALID);
            }
        }
        begins = std::move(still);
        auto* asked = unknown.get();
        if (asked->cnt == 0 ||
            rd_kafka_committed(handle.get(), asked, committed_wait_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return;
        }
        for (int i = 0; i < asked->cnt; ++i) {
            begins[{asked->elems[i].topic, asked->elems[i].partition}] = asked->elems[i].offset; // none yet: below 0
        }
    }
};

consumer::consumer(const kafka_settings& settings, const std::string& group, const std::vector<std::string>& topics,
                   consuming how)
    : client_(std::make_unique<client>()) {
    client_->trouble = settings.trouble;
    client_->how = how;
    auto named = settings;
    if (!settings.member.empty()) {
        named.more.insert(named.more.begin(), {"group.instance.id", settings.member});
    }
    client_->handle = make_client(RD_KAFKA_CONSUMER, named,
                                  {{"group.id", group},
                                   {"auto.offset.reset", "earliest"},
                                   {"partition.assignment.strategy", "cooperative-sticky"},
                                   {"session.timeout.ms", "10000"},
                                   {"topic.metadata.refresh.interval.ms", "10000"},
                                   {"allow.auto.create.topics", "false"},
                                   {"enable.auto.offset.store", how == consuming::automatic ? "true" : "false"},
                                   {"auto.commit.interval.ms", how == consuming::automatic ? "5000" : "250"},
                                   {"queued.max.messages.kbytes", std::to_string(limits::fetched_ahead_kib)},
                                   {"queued.min.messages", "1000"}},
                                  &set_trouble_callback, &client_->trouble);
    rd_kafka_poll_set_consumer(client_->handle.get());
    partition_list wanted;
    for (const auto& topic : topics) {
        wanted.add(topic, RD_KAFKA_PARTITION_UA, 0);
    }
    const auto error = rd_kafka_subscribe(client_->handle.get(), wanted.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        throw std::runtime_error("kafka: cannot subscribe: " + std::string(rd_kafka_err2str(error)));
    }
}

consumer::~consumer() { rd_kafka_consumer_close(client_->handle.get()); }

std::span<const message> consumer::poll(std::size_t most, int wait_ms) {
    take(client_->handle.get(), client_->batch, most, wait_ms);
    return client_->batch;
}

void consumer::done() {
    if (client_->how == consuming::automatic || client_->batch.empty()) {
        return;
    }
    std::map<std::pair<std::string_view, std::int32_t>, std::int64_t> next;
    for (const auto& message : client_->batch) {
        auto& offset = next[{message.topic, message.partition}];
        offset = std::max(offset, message.offset + 1);
    }
    partition_list offsets;
    for (const auto& [where, offset] : next) {
        offsets.add(std::string(where.first), where.second, offset);
    }
    // Refused for partitions that were given up meanwhile: whoever has them now reads these messages again.
    rd_kafka_offsets_store(client_->handle.get(), offsets.get());
}

std::vector<topic_partition> consumer::assigned() const {
    rd_kafka_topic_partition_list_t* list = nullptr;
    if (rd_kafka_assignment(client_->handle.get(), &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return {};
    }
    const partition_list owned(list);
    std::vector<topic_partition> out;
    for (int i = 0; i < list->cnt; ++i) {
        out.push_back({list->elems[i].topic, list->elems[i].partition});
    }
    return out;
}

std::int64_t consumer::lag() const {
    rd_kafka_topic_partition_list_t* list = nullptr;
    if (rd_kafka_assignment(client_->handle.get(), &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0;
    }
    const partition_list owned(list);
    rd_kafka_position(client_->handle.get(), list);
    client_->look_where_reading_begins(*list);
    std::int64_t lag = 0;
    for (int i = 0; i < list->cnt; ++i) {
        std::int64_t low = 0;
        std::int64_t high = 0;
        const auto& each = list->elems[i];
        const auto begin = client_->begins.find({each.topic, each.partition});
        const auto next = each.offset >= 0 || begin == client_->begins.end() ? each.offset : begin->second;
        if (rd_kafka_get_watermark_offsets(client_->handle.get(), each.topic, each.partition, &low, &high) ==
                RD_KAFKA_RESP_ERR_NO_ERROR &&
            high > 0) {
            lag += std::max<std::int64_t>(0, high - std::max(next, low));
        }
    }
    return lag;
}

struct listener::client {
    std::function<void(std::string_view)> trouble;
    std::vector<std::string> topics;
    std::vector<message> batch;
    bool assigned = false;
    client_handle handle;

    /// The brokers may not be there yet: tried at each poll until they tell the partitions.
    void assign(int wait_ms) {
        partition_list all;
        for (const auto& topic : topics) {
            const auto partitions = partitions_of(handle.get(), topic, wait_ms);
            if (!partitions) {
                return;
            }
            for (std::int32_t i = 0; i < *partitions; ++i) {
                all.add(topic, i, RD_KAFKA_OFFSET_END);
            }
        }
        assigned = rd_kafka_assign(handle.get(), all.get()) == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
};

listener::listener(const kafka_settings& settings, const std::vector<std::string>& topics)
    : client_(std::make_unique<client>()) {
    client_->trouble = settings.trouble;
    client_->topics = topics;
    client_->handle = make_client(RD_KAFKA_CONSUMER, settings,
                                  {{"group.id", "moving-listener"},
                                   {"enable.auto.commit", "false"},
                                   {"queued.max.messages.kbytes", std::to_string(limits::fetched_ahead_kib)},
                                   {"queued.min.messages", "1000"}},
                                  &set_trouble_callback, &client_->trouble);
    rd_kafka_poll_set_consumer(client_->handle.get());
}

listener::~listener() = default;

std::span<const message> listener::poll(std::size_t most, int wait_ms) {
    client_->batch.clear();
    if (!client_->assigned) {
        client_->assign(wait_ms);
    }
    take(client_->handle.get(), client_->batch, most, wait_ms);
    return client_->batch;
}

} // namespace moving::bus
