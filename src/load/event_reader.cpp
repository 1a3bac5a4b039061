// SPDX-License-Identifier: Apache-2.0
#include "load/event_reader.hpp"

#include <chrono>
#include <stdexcept>

#include <fmt/format.h>

#include "base/limits.hpp"

namespace cb::load {
namespace {

using std::chrono::steady_clock;

constexpr auto look_again_after = std::chrono::milliseconds(100);
constexpr auto look_for_partitions_every = std::chrono::seconds(2);
/// A topic that asking for it makes is there well before.
constexpr auto topic_is_made_within = std::chrono::seconds(3);
constexpr int request_ms = 1'000;

} // namespace

event_reader::event_reader(const workload& work, const std::vector<std::string>& topics)
    : consumer_(make_kafka(work, kafka_role::consumer)),
      brokers_(work.brokers),
      queue_(rd_kafka_queue_new(consumer_.get()), &rd_kafka_queue_destroy) {
    there_.watch(*queue_);
    topics_.reserve(topics.size());
    for (std::size_t i = 0; i < topics.size(); ++i) {
        auto* const conf = rd_kafka_default_topic_conf_dup(consumer_.get());
        rd_kafka_topic_conf_set_opaque(conf, reinterpret_cast<void*>(i)); // NOLINT: a number in its place
        topics_.push_back(
            {topics[i], {rd_kafka_topic_new(consumer_.get(), topics[i].c_str(), conf), &rd_kafka_topic_destroy}});
        if (!topics_.back().handle) {
            throw std::runtime_error(
                fmt::format("the awaited topic '{}': {}", topics[i], rd_kafka_err2str(rd_kafka_last_error())));
        }
    }
    for (auto& each : topics_) {
        start_at_end(each);
    }
    watching_ = std::thread([this] { watch_for_partitions(); });
}

event_reader::~event_reader() {
    if (watching_.joinable()) {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
        }
        ends_.notify_one();
        watching_.join();
    }
    for (auto& each : topics_) {
        for (std::int32_t partition = 0; partition < each.partitions; ++partition) {
            rd_kafka_consume_stop(each.handle.get(), partition);
        }
    }
    rd_kafka_queue_io_event_enable(queue_.get(), -1, nullptr, 0);
    topics_.clear();
    queue_.reset();
}

int event_reader::partitions_of(read_topic& topic, int limit_ms, std::string& why, bool& worth_waiting) {
    const rd_kafka_metadata_t* told = nullptr;
    const auto error = rd_kafka_metadata(consumer_.get(), 0, topic.handle.get(), &told, limit_ms);
    worth_waiting = true;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        why = fmt::format("no broker of {} answers ({}); start it, or correct brokers", brokers_,
                          rd_kafka_err2str(error));
        return 0;
    }
    const std::unique_ptr<const rd_kafka_metadata_t, decltype(&rd_kafka_metadata_destroy)> kept(
        told, &rd_kafka_metadata_destroy);
    const auto& about = told->topics[0];
    if (about.err == RD_KAFKA_RESP_ERR_NO_ERROR && about.partition_cnt > 0) {
        return about.partition_cnt;
    }
    worth_waiting = about.err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE || about.err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (about.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        why = fmt::format("the awaited topic '{}' is not there, and the cluster makes none by itself; create it first",
                          topic.name);
    } else {
        why = fmt::format("the awaited topic '{}' cannot be read: {}", topic.name, rd_kafka_err2str(about.err));
    }
    return 0;
}

void event_reader::start_at_end(read_topic& topic) {
    const auto begun = steady_clock::now();
    const auto until = begun + std::chrono::seconds(limits::load_await_start_s);
    int found = 0;
    std::string why;
    for (bool worth_waiting = true; found == 0;) {
        found = partitions_of(topic, request_ms, why, worth_waiting);
        const auto now = steady_clock::now();
        if (found == 0 && (now >= until || (!worth_waiting && now >= begun + topic_is_made_within))) {
            throw std::runtime_error(why);
        }
        if (found == 0) {
            std::this_thread::sleep_for(look_again_after);
        }
    }
    for (std::int32_t partition = 0; partition < found; ++partition) {
        std::int64_t first = 0;
        std::int64_t end = 0;
        for (;;) {
            const auto error = rd_kafka_query_watermark_offsets(consumer_.get(), topic.name.c_str(), partition, &first,
                                                                &end, request_ms);
            if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
                break;
            }
            if (steady_clock::now() >= until) {
                throw std::runtime_error(fmt::format("partition {} of the awaited topic '{}' cannot be read: {}",
                                                     partition, topic.name, rd_kafka_err2str(error)));
            }
            std::this_thread::sleep_for(look_again_after);
        }
        if (!start(topic, partition, end)) {
            throw std::runtime_error(fmt::format("partition {} of the awaited topic '{}' cannot be read: {}", partition,
                                                 topic.name, rd_kafka_err2str(rd_kafka_last_error())));
        }
    }
}

bool event_reader::start(read_topic& topic, std::int32_t partition, std::int64_t offset) {
    if (rd_kafka_consume_start_queue(topic.handle.get(), partition, offset, queue_.get()) != 0) {
        return false;
    }
    topic.partitions = partition + 1;
    return true;
}

void event_reader::watch_for_partitions() {
    std::unique_lock lock(mutex_);
    while (!ends_.wait_for(lock, look_for_partitions_every, [this] { return ended_; })) {
        lock.unlock();
        for (auto& each : topics_) {
            std::string why;
            bool worth_waiting = false;
            const auto found = partitions_of(each, request_ms, why, worth_waiting);
            while (each.partitions < found && start(each, each.partitions, 0)) {
            }
        }
        lock.lock();
    }
}

} // namespace cb::load
