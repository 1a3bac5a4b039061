// SPDX-License-Identifier: Apache-2.0
#include "proxy/fault_journal.hpp"

#include <algorithm>
#include <stdexcept>

namespace cb::proxy {
namespace {

void put(wire::writer& out, const std::string& text) {
    out.uvarint(static_cast<std::uint32_t>(text.size()));
    out.string_bytes(text);
}
void put(wire::writer& out, const wire::slice& bytes) {
    out.uvarint(static_cast<std::uint32_t>(bytes.size()));
    out.bytes(bytes.view());
}
std::string take_text(wire::reader& in) { return std::string(wire::as_text(in.bytes(in.uvarint()))); }
wire::slice take_slice(wire::reader& in) { return wire::slice::copy_of(in.bytes(in.uvarint())); }

void put(wire::writer& out, const fault::producer_partition& who) {
    out.i64(who.producer_id);
    out.i16(who.epoch);
    put(out, who.topic);
    out.i32(who.partition);
}
fault::producer_partition take_producer(wire::reader& in) {
    fault::producer_partition who;
    who.producer_id = in.i64();
    who.epoch = in.i16();
    who.topic = take_text(in);
    who.partition = in.i32();
    return who;
}

void put(wire::writer& out, const std::vector<ledger_sequence>& entries) {
    out.uvarint(static_cast<std::uint32_t>(entries.size()));
    for (const auto each : entries) {
        out.u64(each.value());
    }
}
std::vector<ledger_sequence> take_entries(wire::reader& in) {
    std::vector<ledger_sequence> out;
    for (auto left = in.uvarint(); left > 0 && in.ok(); --left) {
        out.emplace_back(in.u64());
    }
    return out;
}

void put(wire::writer& out, const fault::owned_message& message) {
    out.boolean(message.has_key);
    put(out, message.key);
    out.boolean(message.has_value);
    put(out, message.value);
    out.i64(message.timestamp_ms);
    out.uvarint(static_cast<std::uint32_t>(message.headers.size()));
    for (const auto& [name, value] : message.headers) {
        put(out, name);
        out.boolean(value.has_value());
        put(out, value.value_or(wire::slice()));
    }
}
fault::owned_message take_message(wire::reader& in) {
    fault::owned_message out;
    out.has_key = in.boolean();
    out.key = take_slice(in);
    out.has_value = in.boolean();
    out.value = take_slice(in);
    out.timestamp_ms = in.i64();
    for (auto left = in.uvarint(); left > 0 && in.ok(); --left) {
        auto name = take_text(in);
        const bool present = in.boolean();
        auto value = take_slice(in);
        out.headers.emplace_back(std::move(name), present ? std::optional(std::move(value)) : std::nullopt);
    }
    return out;
}

wire::writer record_of(std::uint8_t kind) {
    wire::writer out;
    out.u8(kind);
    return out;
}

} // namespace

/// Times are written by the clock on the wall, which goes on while the broker does not run.
void fault_journal::write_message(wire::writer& out, const fault::held_message& message) const {
    const auto left = std::chrono::duration_cast<milliseconds>(message.due - time_.now()).count();
    out.u64(message.id);
    put(out, message.topic);
    out.i32(message.partition);
    put(out, message.message);
    out.i64(time_.wall_ms() + left);
    put(out, message.entries);
    out.boolean(message.transaction.has_value());
    put(out, message.transaction.value_or(fault::producer_partition()));
    put(out, message.transactional_id);
    out.boolean(message.reordered.has_value());
    const auto reordered = message.reordered.value_or(fault::reorder_effect());
    out.i32(reordered.window);
    out.i64(reordered.within.count());
    out.i64(message.late_by.count());
    out.boolean(message.sequence.has_value());
    out.i32(message.sequence.value_or(-1));
}

fault::held_message fault_journal::read_message(wire::reader& in) const {
    fault::held_message out;
    out.id = in.u64();
    out.topic = take_text(in);
    out.partition = in.i32();
    out.message = take_message(in);
    out.due = time_.now() + milliseconds(std::max<std::int64_t>(0, in.i64() - time_.wall_ms()));
    out.entries = take_entries(in);
    const bool in_transaction = in.boolean();
    auto who = take_producer(in);
    if (in_transaction) {
        out.transaction = std::move(who);
    }
    out.transactional_id = take_text(in);
    const bool is_reordered = in.boolean();
    fault::reorder_effect reordered;
    reordered.window = in.i32();
    reordered.within = nanoseconds(in.i64());
    if (is_reordered) {
        out.reordered = reordered;
    }
    out.late_by = nanoseconds(in.i64());
    const bool begun = in.boolean();
    const auto sequence = in.i32();
    if (begun) {
        out.sequence = sequence;
    }
    return out;
}

fault_journal::fault_journal(storage::disk& on, broker::flush_setting flush, const clock& time,
                             std::uint64_t small_bytes)
    : flush_(flush), time_(time) {
    const auto each = [this](wire::bytes_view record) { return replay(record); };
    auto opened = storage::journal::open(on, "faults", each, small_bytes);
    if (!opened) {
        throw std::runtime_error("faults: " + opened.error().message);
    }
    journal_ = std::move(opened->made);
}

result<void> fault_journal::replay(wire::bytes_view record) {
    wire::reader in(record);
    switch (static_cast<kind>(in.u8())) {
    case kind::own_producer: found_at_start_.own = {in.i64(), in.i16()}; break;
    case kind::rewritten: {
        if (in.boolean()) {
            fault::sequence_note note;
            note.producer = take_producer(in);
            note.batch.client_base = in.i32();
            note.batch.client_count = in.i32();
            note.batch.stored_base = in.i32();
            note.batch.stored = in.i32();
            note.batch.same = in.boolean();
            note.batch.rewritten = take_slice(in);
            found_at_start_.notes.push_back(std::move(note));
            found_at_start_.note_entries.push_back(take_entries(in));
        } else {
            take_entries(in);
        }
        for (auto left = in.uvarint(); left > 0 && in.ok(); --left) {
            auto message = read_message(in);
            next_id_ = std::max(next_id_, message.id + 1);
            found_at_start_.held.insert_or_assign(message.id, std::move(message));
        }
        break;
    }
    case kind::delivering:
        for (auto left = in.uvarint(); left > 0 && in.ok(); --left) {
            const auto id = in.u64();
            const auto sequence = in.i32();
            if (const auto message = found_at_start_.held.find(id); message != found_at_start_.held.end()) {
                message->second.sequence = sequence < 0 ? std::nullopt : std::optional(sequence);
            }
        }
        break;
    case kind::gone: found_at_start_.held.erase(in.u64()); break;
    case kind::refused: {
        const auto who = take_producer(in);
        const auto client_base = in.i32();
        forget_refused(who, client_base, in.i32());
        break;
    }
    default: return fail(errc::unsupported, "record of a kind that only a later version knows");
    }
    return in.ok() ? result<void>() : tl::unexpected(in.error());
}

void fault_journal::forget_refused(const fault::producer_partition& who, std::int32_t client_base,
                                   std::int32_t client_count) {
    auto& notes = found_at_start_.notes;
    for (auto i = notes.size(); i > 0; --i) {
        const auto& each = notes[i - 1];
        if (each.producer == who && each.batch.client_base == client_base && each.batch.client_count == client_count) {
            notes.erase(notes.begin() + static_cast<std::ptrdiff_t>(i - 1));
            found_at_start_.note_entries.erase(found_at_start_.note_entries.begin() +
                                               static_cast<std::ptrdiff_t>(i - 1));
            return;
        }
    }
}

void fault_journal::own_producer(broker::producer_identity own) {
    auto out = record_of(static_cast<std::uint8_t>(kind::own_producer));
    out.i64(own.id);
    out.i16(own.epoch);
    journal_->add(out.take().flatten().view());
}

void fault_journal::add_rewritten(const fault::sequence_note* note, const std::vector<ledger_sequence>& entries,
                                  std::span<const fault::held_message> held) {
    auto out = record_of(static_cast<std::uint8_t>(kind::rewritten));
    out.boolean(note != nullptr);
    if (note != nullptr) {
        put(out, note->producer);
        out.i32(note->batch.client_base);
        out.i32(note->batch.client_count);
        out.i32(note->batch.stored_base);
        out.i32(note->batch.stored);
        out.boolean(note->batch.same);
        put(out, note->batch.rewritten);
    }
    put(out, entries);
    out.uvarint(static_cast<std::uint32_t>(held.size()));
    for (const auto& each : held) {
        write_message(out, each);
    }
    journal_->add(out.take().flatten().view());
}

result<void> fault_journal::rewritten(const std::vector<fault::sequence_note>& notes,
                                      const std::vector<ledger_sequence>& entries,
                                      std::vector<fault::held_message>& held) {
    for (auto& each : held) {
        each.id = next_id_++;
    }
    for (std::size_t i = 0; i + 1 < notes.size(); ++i) {
        still_noted(notes[i]);
    }
    add_rewritten(notes.empty() ? nullptr : &notes.back(), entries, held);
    return keep_now();
}

void fault_journal::refused(const fault::sequence_note& note) {
    auto out = record_of(static_cast<std::uint8_t>(kind::refused));
    put(out, note.producer);
    out.i32(note.batch.client_base);
    out.i32(note.batch.client_count);
    journal_->add(out.take().flatten().view());
}

void fault_journal::still_noted(const fault::sequence_note& note) { add_rewritten(&note, {}, {}); }
void fault_journal::still_held(const fault::held_message& message) { add_rewritten(nullptr, {}, {&message, 1}); }

result<void> fault_journal::delivering(const std::vector<fault::held_message>& messages) {
    auto out = record_of(static_cast<std::uint8_t>(kind::delivering));
    out.uvarint(static_cast<std::uint32_t>(messages.size()));
    for (const auto& each : messages) {
        out.u64(each.id);
        out.i32(each.sequence.value_or(-1));
    }
    journal_->add(out.take().flatten().view());
    return keep_now();
}

void fault_journal::not_delivered(std::uint64_t id) {
    auto out = record_of(static_cast<std::uint8_t>(kind::delivering));
    out.uvarint(1);
    out.u64(id);
    out.i32(-1);
    journal_->add(out.take().flatten().view());
}

void fault_journal::gone(std::uint64_t id) {
    auto out = record_of(static_cast<std::uint8_t>(kind::gone));
    out.u64(id);
    journal_->add(out.take().flatten().view());
}

void fault_journal::note_failure(const result<void>& done) {
    if (!done && !failed_) {
        failed_ = done.error();
    }
}

/// What follows, in other files, must not be kept without this.
result<void> fault_journal::keep_now() {
    if (!failed_) {
        const bool each_time = flush_.when == broker::flush_setting::moment::every_batch;
        note_failure(each_time ? journal_->sync() : journal_->write());
        unsynced_ = !each_time;
    }
    return verdict();
}

result<void> fault_journal::commit() {
    if (journal_->has_unwritten() && !failed_) {
        unsynced_ = true;
    }
    if (!failed_ && unsynced_) {
        if (journal_->has_grown()) {
            note_failure(journal_->begin_anew([this](storage::journal&) { state_(*this); }));
            unsynced_ = false;
        } else {
            keep_now();
        }
        const bool at_intervals = flush_.when == broker::flush_setting::moment::at_intervals;
        if (at_intervals && unsynced_ && !next_flush_) {
            next_flush_ = time_.now() + flush_.interval;
        }
        unsynced_ = unsynced_ && at_intervals;
    }
    return verdict();
}

result<void> fault_journal::flush() {
    if (!failed_) {
        note_failure(journal_->sync());
        unsynced_ = false;
        next_flush_.reset();
    }
    return verdict();
}

void fault_journal::advance(mono_time now) {
    if (next_flush_ && *next_flush_ <= now) {
        flush(); // a failure is told by the next commit
    }
}

} // namespace cb::proxy
