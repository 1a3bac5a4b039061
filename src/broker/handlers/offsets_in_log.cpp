// SPDX-License-Identifier: Apache-2.0
// ListOffsets, OffsetForLeaderEpoch, DeleteRecords, DescribeProducers, DescribeLogDirs: questions to the logs
// themselves.
#include "broker/handlers/handler.hpp"
#include "protocol/delete_records.hpp"
#include "protocol/describe_log_dirs.hpp"
#include "protocol/describe_producers.hpp"
#include "protocol/list_offsets.hpp"
#include "protocol/offset_for_leader_epoch.hpp"

namespace cb::broker::handlers {
namespace {

using protocol::error_code;
using protocol::number;

// The times with a meaning of their own.
constexpr std::int64_t latest = -1;
constexpr std::int64_t earliest = -2;
constexpr std::int64_t greatest_timestamp = -3;
constexpr std::int64_t earliest_local = -4; ///< nothing is tiered: the same as the earliest
constexpr std::int64_t latest_tiered = -5;

partition* find_partition(node_state& state, const std::string& name, std::int32_t index) {
    auto* in = state.topic_table.find(name);
    return in == nullptr ? nullptr : in->find(index);
}

result<std::optional<log_position>> position_of(const partition_log& log, std::int64_t timestamp, bool read_committed) {
    switch (timestamp) {
    case latest: return log_position{read_committed ? log.last_stable_offset() : log.end_offset(), -1};
    case earliest:
    case earliest_local: return log_position{log.start_offset(), -1};
    case latest_tiered: return log_position{-1, -1};
    default: break;
    }
    const auto found = timestamp == greatest_timestamp ? log.latest_by_time() : log.find_by_time(timestamp);
    // What a reader of committed data cannot read yet, it is not pointed to either.
    const bool hidden = found && *found && read_committed && (*found)->offset >= log.last_stable_offset();
    return hidden ? std::optional<log_position>() : found;
}

} // namespace

result<void> list_offsets(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::list_offsets_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::list_offsets_response response;
    for (const auto& in : wanted->topics) {
        auto& topic_out = response.topics.emplace_back();
        topic_out.name = in.name;
        for (const auto& each : in.partitions) {
            auto& out = topic_out.partitions.emplace_back();
            out.partition_index = each.partition_index;
            const auto* target = find_partition(state, in.name, each.partition_index);
            if (target == nullptr) {
                out.error_code = number(error_code::unknown_topic_or_partition);
            } else if (each.current_leader_epoch > 0) {
                out.error_code = number(error_code::unknown_leader_epoch);
            } else if (const auto at = position_of(target->log, each.timestamp, wanted->isolation_level == 1); !at) {
                out.error_code = number(error_code::kafka_storage_error);
                state.log.error("log cannot be read", {{"topic", in.name}, {"why", at.error().message}});
            } else if (*at) {
                out.offset = (*at)->offset;
                out.timestamp = (*at)->timestamp_ms;
                out.leader_epoch = what.version >= 4 && (*at)->offset >= 0 ? 0 : -1;
            }
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> offset_for_leader_epoch(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::offset_for_leader_epoch_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::offset_for_leader_epoch_response response;
    for (const auto& in : wanted->topics) {
        auto& topic_out = response.topics.emplace_back();
        topic_out.topic = in.topic;
        for (const auto& each : in.partitions) {
            auto& out = topic_out.partitions.emplace_back();
            out.partition = each.partition;
            const auto* target = find_partition(state, in.topic, each.partition);
            if (target == nullptr) {
                out.error_code = number(error_code::unknown_topic_or_partition);
            } else if (each.current_leader_epoch > 0) {
                out.error_code = number(error_code::unknown_leader_epoch);
            } else if (each.leader_epoch == 0) {
                // The only epoch there ever was ends where the log does.
                out.leader_epoch = 0;
                out.end_offset = target->log.end_offset();
            }
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> delete_records(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::delete_records_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::delete_records_response response;
    for (const auto& in : wanted->topics) {
        auto& topic_out = response.topics.emplace_back();
        topic_out.name = in.name;
        for (const auto& each : in.partitions) {
            auto& out = topic_out.partitions.emplace_back();
            out.partition_index = each.partition_index;
            out.low_watermark = -1;
            auto* target = find_partition(state, in.name, each.partition_index);
            const auto before = target != nullptr && each.offset == -1 ? target->log.end_offset() : each.offset;
            if (target == nullptr) {
                out.error_code = number(error_code::unknown_topic_or_partition);
            } else if (before < 0 || before > target->log.end_offset()) {
                out.error_code = number(error_code::offset_out_of_range);
            } else if (const auto done = target->log.delete_before(before); !done) {
                out.error_code = number(error_code::kafka_storage_error);
            } else {
                out.low_watermark = target->log.start_offset();
            }
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> describe_producers(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::describe_producers_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::describe_producers_response response;
    for (const auto& in : wanted->topics) {
        auto& topic_out = response.topics.emplace_back();
        topic_out.name = in.name;
        for (const auto index : in.partition_indexes) {
            auto& out = topic_out.partitions.emplace_back();
            out.partition_index = index;
            const auto* target = find_partition(state, in.name, index);
            if (target == nullptr) {
                out.error_code = number(error_code::unknown_topic_or_partition);
                continue;
            }
            for (const auto& row : target->log.producers().rows()) {
                out.active_producers.push_back(
                    {row.producer_id, row.epoch, row.last_sequence, row.last_timestamp, 0, row.open_since_offset});
            }
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> describe_log_dirs(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::describe_log_dirs_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    const auto asked = [&](const std::string& name, std::int32_t index) {
        if (!wanted->topics) {
            return true;
        }
        for (const auto& each : *wanted->topics) {
            if (each.topic == name &&
                std::find(each.partitions.begin(), each.partitions.end(), index) != each.partitions.end()) {
                return true;
            }
        }
        return false;
    };
    protocol::describe_log_dirs_response response;
    auto& out = response.results.emplace_back();
    if (state.store) {
        out.log_dir = "/data"; // how large the disk is, nobody told us: the sizes stay unknown
    } else {
        out.log_dir = "/memory"; // clients expect a folder; this one is not on a disk
        const auto& budget = state.topic_table.budget();
        out.total_bytes = static_cast<std::int64_t>(budget.bytes_max());
        out.usable_bytes = static_cast<std::int64_t>(budget.bytes_max() - budget.taken());
    }
    for (const auto& [name, each] : state.topic_table.all()) {
        protocol::describe_log_dirs_response::describe_log_dirs_topic topic_out;
        topic_out.name = name;
        for (std::size_t i = 0; i < each->partitions.size(); ++i) {
            if (asked(name, static_cast<std::int32_t>(i))) {
                const auto size = static_cast<std::int64_t>(each->partitions[i]->log.bytes());
                topic_out.partitions.push_back({static_cast<std::int32_t>(i), size, 0, false});
            }
        }
        if (!topic_out.partitions.empty()) {
            out.topics.push_back(std::move(topic_out));
        }
    }
    answer(reply, response, what.version);
    return {};
}

} // namespace cb::broker::handlers
