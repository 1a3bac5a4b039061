// SPDX-License-Identifier: Apache-2.0
#include "load/bus.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "load/frame_bytes.hpp"

namespace cb::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::uint32_t magic = 0x43424c42; // "CBLB"
/// Of the bytes on the bus. Another number, other bytes.
constexpr std::uint16_t protocol = 1;
constexpr milliseconds look_again_after{100};
constexpr int request_ms = 1'000;
/// What was read is forgotten at once; this is for a coordinator that was killed.
constexpr const char* keep_ms = "3600000";

using conf_handle = std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)>;

void set(rd_kafka_conf_t& conf, const std::string& name, const std::string& value) {
    std::array<char, 512> why{};
    if (rd_kafka_conf_set(&conf, name.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK) {
        throw std::runtime_error(fmt::format("the bus: {}", why.data()));
    }
}

kafka_handle make(const bus_address& where, rd_kafka_type_t type) {
    conf_handle conf(rd_kafka_conf_new(), &rd_kafka_conf_destroy);
    rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
    set(*conf, "client.id", "chaosbroker-load-bus");
    set(*conf, "bootstrap.servers", where.brokers);
    set(*conf, "socket.nagle.disable", "true");
    set(*conf, "reconnect.backoff.max.ms", "500");
    if (type == RD_KAFKA_PRODUCER) {
        set(*conf, "linger.ms", "0");
        set(*conf, "enable.idempotence", "true"); // pieces come in order, and once
        set(*conf, "compression.codec", "lz4");
        set(*conf, "message.timeout.ms", "30000");
    } else {
        set(*conf, "fetch.min.bytes", "1");
        set(*conf, "fetch.wait.max.ms", "100");
        set(*conf, "fetch.error.backoff.ms", "50");
        set(*conf, "auto.offset.reset", "earliest"); // after what others had forgotten
        set(*conf, "enable.auto.commit", "false");
    }
    for (const auto& [name, value] : where.settings) {
        set(*conf, name, value);
    }
    std::array<char, 512> why{};
    kafka_handle out(rd_kafka_new(type, conf.get(), why.data(), why.size()), &rd_kafka_destroy);
    if (!out) {
        throw std::runtime_error(fmt::format("the bus: {}", why.data()));
    }
    static_cast<void>(conf.release()); // it is librdkafka's now
    return out;
}

std::string piece_of(const bus_message& what, std::uint32_t piece, std::uint32_t pieces, std::string_view bytes) {
    wire::writer out;
    out.u32(magic);
    out.u16(protocol);
    out.u8(static_cast<std::uint8_t>(what.kind));
    for (const auto number : {what.run, what.from, what.to}) {
        out.u64(number);
    }
    out.u32(piece);
    out.u32(pieces);
    out.string_bytes(bytes);
    return taken(out);
}

} // namespace

bus::bus(const bus_address& where, std::string speaks_to, const std::vector<std::string>& hears, milliseconds within)
    : producer_(make(where, RD_KAFKA_PRODUCER)),
      consumer_(make(where, RD_KAFKA_CONSUMER)),
      queue_(rd_kafka_queue_new(consumer_.get()), &rd_kafka_queue_destroy),
      admin_results_(rd_kafka_queue_new(producer_.get()), &rd_kafka_queue_destroy),
      speaks_to_(std::move(speaks_to)) {
    const auto until = steady_clock::now() + within;
    for (;;) {
        const rd_kafka_metadata_t* told = nullptr;
        const auto error = rd_kafka_metadata(producer_.get(), 0, nullptr, &told, request_ms);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_metadata_destroy(told);
            break;
        }
        if (steady_clock::now() >= until) {
            throw std::runtime_error(fmt::format("no bus answers at {} ({})", where.brokers, rd_kafka_err2str(error)));
        }
        std::this_thread::sleep_for(look_again_after);
    }
    make_topics();
    there_.watch(*queue_);
    const auto topics_within = std::max(milliseconds(limits::load_await_start_s * 1000),
                                        std::chrono::duration_cast<milliseconds>(until - steady_clock::now()));
    for (const auto& name : hears) {
        auto& topic = hears_.emplace_back(
            heard_topic{name,
                        {rd_kafka_topic_new(consumer_.get(), name.c_str(), nullptr), &rd_kafka_topic_destroy},
                        end_of(name, topics_within)});
        if (rd_kafka_consume_start_queue(topic.handle.get(), 0, topic.next, queue_.get()) != 0) {
            throw std::runtime_error(
                fmt::format("the bus: topic {} cannot be read: {}", name, rd_kafka_err2str(rd_kafka_last_error())));
        }
    }
}

bus::~bus() {
    for (auto& each : hears_) {
        if (!each.left) {
            rd_kafka_consume_stop(each.handle.get(), 0);
        }
    }
    rd_kafka_queue_io_event_enable(queue_.get(), -1, nullptr, 0);
    hears_.clear();
    queue_.reset();
    admin_results_.reset();
    rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

/// Those that are there already stay as they are; whether they can be had shows when they are read.
void bus::make_topics() {
    std::vector<rd_kafka_NewTopic_t*> wanted;
    std::array<char, 512> why{};
    for (const auto* name : {orders_topic, reports_topic}) {
        auto* each = rd_kafka_NewTopic_new(name, 1, -1, why.data(), why.size());
        rd_kafka_NewTopic_set_config(each, "retention.ms", keep_ms);
        wanted.push_back(each);
    }
    const kafka_queue answers(rd_kafka_queue_new(producer_.get()), &rd_kafka_queue_destroy);
    rd_kafka_CreateTopics(producer_.get(), wanted.data(), wanted.size(), nullptr, answers.get());
    rd_kafka_NewTopic_destroy_array(wanted.data(), wanted.size());
    if (auto* event = rd_kafka_queue_poll(answers.get(), limits::load_await_start_s * 1000)) {
        rd_kafka_event_destroy(event);
    }
}

std::int64_t bus::end_of(const std::string& topic, milliseconds within) {
    const auto until = steady_clock::now() + within;
    for (;;) {
        std::int64_t first = 0;
        std::int64_t end = 0;
        const auto error =
            rd_kafka_query_watermark_offsets(consumer_.get(), topic.c_str(), 0, &first, &end, request_ms);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return end;
        }
        if (steady_clock::now() >= until) {
            throw std::runtime_error(
                fmt::format("the bus: topic {} cannot be had: {}", topic, rd_kafka_err2str(error)));
        }
        std::this_thread::sleep_for(look_again_after);
    }
}

void bus::send(const bus_message& what) {
    const auto count =
        static_cast<std::uint32_t>(what.body.size() / limits::load_bus_piece_bytes + 1); // one of an empty body
    for (std::uint32_t piece = 0; piece < count; ++piece) {
        const auto bytes =
            std::string_view(what.body).substr(piece * limits::load_bus_piece_bytes, limits::load_bus_piece_bytes);
        send_piece(piece_of(what, piece, count, bytes));
    }
    rd_kafka_poll(producer_.get(), 0);
}

/// Waits while librdkafka has no room. What cannot be sent at all is missed by who waits for it.
void bus::send_piece(const std::string& bytes) {
    std::array<rd_kafka_vu_t, 4> parts{};
    parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    parts[0].u.cstr = speaks_to_.c_str();
    parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    parts[1].u.i32 = 0;
    parts[2].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[2].u.mem = {const_cast<char*>(bytes.data()), bytes.size()}; // NOLINT: librdkafka copies it
    parts[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[3].u.i = RD_KAFKA_MSG_F_COPY;
    using kept_error = std::unique_ptr<rd_kafka_error_t, decltype(&rd_kafka_error_destroy)>;
    for (;;) {
        const kept_error error(rd_kafka_produceva(producer_.get(), parts.data(), parts.size()),
                               &rd_kafka_error_destroy);
        if (!error || rd_kafka_error_code(error.get()) != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            return;
        }
        rd_kafka_poll(producer_.get(), static_cast<int>(look_again_after.count()));
    }
}

void bus::receive(const std::function<void(bus_message&&)>& take) {
    there_.drain();
    // One after the other: `take` may throw, and librdkafka waits for each message that is not given back.
    using kept_message = std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)>;
    for (;;) {
        const kept_message each(rd_kafka_consume_queue(queue_.get(), 0), &rd_kafka_message_destroy);
        if (!each) {
            break;
        }
        if (each->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            continue; // while a broker is away; who is not heard of is lost
        }
        for (auto& topic : hears_) {
            if (topic.handle.get() == each->rkt) {
                topic.next = each->offset + 1;
            }
        }
        take_piece({static_cast<const char*>(each->payload), each->len}, take);
    }
    take_forgotten(milliseconds(0));
}

void bus::take_piece(std::string_view bytes, const std::function<void(bus_message&&)>& take) {
    wire::reader in(wire::as_bytes(bytes));
    if (in.u32() != magic || in.u16() != protocol) {
        ++foreign_;
        return;
    }
    bus_message out;
    const auto kind = in.u8();
    out.kind = static_cast<bus_kind>(kind);
    for (auto* number : {&out.run, &out.from, &out.to}) {
        *number = in.u64();
    }
    const auto piece = in.u32();
    const auto count = in.u32();
    if (!in.ok() || kind > static_cast<std::uint8_t>(bus_kind::left)) {
        ++foreign_;
        return;
    }
    const auto rest = bytes.substr(in.position());
    if (unfinished_.size() > 2 * limits::load_machines) {
        unfinished_.clear(); // of members that went in the middle of a message
    }
    auto& begun = unfinished_[{out.run, out.from}];
    if (piece == 0) {
        begun = {};
    }
    // A member that comes in the middle of a message lets it go by.
    if (piece != begun.next || begun.body.size() + rest.size() > limits::load_frame_bytes) {
        unfinished_.erase({out.run, out.from});
        return;
    }
    begun.body.append(rest);
    if (++begun.next < count) {
        return;
    }
    out.body = std::move(begun.body);
    unfinished_.erase({out.run, out.from});
    take(std::move(out));
}

void bus::leave(const std::string& topic) {
    for (auto& each : hears_) {
        if (each.name == topic && !each.left) {
            each.left = true;
            rd_kafka_consume_stop(each.handle.get(), 0);
        }
    }
}

void bus::forget_read() {
    for (const auto& each : hears_) {
        if (!each.left) {
            forget(each.name, each.next);
        }
    }
}

void bus::forget(const std::string& topic, std::int64_t before) {
    if (before <= 0) {
        return;
    }
    auto* up_to = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(up_to, topic.c_str(), 0)->offset = before;
    auto* asked = rd_kafka_DeleteRecords_new(up_to);
    rd_kafka_DeleteRecords(producer_.get(), &asked, 1, nullptr, admin_results_.get());
    ++being_forgotten_;
    rd_kafka_DeleteRecords_destroy(asked);
    rd_kafka_topic_partition_list_destroy(up_to);
}

/// What a cluster does not let us delete goes by its retention.
void bus::take_forgotten(milliseconds within) {
    while (auto* done = rd_kafka_queue_poll(admin_results_.get(), static_cast<int>(within.count()))) {
        rd_kafka_event_destroy(done);
        being_forgotten_ -= std::min<std::size_t>(being_forgotten_, 1);
        if (being_forgotten_ == 0) {
            return;
        }
    }
}

void bus::wait_until_forgotten(milliseconds within) {
    if (being_forgotten_ > 0) {
        take_forgotten(within);
    }
}

std::int64_t bus::written(const std::string& topic, milliseconds within) {
    try {
        return end_of(topic, within);
    } catch (const std::runtime_error&) {
        return 0; // the bus has gone, and what stood on it is its owner's
    }
}

void bus::flush(milliseconds within) { rd_kafka_flush(producer_.get(), static_cast<int>(within.count())); }

} // namespace cb::load
