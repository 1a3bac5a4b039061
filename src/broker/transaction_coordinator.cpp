// SPDX-License-Identifier: Apache-2.0
#include "broker/transaction_coordinator.hpp"

#include <algorithm>
#include <limits>

#include "base/limits.hpp"

namespace cb::broker {

std::string_view to_string(transaction_state state) noexcept {
    switch (state) {
    case transaction_state::empty: return "Empty";
    case transaction_state::ongoing: return "Ongoing";
    case transaction_state::complete_commit: return "CompleteCommit";
    case transaction_state::complete_abort: return "CompleteAbort";
    case transaction_state::prepare_commit: return "PrepareCommit";
    case transaction_state::prepare_abort: return "PrepareAbort";
    }
    return "Unknown";
}

std::int64_t transaction_coordinator::take_producer_id() {
    if (next_producer_id_ >= reserved_below_) {
        reserved_below_ = next_producer_id_ + limits::producer_ids_reserved;
        effects_.ids_reserved(reserved_below_);
    }
    return next_producer_id_++;
}

producer_identity transaction_coordinator::bump(transaction& row) {
    row.previous = row.producer;
    // The last epoch is kept for fencing, as Kafka does; then a new id starts over. The marker stays with the old id,
    // whose batches it ends.
    const producer_identity marker{row.producer.id, static_cast<std::int16_t>(row.producer.epoch + 1)};
    const bool used_up = marker.epoch == std::numeric_limits<std::int16_t>::max();
    row.producer = used_up ? producer_identity{take_producer_id(), 0} : marker;
    return marker;
}

transaction_coordinator::init_answer
transaction_coordinator::init_producer(const std::optional<std::string>& transactional_id, nanoseconds timeout,
                                       producer_identity current) {
    if (!transactional_id) {
        return {error_code::none, {take_producer_id(), 0}};
    }
    if (transactional_id->empty()) {
        return {error_code::invalid_request, {}};
    }
    if (timeout <= nanoseconds::zero() || timeout > settings_.timeout_max) {
        return {error_code::invalid_transaction_timeout, {}};
    }
    auto found = transactions_.find(*transactional_id);
    if (found == transactions_.end()) {
        if (transactions_.size() >= limits::transactional_ids) {
            return {error_code::coordinator_not_available, {}};
        }
        transaction row;
        row.transactional_id = *transactional_id;
        row.producer = {take_producer_id(), 0};
        row.timeout = timeout;
        found = transactions_.emplace(*transactional_id, std::move(row)).first;
        effects_.changed(found->second);
        return {error_code::none, found->second.producer};
    }
    auto& row = found->second;
    const bool knows_itself = current.id >= 0 && current.epoch >= 0;
    if (knows_itself && current != row.producer) {
        // A resend of an InitProducerId whose answer was lost gets the same answer again (KIP-360).
        if (current == row.previous && row.state != transaction_state::ongoing) {
            return {error_code::none, row.producer};
        }
        return {error_code::producer_fenced, {}};
    }
    if (row.state == transaction_state::ongoing) {
        // The marker carries the next epoch, so that nothing of the old instance can be written behind it.
        finish(row, false, bump(row));
    } else {
        bump(row);
    }
    row.timeout = timeout;
    row.state = transaction_state::empty;
    effects_.changed(row);
    return {error_code::none, row.producer};
}

error_code transaction_coordinator::check(const std::string& transactional_id, producer_identity producer,
                                          transaction** found) {
    const auto entry = transactions_.find(transactional_id);
    if (transactional_id.empty()) {
        return error_code::invalid_request;
    }
    if (entry == transactions_.end() || entry->second.producer.id != producer.id) {
        return error_code::invalid_producer_id_mapping;
    }
    if (entry->second.producer.epoch != producer.epoch) {
        return error_code::producer_fenced;
    }
    *found = &entry->second;
    return error_code::none;
}

void transaction_coordinator::begin_if_needed(transaction& row, mono_time now, std::int64_t wall_ms) {
    if (row.state != transaction_state::ongoing) {
        row.state = transaction_state::ongoing;
        row.started_at = now;
        row.started_at_ms = wall_ms;
    }
}

error_code transaction_coordinator::add_partition(const std::string& transactional_id, producer_identity producer,
                                                  const topic_partition& where, mono_time now, std::int64_t wall_ms) {
    transaction* row = nullptr;
    if (const auto error = check(transactional_id, producer, &row); error != error_code::none) {
        return error;
    }
    begin_if_needed(*row, now, wall_ms);
    if (row->partitions.insert(where).second) {
        effects_.changed(*row);
    }
    return error_code::none;
}

error_code transaction_coordinator::add_group(const std::string& transactional_id, producer_identity producer,
                                              const std::string& group, mono_time now, std::int64_t wall_ms) {
    transaction* row = nullptr;
    if (const auto error = check(transactional_id, producer, &row); error != error_code::none) {
        return error;
    }
    begin_if_needed(*row, now, wall_ms);
    if (row->groups.insert(group).second) {
        effects_.changed(*row);
    }
    return error_code::none;
}

error_code transaction_coordinator::check_write(const std::string& transactional_id, producer_identity producer,
                                                const topic_partition& where, bool add, mono_time now,
                                                std::int64_t wall_ms) {
    transaction* row = nullptr;
    if (const auto error = check(transactional_id, producer, &row); error != error_code::none) {
        // A writer is told by the partition's own error, as clients expect it there.
        return error == error_code::producer_fenced ? error_code::invalid_producer_epoch : error;
    }
    if (row->state == transaction_state::ongoing && row->partitions.contains(where)) {
        return error_code::none;
    }
    return add ? add_partition(transactional_id, producer, where, now, wall_ms) : error_code::invalid_txn_state;
}

transaction_coordinator::end_answer transaction_coordinator::end(const std::string& transactional_id,
                                                                 producer_identity producer, bool commit,
                                                                 bool bump_epoch) {
    const auto wanted = commit ? transaction_state::complete_commit : transaction_state::complete_abort;
    transaction* row = nullptr;
    if (const auto error = check(transactional_id, producer, &row); error != error_code::none) {
        // A resend after an answer that was lost: the epoch has moved on meanwhile (KIP-890).
        const auto entry = transactions_.find(transactional_id);
        const bool resent = bump_epoch && entry != transactions_.end() && entry->second.previous == producer &&
                            entry->second.state == wanted;
        return resent ? end_answer{error_code::none, entry->second.producer} : end_answer{error, {}};
    }
    if (row->state != transaction_state::ongoing) {
        // The same end again is fine; an abort of nothing too, where the client bumps epochs. The rest is a mistake.
        if (row->state == wanted && !bump_epoch) {
            return {error_code::none, row->producer};
        }
        if (bump_epoch && !commit) {
            bump(*row);
            row->state = wanted;
            effects_.changed(*row);
            return {error_code::none, row->producer};
        }
        return {error_code::invalid_txn_state, {}};
    }
    const auto marker = bump_epoch ? bump(*row) : row->producer;
    finish(*row, commit, marker);
    effects_.changed(*row);
    return {error_code::none, row->producer};
}

void transaction_coordinator::finish(transaction& row, bool commit, producer_identity marker) {
    row.state = commit ? transaction_state::prepare_commit : transaction_state::prepare_abort;
    row.ending_as = marker;
    effects_.changed(row);
    carry_out(row);
}

void transaction_coordinator::carry_out(transaction& row) {
    const bool commit = row.state == transaction_state::prepare_commit;
    for (const auto& where : row.partitions) {
        effects_.write_marker(where, row.ending_as, commit);
    }
    for (const auto& group : row.groups) {
        effects_.end_group(group, row.ending_as.id, commit);
    }
    row.partitions.clear();
    row.groups.clear();
    row.started_at_ms = -1;
    row.state = commit ? transaction_state::complete_commit : transaction_state::complete_abort;
}

void transaction_coordinator::finish_decided() {
    for (auto& [id, row] : transactions_) {
        if (row.state == transaction_state::prepare_commit || row.state == transaction_state::prepare_abort) {
            carry_out(row);
            effects_.changed(row);
        }
    }
}

const transaction* transaction_coordinator::find(const std::string& transactional_id) const {
    const auto found = transactions_.find(transactional_id);
    return found == transactions_.end() ? nullptr : &found->second;
}

void transaction_coordinator::topic_removed(const std::string& topic) {
    for (auto& [id, row] : transactions_) {
        if (std::erase_if(row.partitions, [&](const topic_partition& where) { return where.topic == topic; }) > 0) {
            effects_.changed(row);
        }
    }
}

void transaction_coordinator::restore(transaction row, mono_time now, std::int64_t wall_ms) {
    restore_producer_ids(std::max(row.producer.id, row.previous.id) + 1);
    row.started_at = now - milliseconds(std::max<std::int64_t>(0, wall_ms - row.started_at_ms));
    auto id = row.transactional_id;
    transactions_.insert_or_assign(std::move(id), std::move(row));
}

std::optional<mono_time> transaction_coordinator::next_deadline() const {
    std::optional<mono_time> earliest;
    for (const auto& [id, row] : transactions_) {
        if (row.state == transaction_state::ongoing) {
            const auto at = row.started_at + row.timeout;
            earliest = earliest ? std::min(*earliest, at) : at;
        }
    }
    return earliest;
}

void transaction_coordinator::advance(mono_time now) {
    for (auto& [id, row] : transactions_) {
        if (row.state == transaction_state::ongoing && row.started_at + row.timeout <= now) {
            finish(row, false, bump(row));
            effects_.changed(row);
        }
    }
}

} // namespace cb::broker
