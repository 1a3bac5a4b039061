// SPDX-License-Identifier: Apache-2.0
#include "broker/decoded_produce.hpp"
#include "broker/handlers/handler.hpp"

namespace cb::broker::handlers {
namespace {

using protocol::error_code;
using protocol::number;
using partition_response = protocol::produce_response::partition_produce_response;

/// From Produce 12 on a partition joins the transaction by being written to (KIP-890).
constexpr std::int16_t implicit_join_version = 12;

struct problem {
    error_code code;
    std::string message;
};

/// What of a batch can be judged without its records' content.
std::optional<problem> check_batch(const topic& into, const wire::slice& batch, bool checksum_known,
                                   record::batch_header& header) {
    const auto parsed = record::validate(batch.view(), checksum_known);
    if (!parsed) {
        const bool old = parsed.error().kind == errc::unsupported;
        return problem{old ? error_code::unsupported_for_message_format : error_code::corrupt_message,
                       parsed.error().message};
    }
    header = *parsed;
    if (batch.size() > into.config.max_message_bytes()) {
        return problem{error_code::message_too_large, "batch of " + std::to_string(batch.size()) +
                                                          " bytes; max.message.bytes is " +
                                                          std::to_string(into.config.max_message_bytes())};
    }
    const bool known_codec = header.codec() <= wire::codec::zstd;
    if (!known_codec) {
        return problem{error_code::unsupported_compression_type, "unknown codec"};
    }
    if (header.control()) {
        return problem{error_code::invalid_record, "clients cannot write control batches"};
    }
    if (header.record_count <= 0 || header.last_offset_delta != header.record_count - 1) {
        return problem{error_code::invalid_record, "batch whose count and last offset do not fit"};
    }
    if (header.producer_id >= 0 && header.base_sequence < 0) {
        return problem{error_code::invalid_record, "batch of an idempotent producer without a sequence"};
    }
    return std::nullopt;
}

class produce_call {
public:
    produce_call(node_state& state, const protocol::produce_request& wanted, std::int16_t version)
        : state_(state), wanted_(wanted), version_(version) {}

    void append(topic* into, std::int32_t index, const std::optional<wire::slice>& records, bool checksum_known,
                partition_response& out) {
        out.index = index;
        out.base_offset = -1;
        auto* target = into == nullptr ? nullptr : into->find(index);
        if (target == nullptr) {
            out.error_code = number(error_code::unknown_topic_or_partition);
            return;
        }
        record::batch_header header;
        std::optional<problem> wrong;
        if (!records || records->empty()) {
            wrong = problem{error_code::invalid_record, "no batch"};
        } else {
            wrong = check_batch(*into, *records, checksum_known, header);
        }
        if (!wrong) {
            wrong = check_transaction(*into, index, header);
        }
        if (!wrong) {
            wrong = append_checked(*into, *target, header, *records, out);
        }
        if (wrong) {
            out.error_code = number(wrong->code);
            out.error_message = std::move(wrong->message);
        }
    }

private:
    std::optional<problem> check_transaction(const topic& into, std::int32_t index,
                                             const record::batch_header& header) {
        if (!header.transactional()) {
            return std::nullopt;
        }
        const auto error = state_.transactions.check_write(
            wanted_.transactional_id.value_or(std::string()), {header.producer_id, header.producer_epoch},
            {into.name, index}, version_ >= implicit_join_version, state_.time.now(), state_.time.wall_ms());
        if (error != error_code::none) {
            return problem{error, "the transaction does not take this batch"};
        }
        return std::nullopt;
    }

    std::optional<problem> append_checked(const topic& into, partition& target, const record::batch_header& header,
                                          const wire::slice& records, partition_response& out) {
        const auto verdict = target.log.producers().check(header);
        if (verdict.error != error_code::none) {
            return problem{verdict.error, "producer " + std::to_string(header.producer_id) + " epoch " +
                                              std::to_string(header.producer_epoch) + " sequence " +
                                              std::to_string(header.base_sequence) + " does not follow"};
        }
        out.log_start_offset = target.log.start_offset();
        if (verdict.duplicate_of) {
            out.base_offset = *verdict.duplicate_of;
            out.log_append_time_ms = verdict.duplicate_timestamp;
            return std::nullopt;
        }
        const auto stamp = into.config.log_append_time() ? std::optional(state_.time.wall_ms()) : std::nullopt;
        const auto segment_bytes = into.config.segment_bytes();
        auto done = target.log.append(records.view(), stamp, segment_bytes);
        if (!done) {
            // What retention may give back at once is given back before anybody is refused.
            state_.press_retention();
            done = target.log.append(records.view(), stamp, segment_bytes);
        }
        if (!done) {
            if (!std::exchange(state_.said_log_is_full, true)) {
                state_.log.error("produce refused: the log cannot take it",
                                 {{"why", done.error().message}, {"topic", into.name}});
            }
            return problem{error_code::kafka_storage_error, done.error().message};
        }
        state_.said_log_is_full = false;
        out.base_offset = done->offset;
        out.log_append_time_ms = done->timestamp_ms;
        state_.wake(target);
        return std::nullopt;
    }

    node_state& state_;
    const protocol::produce_request& wanted_;
    std::int16_t version_;
};

} // namespace

result<void> produce(node_state& state, const request& what, reply_function reply) {
    protocol::produce_request from_body;
    if (what.produce == nullptr) {
        auto decoded = decode<protocol::produce_request>(what);
        if (!decoded) {
            return tl::unexpected(decoded.error());
        }
        from_body = std::move(*decoded);
    }
    const auto& wanted = what.produce != nullptr ? what.produce->message : from_body;
    std::size_t batches = 0;
    const auto next_checksum_known = [&] { return what.produce != nullptr && what.produce->checksum_known[batches++]; };
    const bool acks_valid = wanted.acks == 0 || wanted.acks == 1 || wanted.acks == -1;
    protocol::produce_response response;
    produce_call call(state, wanted, what.version);
    for (const auto& each : wanted.topic_data) {
        auto& topic_out = response.responses.emplace_back();
        topic_out.name = each.name;
        topic_out.topic_id = each.topic_id;
        auto* into = what.version >= 13 ? state.topic_table.find(each.topic_id) : state.topic_table.find(each.name);
        for (const auto& part : each.partition_data) {
            auto& out = topic_out.partition_responses.emplace_back();
            const bool checksum_known = next_checksum_known();
            if (acks_valid) {
                call.append(into, part.index, part.records, checksum_known, out);
            } else {
                out.index = part.index;
                out.base_offset = -1;
                out.error_code = number(error_code::invalid_required_acks);
            }
            if (into == nullptr && what.version >= 13) {
                out.error_code = number(error_code::unknown_topic_id);
            }
        }
    }
    response.throttle_time_ms = state.produce_pause_ms();
    if (wanted.acks == 0) {
        reply({});
    } else {
        answer(reply, response, what.version);
    }
    return {};
}

} // namespace cb::broker::handlers
