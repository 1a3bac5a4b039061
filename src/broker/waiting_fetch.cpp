// SPDX-License-Identifier: Apache-2.0
#include "broker/waiting_fetch.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "broker/handlers/handler.hpp"

namespace cb::broker {
namespace {

using protocol::error_code;
using protocol::number;
using partition_data = protocol::fetch_response::partition_data;

std::size_t positive(std::int32_t value) { return value > 0 ? static_cast<std::size_t>(value) : 0; }

/// The answer's entry for a topic: partitions of one topic that come one after the other share it.
auto& topic_entry(protocol::fetch_response& response, const fetch_partition& from) {
    if (response.responses.empty() || response.responses.back().topic != from.topic ||
        response.responses.back().topic_id != from.topic_id) {
        auto& made = response.responses.emplace_back();
        made.topic = from.topic;
        made.topic_id = from.topic_id;
    }
    return response.responses.back();
}

/// Records go out from the log's own memory. Where they cross from one chunk to the next, a large first part goes
/// alone: the client asks for the rest sooner than it could be copied.
wire::slice in_one_piece(const wire::chain& read) {
    constexpr std::size_t large_bytes = std::size_t{64} * limits::kib;
    const bool alone = !read.empty() && read.pieces().front().size() >= large_bytes;
    return alone ? read.pieces().front() : read.flatten();
}

} // namespace

waiting_fetch::waiting_fetch(node_state& state, std::int16_t version, connection_id connection,
                             const protocol::fetch_request& wanted, reply_function reply)
    : state_(state),
      version_(version),
      connection_(connection),
      min_bytes_(positive(wanted.min_bytes)),
      max_bytes_(positive(wanted.max_bytes)),
      read_committed_(wanted.isolation_level == 1),
      deadline_(state.time.now() + milliseconds(std::max(wanted.max_wait_ms, 0))),
      reply_(std::move(reply)) {}

void waiting_fetch::begin() {
    auto first = collect();
    if (first.must_answer || first.bytes >= min_bytes_ || deadline_ <= state_.time.now()) {
        send(std::move(first));
        return;
    }
    arrived_ = first.bytes;
    place_ = state_.waiting_fetches.emplace(deadline_, shared_from_this());
    for (const auto& each : partitions) {
        auto* in =
            each.topic_id.is_zero() ? state_.topic_table.find(each.topic) : state_.topic_table.find(each.topic_id);
        if (in != nullptr) {
            if (auto* target = in->find(each.partition); target != nullptr) {
                target->waiting.add(weak_from_this());
            }
        }
    }
}

void waiting_fetch::leave_table() {
    done_ = true;
    if (place_) {
        state_.waiting_fetches.erase(*std::exchange(place_, std::nullopt));
    }
}

void waiting_fetch::forget() {
    const auto self = shared_from_this(); // the table's may be the last other reference
    leave_table();
    reply_ = nullptr;
}

void waiting_fetch::data_arrived(std::size_t bytes) {
    arrived_ += bytes;
    if (done_ || arrived_ < min_bytes_) {
        return;
    }
    auto now = collect();
    if (now.must_answer || now.bytes >= min_bytes_) {
        send(std::move(now));
    } else {
        // Data came that this reader may not see yet (an open transaction).
        arrived_ = now.bytes;
    }
}

void waiting_fetch::finish() {
    if (!done_) {
        send(collect());
    }
}

waiting_fetch::collected waiting_fetch::collect() {
    collected out;
    auto left = max_bytes_;
    for (auto& each : partitions) {
        collect_partition(each, out, left);
    }
    return out;
}

void waiting_fetch::collect_partition(fetch_partition& from, collected& out, std::size_t& bytes_left) {
    partition_data data;
    data.partition_index = from.partition;
    data.records = wire::slice();
    auto* in = from.topic_id.is_zero() ? state_.topic_table.find(from.topic) : state_.topic_table.find(from.topic_id);
    auto* target = in == nullptr ? nullptr : in->find(from.partition);
    auto error = error_code::none;
    if (target == nullptr) {
        error = from.topic_id.is_zero() || in != nullptr ? error_code::unknown_topic_or_partition
                                                         : error_code::unknown_topic_id;
    } else if (from.current_leader_epoch > 0) {
        error = error_code::unknown_leader_epoch;
    } else if (from.fetch_offset < target->log.start_offset() || from.fetch_offset > target->log.end_offset()) {
        error = error_code::offset_out_of_range;
    }
    if (target != nullptr) {
        const auto& log = target->log;
        data.high_watermark = log.end_offset();
        data.last_stable_offset = log.last_stable_offset();
        data.log_start_offset = log.start_offset();
    } else {
        data.high_watermark = -1;
    }
    result<wire::chain> read{wire::chain()};
    if (error == error_code::none) {
        const auto end = read_committed_ ? data.last_stable_offset : data.high_watermark;
        const auto most = std::min(positive(from.bytes_max), bytes_left);
        read = target->log.read(from.fetch_offset, {end, most, out.bytes == 0 && bytes_left > 0});
        if (!read) {
            error = error_code::kafka_storage_error;
            state_.log.error("log cannot be read",
                             {{"topic", in->name}, {"partition", from.partition}, {"why", read.error().message}});
        }
    }
    if (error != error_code::none) {
        data.error_code = number(error);
        data.records = std::nullopt;
    } else {
        const auto& log = target->log;
        data.records = in_one_piece(*read);
        if (read_committed_) {
            auto& aborted = data.aborted_transactions.emplace();
            const auto shown_end = record::offset_behind(data.records->view(), from.fetch_offset);
            for (const auto& each : log.aborted_between(from.fetch_offset, shown_end)) {
                aborted.push_back({each.producer_id, each.first_offset});
            }
        } else {
            data.aborted_transactions = std::nullopt;
        }
        out.bytes += read->size();
        bytes_left -= std::min(bytes_left, data.records->size());
    }
    const bool news = data.records && !data.records->empty();
    const bool moved = from.high_watermark != data.high_watermark || from.log_start_offset != data.log_start_offset ||
                       (read_committed_ && from.last_stable_offset != data.last_stable_offset) || from.told_error;
    if (error != error_code::none) {
        out.must_answer = true;
    }
    if (!incremental || news || moved || error != error_code::none) {
        topic_entry(out.response, from).partitions.push_back(std::move(data));
    }
}

void waiting_fetch::note_told(const protocol::fetch_response& response) {
    auto* session = session_id == 0 ? nullptr : state_.sessions.find(session_id);
    if (session == nullptr) {
        return;
    }
    for (const auto& topic_out : response.responses) {
        for (const auto& data : topic_out.partitions) {
            auto* kept = session->find(topic_out.topic, topic_out.topic_id, data.partition_index);
            if (kept == nullptr) {
                continue;
            }
            kept->high_watermark = data.high_watermark;
            kept->last_stable_offset = data.last_stable_offset;
            kept->log_start_offset = data.log_start_offset;
            kept->told_error = data.error_code != 0;
            if (data.records && !data.records->empty()) {
                session->move_to_end(topic_out.topic, topic_out.topic_id, data.partition_index);
            }
        }
    }
}

void waiting_fetch::send(collected what) {
    const auto self = shared_from_this(); // the table's may be the last other reference
    leave_table();
    what.response.session_id = session_id;
    // What a session's partitions were told last decides what the next incremental answer holds.
    note_told(what.response);
    for (auto& topic_out : what.response.responses) {
        if (version_ >= 13) {
            topic_out.topic.clear();
        } else {
            topic_out.topic_id = {};
        }
    }
    handlers::answer(std::exchange(reply_, nullptr), what.response, version_);
}

} // namespace cb::broker
