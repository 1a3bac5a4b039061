// SPDX-License-Identifier: Apache-2.0
#include "broker/producer_state.hpp"

#include <algorithm>
#include <utility>

namespace cb::broker {

using protocol::error_code;

void producer_states::recent_batches::push(const remembered& batch) {
    if (count_ == rows_.size()) {
        std::move(rows_.begin() + 1, rows_.end(), rows_.begin());
        --count_;
    }
    rows_[count_++] = batch;
}

producer_states::verdict producer_states::check(const record::batch_header& batch) const {
    if (batch.producer_id < 0) {
        return {};
    }
    const auto found = producers_.find(batch.producer_id);
    if (found == producers_.end()) {
        if (producers_.size() >= limits::producers_per_partition) {
            return {error_code::policy_violation, std::nullopt, -1};
        }
        // Nothing is known, perhaps because its records were deleted: any sequence may be the first (KIP-360).
        return {};
    }
    const auto& known = found->second;
    if (batch.producer_epoch < known.epoch) {
        return {error_code::invalid_producer_epoch, std::nullopt, -1};
    }
    if (batch.producer_epoch > known.epoch) {
        const bool fresh = batch.base_sequence == 0;
        return {fresh ? error_code::none : error_code::out_of_order_sequence_number, std::nullopt, -1};
    }
    const auto last_sequence = next_sequence(batch.base_sequence, batch.last_offset_delta);
    for (const auto& earlier : known.batches) {
        if (earlier.first_sequence == batch.base_sequence && earlier.last_sequence == last_sequence) {
            return {error_code::none, earlier.base_offset, earlier.timestamp};
        }
    }
    const bool first = known.batches.empty();
    const bool follows = !first && next_sequence(known.batches.back().last_sequence) == batch.base_sequence;
    if (!follows && !(first && batch.base_sequence == 0)) {
        return {error_code::out_of_order_sequence_number, std::nullopt, -1};
    }
    return {};
}

void producer_states::appended(const record::batch_header& batch) {
    if (batch.producer_id < 0) {
        return;
    }
    auto& known = producers_[batch.producer_id];
    if (known.epoch != batch.producer_epoch) {
        known.epoch = batch.producer_epoch;
        known.batches.clear();
    }
    known.last_timestamp = batch.max_timestamp;
    if (batch.base_sequence >= 0) {
        known.batches.push({batch.base_sequence, next_sequence(batch.base_sequence, batch.last_offset_delta),
                            batch.base_offset, batch.log_append_time() ? batch.max_timestamp : -1});
    }
    if (batch.transactional() && known.open_since_offset < 0) {
        known.open_since_offset = batch.base_offset;
        open_.emplace(batch.base_offset, batch.producer_id);
    }
}

std::optional<aborted_transaction> producer_states::ended(std::int64_t producer_id, std::int16_t epoch,
                                                          std::int64_t offset, std::int64_t timestamp_ms) {
    auto& known = producers_[producer_id];
    if (known.epoch != epoch) {
        known.epoch = epoch;
        known.batches.clear();
    }
    known.last_timestamp = timestamp_ms;
    const auto first = std::exchange(known.open_since_offset, -1);
    if (first < 0) {
        return std::nullopt;
    }
    open_.erase(first);
    return aborted_transaction{producer_id, first, offset};
}

std::optional<std::int32_t> producer_states::last_sequence(std::int64_t producer_id, std::int16_t epoch) const {
    const auto found = producers_.find(producer_id);
    const bool known = found != producers_.end() && found->second.epoch == epoch && !found->second.batches.empty();
    return known ? std::optional(found->second.batches.back().last_sequence) : std::nullopt;
}

std::optional<std::int64_t> producer_states::first_open_offset() const {
    return open_.empty() ? std::nullopt : std::optional(open_.begin()->first);
}

void producer_states::expire(std::int64_t timestamp_ms) {
    std::erase_if(producers_, [&](const auto& entry) {
        return entry.second.open_since_offset < 0 && entry.second.last_timestamp < timestamp_ms;
    });
}

std::vector<producer_states::row> producer_states::rows() const {
    std::vector<row> out;
    for (const auto& [id, known] : producers_) {
        const auto last = known.batches.empty() ? -1 : known.batches.back().last_sequence;
        out.push_back({id, known.epoch, last, known.last_timestamp, known.open_since_offset});
    }
    return out;
}

} // namespace cb::broker
