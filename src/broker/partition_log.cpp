// SPDX-License-Identifier: Apache-2.0
#include "broker/partition_log.hpp"

#include <algorithm>
#include <cstring>

#include "base/limits.hpp"

namespace cb::broker {
namespace {

/// The epoch of a leader that never changed.
constexpr std::int32_t leader_epoch = 0;
/// A partition's first chunk is small, so that many idle partitions are cheap; they double up to the limit.
constexpr std::size_t first_chunk_bytes = std::size_t{16} * limits::kib;

} // namespace

void memory_budget::make_room(std::size_t bytes) {
    for (auto at = evictable_.begin(); at != evictable_.end() && !fits(bytes);) {
        if (!(*at)->evict_oldest()) {
            ++at;
        }
    }
}

partition_log::partition_log(memory_budget& budget, std::unique_ptr<stored_log> on_disk, start_listener start_moves)
    : budget_(budget), stored_(std::move(on_disk)), start_moves_(std::move(start_moves)) {
    evictable_ = budget_.add_evictable(*this);
}

partition_log::~partition_log() {
    if (evictable_) {
        budget_.remove_evictable(*evictable_);
    }
    for (const auto& each : chunks_) {
        budget_.give(each.capacity);
    }
    budget_.give(index_.size() * entry_bytes);
}

std::span<std::byte> partition_log::reserve(std::size_t size, at_limit then) {
    if (chunks_.empty() || chunks_.back().capacity - chunks_.back().used < size) {
        const auto grown =
            chunks_.empty() ? first_chunk_bytes : std::min(limits::memory_chunk_bytes, chunks_.back().capacity * 2);
        const auto capacity = std::max(grown, size);
        if (stored_) {
            budget_.got_new(*evictable_);
            budget_.make_room(capacity + entry_bytes);
            then = at_limit::exceed; // by less than a chunk for each log
        }
        if (then == at_limit::refuse && !budget_.fits(capacity + entry_bytes)) {
            return {};
        }
        budget_.take(capacity);
        chunks_.push_back({std::make_shared_for_overwrite<std::byte[]>(capacity), capacity, 0, 0});
    }
    // A log of tiny batches is half index: it counts.
    if (then == at_limit::refuse && !stored_ && !budget_.fits(entry_bytes)) {
        return {};
    }
    budget_.take(entry_bytes);
    auto& last = chunks_.back();
    return {last.memory.get() + last.used, size};
}

result<log_position> partition_log::append(wire::bytes_view batch, std::optional<std::int64_t> append_time_ms,
                                           std::size_t segment_bytes) {
    return append(batch, append_time_ms, segment_bytes, at_limit::refuse);
}

result<log_position> partition_log::append(wire::bytes_view batch, std::optional<std::int64_t> append_time_ms,
                                           std::size_t segment_bytes, at_limit then) {
    const auto place = reserve(batch.size(), then);
    if (place.empty()) {
        return fail(errc::limit, "the in-memory log is full (" + std::to_string(budget_.bytes_max()) + " bytes)");
    }
    std::memcpy(place.data(), batch.data(), batch.size());
    record::set_base_offset(place, end_offset_);
    record::set_partition_leader_epoch(place, leader_epoch);
    if (append_time_ms) {
        record::set_log_append_time(place, *append_time_ms);
    }
    const auto header = record::parse_header(place);
    CB_ASSERT(header.has_value());
    if (stored_) {
        if (auto done = stored_->append(*header, place, segment_bytes); !done) {
            budget_.give(entry_bytes); // the place in the chunk is the next one's
            return tl::unexpected(done.error());
        }
    }
    auto& last = chunks_.back();
    index_.push_back({end_offset_, header->last_offset(), header->max_timestamp, first_chunk_ + chunks_.size() - 1,
                      static_cast<std::uint32_t>(last.used), static_cast<std::uint32_t>(batch.size())});
    times_.push_back(header->max_timestamp);
    last.used += batch.size();
    ++last.batches;
    bytes_ += batch.size();
    if (!header->control()) {
        producers_.appended(*header);
    }
    const log_position at{end_offset_, append_time_ms.value_or(-1)};
    end_offset_ = header->last_offset() + 1;
    return at;
}

result<void> partition_log::append_marker(std::int64_t producer_id, std::int16_t epoch, bool commit,
                                          std::int64_t now_ms) {
    const auto marker = record::control_batch(end_offset_, producer_id, epoch, commit, 0, now_ms);
    const auto done = append(marker.view(), std::nullopt, default_segment_bytes, at_limit::exceed);
    if (!done) {
        return tl::unexpected(done.error());
    }
    const auto transaction = producers_.ended(producer_id, epoch, done->offset, now_ms);
    if (transaction && !commit) {
        aborted_.push_back(*transaction);
    }
    return {};
}

/// What a batch that is read back says of its producer.
void partition_log::note_transactions(const record::batch_header& header, wire::bytes_view batch) {
    if (!header.control()) {
        producers_.appended(header);
        return;
    }
    const auto commits = record::marker_commits(header, batch);
    if (!commits) {
        return; // no marker of a transaction
    }
    const auto transaction =
        producers_.ended(header.producer_id, header.producer_epoch, header.base_offset, header.max_timestamp);
    if (transaction && !*commits) {
        aborted_.push_back(*transaction);
    }
}

result<stored_log::recovery> partition_log::recover(std::int64_t start_offset) {
    CB_ASSERT(stored_ && end_offset_ == 0);
    auto done = stored_->recover(start_offset, [this](const record::batch_header& header, wire::bytes_view batch) {
        note_transactions(header, batch);
    });
    if (done) {
        end_offset_ = stored_->end_offset();
        // Behind the journal's word when the first file begins later.
        const auto first = stored_->segment_count() == 0 ? end_offset_ : stored_->first_offset();
        start_offset_ = std::max(start_offset, first);
        forget_aborted_before_start();
    }
    return done;
}

std::size_t partition_log::find(std::int64_t offset) const {
    const auto found = std::partition_point(index_.begin(), index_.end(),
                                            [&](const entry& each) { return each.last_offset < offset; });
    return static_cast<std::size_t>(found - index_.begin());
}

wire::slice partition_log::batch_at(const entry& at) const {
    const auto& in = chunks_[at.chunk - first_chunk_];
    return {in.memory, wire::bytes_view(in.memory.get() + at.position, at.size)};
}

result<wire::chain> partition_log::read(std::int64_t offset, const read_limits& limits) const {
    if (offset >= memory_from()) {
        return read_memory(offset, limits);
    }
    CB_ASSERT(stored_ != nullptr);
    auto part = stored_->read(offset, limits.end_offset, limits.bytes_max, limits.at_least_one);
    if (!part) {
        return tl::unexpected(part.error());
    }
    wire::chain out;
    out.append(std::move(*part));
    return out;
}

wire::chain partition_log::read_memory(std::int64_t offset, const read_limits& limits) const {
    wire::chain out;
    auto at = find(offset);
    std::size_t taken = 0;
    while (at < index_.size() && index_[at].base_offset < limits.end_offset) {
        // Batches side by side in a chunk go out as one piece.
        const auto& first = index_[at];
        const bool forced = taken == 0 && limits.at_least_one;
        if (!forced && taken + first.size > limits.bytes_max) {
            break;
        }
        std::size_t run = first.size;
        auto next = at + 1;
        while (next < index_.size() && index_[next].chunk == first.chunk &&
               index_[next].base_offset < limits.end_offset && taken + run + index_[next].size <= limits.bytes_max) {
            run += index_[next].size;
            ++next;
        }
        const auto& in = chunks_[first.chunk - first_chunk_];
        out.append(wire::slice(in.memory, wire::bytes_view(in.memory.get() + first.position, run)));
        taken += run;
        at = next;
    }
    return out;
}

std::size_t partition_log::bytes_from(std::int64_t offset) const {
    if (offset < memory_from()) {
        return static_cast<std::size_t>(stored_->bytes_from(offset));
    }
    const auto at = find(offset);
    if (at == index_.size()) {
        return 0;
    }
    std::size_t sum = 0;
    for (auto i = at; i < index_.size() && sum < limits::memory_chunk_bytes; ++i) {
        sum += index_[i].size;
    }
    return sum;
}

std::int64_t partition_log::last_stable_offset() const {
    return std::min(end_offset_, producers_.first_open_offset().value_or(end_offset_));
}

std::vector<aborted_transaction> partition_log::aborted_between(std::int64_t first, std::int64_t end) const {
    std::vector<aborted_transaction> out;
    const auto from = std::partition_point(aborted_.begin(), aborted_.end(),
                                           [&](const aborted_transaction& each) { return each.last_offset < first; });
    std::copy_if(from, aborted_.end(), std::back_inserter(out),
                 [&](const aborted_transaction& each) { return each.first_offset < end; });
    return out;
}

result<std::optional<wire::slice>> partition_log::batch_by_time(std::int64_t timestamp_ms) const {
    if (stored_) {
        return stored_->find_by_time(timestamp_ms, start_offset_);
    }
    const auto found = times_.first_at_or_after(timestamp_ms);
    return found ? batch_at(index_[*found]) : std::optional<wire::slice>();
}

result<std::optional<log_position>> partition_log::find_by_time(std::int64_t timestamp_ms) const {
    const auto found = batch_by_time(timestamp_ms);
    if (!found) {
        return tl::unexpected(found.error());
    }
    if (!*found) {
        return std::optional<log_position>();
    }
    const auto& batch = **found;
    const auto header = record::parse_header(batch.view());
    CB_ASSERT(header.has_value());
    if (header->log_append_time()) {
        return log_position{std::max(header->base_offset, start_offset_), header->max_timestamp};
    }
    if (const auto set = record::read_records(*header, batch); set) {
        for (const auto& each : set->records) {
            const auto at = header->base_timestamp + each.timestamp_delta;
            const auto offset = header->base_offset + each.offset_delta;
            if (at >= timestamp_ms && offset >= start_offset_) {
                return log_position{offset, at};
            }
        }
    }
    return log_position{std::max(header->base_offset, start_offset_), header->max_timestamp};
}

result<std::optional<log_position>> partition_log::latest_by_time() const {
    const auto greatest = stored_ ? stored_->greatest_timestamp() : times_.latest();
    return greatest ? find_by_time(*greatest) : std::optional<log_position>();
}

void partition_log::drop_front() {
    start_offset_ = std::max(start_offset_, index_.front().last_offset + 1);
    leave_memory();
}

/// The oldest batch in memory. A chunk that holds none any more goes, also the last one: it is never written from its
/// beginning again, for somebody may still be sending it.
void partition_log::leave_memory() {
    const auto& oldest = index_.front();
    bytes_ -= oldest.size;
    budget_.give(entry_bytes);
    --chunks_[oldest.chunk - first_chunk_].batches;
    index_.pop_front();
    times_.pop_front();
    while (!chunks_.empty() && chunks_.front().batches == 0) {
        budget_.give(chunks_.front().capacity);
        chunks_.pop_front();
        ++first_chunk_;
    }
}

void partition_log::forget_aborted_before_start() {
    while (!aborted_.empty() && aborted_.front().last_offset < start_offset_) {
        aborted_.pop_front();
    }
}

bool partition_log::evict_oldest() {
    if (!stored_ || index_.empty()) {
        return false;
    }
    const auto oldest = first_chunk_;
    while (!index_.empty() && first_chunk_ == oldest) {
        leave_memory();
    }
    return true;
}

result<void> partition_log::remove_from_disk() { return stored_ ? stored_->remove_all() : result<void>(); }

/// On disk: what is told first is done afterwards, so that a log never ends before where it started.
result<void> partition_log::move_start(std::int64_t offset) {
    // Where a file begins just there, its name says where the log starts: then a full disk can free itself.
    if (!stored_->begins_file_at(offset)) {
        if (auto told = start_moves_(offset, stored_->holds_files_before(offset)); !told) {
            return told;
        }
    }
    start_offset_ = offset;
    while (!index_.empty() && index_.front().last_offset < start_offset_) {
        leave_memory();
    }
    forget_aborted_before_start();
    return stored_->remove_before(offset);
}

result<void> partition_log::delete_before(std::int64_t offset) {
    const auto start = std::max(start_offset_, std::min(offset, end_offset_));
    if (stored_) {
        return start == start_offset_ ? result<void>() : move_start(start);
    }
    start_offset_ = start;
    while (!index_.empty() && index_.front().last_offset < start_offset_) {
        drop_front();
    }
    forget_aborted_before_start();
    return {};
}

result<void> partition_log::retain(std::optional<std::size_t> bytes_max, std::optional<std::int64_t> before_ms) {
    const auto stable = last_stable_offset();
    if (stored_) {
        auto start = start_offset_;
        auto left = stored_->bytes();
        for (std::size_t i = 0; i < stored_->segment_count(); ++i) {
            const auto each = stored_->segment_at(i);
            const bool too_old = before_ms && each.bytes > 0 && each.max_timestamp < *before_ms;
            const bool too_much = bytes_max && each.bytes > 0 && left - each.bytes >= *bytes_max;
            if (each.end_offset > stable || !(too_old || too_much)) {
                break;
            }
            left -= each.bytes;
            start = std::max(start, each.end_offset);
        }
        return start == start_offset_ ? result<void>() : move_start(start);
    }
    const auto too_old = [&] { return before_ms && index_.front().max_timestamp < *before_ms; };
    const auto too_much = [&] { return bytes_max && bytes_ - index_.front().size >= *bytes_max; };
    while (!index_.empty() && index_.front().last_offset < stable && (too_old() || too_much())) {
        drop_front();
    }
    forget_aborted_before_start();
    return {};
}

} // namespace cb::broker
