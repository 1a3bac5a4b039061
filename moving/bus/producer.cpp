// SPDX-License-Identifier: Apache-2.0
#include "moving/bus/producer.hpp"

#include <array>

#include "moving/bus/handle.hpp"
#include "moving/text/limits.hpp"

namespace moving::bus {

struct producer::client {
    outcome told;
    std::function<void(std::string_view)> trouble;
    client_handle handle; // last: its threads end before what they call

    static client& of(void* opaque) { return *static_cast<client*>(opaque); }

    static void set_callbacks(rd_kafka_conf_t* conf, void*) {
        rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* record, void* opaque) {
            const auto ticket = reinterpret_cast<std::uintptr_t>(record->_private);
            of(opaque).told(ticket, record->err == RD_KAFKA_RESP_ERR_NO_ERROR ? "" : rd_kafka_err2str(record->err));
        });
        rd_kafka_conf_set_error_cb(conf, [](rd_kafka_t*, int, const char* reason, void* opaque) {
            if (of(opaque).trouble) {
                of(opaque).trouble(reason);
            }
        });
    }

    static client_handle make(const kafka_settings& settings, producing how, client* self) {
        const auto messages = std::to_string(limits::producer_messages);
        const auto kib = std::to_string(limits::producer_kib);
        if (how == producing::safe) {
            return make_client(RD_KAFKA_PRODUCER, settings,
                               {{"enable.idempotence", "true"},
                                {"acks", "all"},
                                {"linger.ms", "5"},
                                {"message.timeout.ms", "30000"},
                                {"queue.buffering.max.messages", messages},
                                {"queue.buffering.max.kbytes", kib}},
                               &set_callbacks, self);
        }
        return make_client(RD_KAFKA_PRODUCER, settings,
                           {{"acks", "1"},
                            {"linger.ms", "5"},
                            {"message.send.max.retries", "2"},
                            {"message.timeout.ms", "10000"},
                            {"queue.buffering.max.messages", messages},
                            {"queue.buffering.max.kbytes", kib}},
                           &set_callbacks, self);
    }
};

producer::producer(const kafka_settings& settings, producing how, outcome told) : client_(std::make_unique<client>()) {
    client_->told = std::move(told);
    client_->trouble = settings.trouble;
    client_->handle = client::make(settings, how, client_.get());
}

producer::~producer() {
    // Who wanted to wait has flushed. What is left gets its outcome here and not later.
    rd_kafka_purge(client_->handle.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(client_->handle.get(), 1'000);
}

bool producer::send(const std::string& topic, std::string_view key, std::string_view value,
                    std::string_view traceparent, std::uint64_t ticket) {
    // What RD_KAFKA_V_… would write, which clang takes for an extension of the language.
    std::array<rd_kafka_vu_t, 6> parts{};
    parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    parts[0].u.cstr = topic.c_str();
    parts[1].vtype = RD_KAFKA_VTYPE_KEY;
    parts[1].u.mem = {const_cast<char*>(key.data()), key.size()}; // NOLINT: copied
    parts[2].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[2].u.mem = {const_cast<char*>(value.data()), value.size()}; // NOLINT: copied
    parts[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[3].u.i = RD_KAFKA_MSG_F_COPY;
    parts[4].vtype = RD_KAFKA_VTYPE_HEADER;
    parts[4].u.header = {"traceparent", traceparent.data(), static_cast<ssize_t>(traceparent.size())};
    parts[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
    parts[5].u.ptr = reinterpret_cast<void*>(static_cast<std::uintptr_t>(ticket)); // NOLINT: a number that it carries
    auto error = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (auto* failed = rd_kafka_produceva(client_->handle.get(), parts.data(), parts.size())) {
        error = rd_kafka_error_code(failed);
        rd_kafka_error_destroy(failed);
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return true;
    }
    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return false;
    }
    client_->told(ticket, rd_kafka_err2str(error));
    return true;
}

void producer::poll(int wait_ms) { rd_kafka_poll(client_->handle.get(), wait_ms); }

void producer::flush(int wait_ms) { rd_kafka_flush(client_->handle.get(), wait_ms); }

bool producer::reachable(int wait_ms) const {
    const rd_kafka_metadata_t* told = nullptr;
    if (rd_kafka_metadata(client_->handle.get(), 0, nullptr, &told, wait_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    rd_kafka_metadata_destroy(told);
    return true;
}

bool producer::broken() const {
    std::array<char, 1> ignored{};
    return rd_kafka_fatal_error(client_->handle.get(), ignored.data(), ignored.size()) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

} // namespace moving::bus
