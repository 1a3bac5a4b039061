// SPDX-License-Identifier: Apache-2.0
#include "fault/produce_rewriter.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace cb::fault {
namespace {

constexpr std::int32_t sequence_after(std::int32_t sequence, std::int64_t by) {
    return static_cast<std::int32_t>((static_cast<std::int64_t>(sequence) + by) & 0x7fffffff);
}

bool touched(const message_draft& draft) {
    return draft.changed || draft.deleted || draft.late_by || draft.copies > 0 || draft.reordered;
}

/// The batch with another sequence, all else the same.
wire::slice renumbered(const wire::slice& batch, const record::batch_header& header, std::int32_t sequence) {
    std::vector<std::byte> bytes(batch.view().begin(), batch.view().end());
    record::set_producer(bytes, header.producer_id, header.producer_epoch, sequence);
    return wire::slice::from(std::move(bytes));
}

} // namespace

owned_message owned_message::copy(const record::record_view& from, std::int64_t timestamp_ms) {
    owned_message out;
    out.has_key = from.key.has_value();
    out.has_value = from.value.has_value();
    if (from.key) {
        out.key = wire::slice::copy_of(*from.key);
    }
    if (from.value) {
        out.value = wire::slice::copy_of(*from.value);
    }
    for (const auto& header : from.headers) {
        out.headers.emplace_back(std::string(header.key),
                                 header.value ? std::optional(wire::slice::copy_of(*header.value)) : std::nullopt);
    }
    out.timestamp_ms = timestamp_ms;
    return out;
}

record::record_view owned_message::view() const {
    record::record_view out;
    if (has_key) {
        out.key = key.view();
    }
    if (has_value) {
        out.value = value.view();
    }
    for (const auto& [name, bytes] : headers) {
        out.headers.push_back({name, bytes ? std::optional(bytes->view()) : std::nullopt});
    }
    return out;
}

std::size_t owned_message::bytes() const {
    auto sum = sizeof(held_message) + key.size() + value.size();
    for (const auto& [name, bytes] : headers) {
        sum += name.size() + (bytes ? bytes->size() : 0);
    }
    return sum;
}

std::optional<std::string> key_text(key_form form, const std::optional<wire::bytes_view>& key) {
    if (!key || form == key_form::none) {
        return std::nullopt;
    }
    const auto text = wire::as_text(*key);
    return form == key_form::full ? std::string(text) : fmt::format("{:016x}", stable_hash(text));
}

std::string trace_id_of(const record::record_view& record) {
    for (const auto& header : record.headers) {
        // version-traceid-parent-flags, the id 32 characters long (W3C Trace Context).
        if (header.key == "traceparent" && header.value && header.value->size() >= 35) {
            return std::string(wire::as_text(*header.value).substr(3, 32));
        }
    }
    return {};
}

std::uint64_t record_hash(const record::record_view& record) { return content_identity(record).hash; }

std::uint64_t produce_rewriter::take_ordinals(std::string_view client_id, const std::string& topic,
                                              std::int32_t partition, std::uint64_t count) {
    const ordinals_key key{std::string(client_id), topic, partition};
    auto found = ordinals_.find(key);
    if (found == ordinals_.end()) {
        if (ordinals_.size() >= limits::ordinal_counters) {
            ordinals_.erase(ordinals_.begin());
        }
        found = ordinals_.emplace(key, 0).first;
    }
    return std::exchange(found->second, found->second + count);
}

produce_rewriter::sequence_state& produce_rewriter::sequences_of(const producer_partition& who,
                                                                 std::int32_t client_base) {
    const auto found = sequences_.find(who);
    if (found != sequences_.end()) {
        recently_used_.splice(recently_used_.begin(), recently_used_, found->second.used);
        return found->second;
    }
    if (sequences_.size() >= sequence_maps_max_) {
        forget_longest_unused();
    }
    auto& made = sequences_[who];
    made.next_client = client_base;
    made.next_stored = client_base;
    made.used = recently_used_.insert(recently_used_.begin(), who);
    return made;
}

void produce_rewriter::forget_longest_unused() {
    const auto oldest = recently_used_.back();
    recently_used_.pop_back();
    sequences_.erase(oldest);
    const producer_partition first_of{oldest.producer_id, std::numeric_limits<std::int16_t>::min(), {}, 0};
    const auto next = sequences_.lower_bound(first_of);
    if (next == sequences_.end() || next->first.producer_id != oldest.producer_id) {
        moved_.erase(oldest.producer_id);
    }
}

rewrite_result produce_rewriter::resend(const remembered& earlier, const wire::slice& batch) const {
    rewrite_result out;
    out.stored = earlier.stored;
    out.changed = !earlier.same;
    out.batch = earlier.same ? batch : earlier.rewritten;
    return out;
}

ledger_entry produce_rewriter::entry_for(const work& at, const compiled_rule& rule, std::uint64_t ordinal,
                                         const record::record_view& sent, const message_draft& before) const {
    ledger_entry entry;
    entry.rule = rule.text.name;
    entry.effect = effect_name(rule.text.what);
    entry.attempt = at.who.attempt;
    entry.connection = at.who.connection;
    entry.client_id = at.who.client_id;
    entry.api = "Produce";
    entry.topic = at.topic;
    entry.partition = at.partition;
    entry.ordinal = static_cast<std::int64_t>(ordinal);
    if (at.header.producer_id >= 0) {
        entry.sequence_number = sequence_after(at.header.base_sequence, before.record.offset_delta);
    }
    entry.key = key_text(keys_, sent.key);
    entry.record_hash = record_hash(sent);
    entry.bytes_before = before.record.value ? static_cast<std::int64_t>(before.record.value->size()) : -1;
    entry.trace_id = trace_id_of(sent);
    return entry;
}

/// Every draw hangs on the message as it was sent, so that rules which share a draw see the same one, whatever the
/// rules before them did to it. What a rule selects by is what the rules before it left.
void produce_rewriter::judge_record(const work& at, const place& where, std::uint64_t ordinal,
                                    const record::record_view& sent, judged& message) {
    auto& draft = message.draft;
    for (const auto& each : at.rules) {
        if (draft.deleted) {
            return;
        }
        const auto& rule = *each.rule;
        if (!rule.selects_record(draft.record)) {
            continue;
        }
        identity fate;
        switch (rule.text.draw_by) {
        case draw_key::position: fate = where.at(ordinal); break;
        case draw_key::content: fate = content_identity(sent); break;
        case draw_key::key: fate = key_identity(sent); break;
        case draw_key::header: fate = header_identity(sent, rule.text.draw_header); break;
        }
        const auto said = judge(rule, at.seed, fate, ledger_.writable());
        const auto why_not = said.acts ? apply(at, rule, fate, ordinal, sent, message) : said.why_not;
        each.count(said.acts && why_not.empty(), why_not);
    }
}

/// Tries the effect on a copy: without an entry in the ledger nothing happens to the message.
std::string_view produce_rewriter::apply(const work& at, const compiled_rule& rule, identity fate,
                                         std::uint64_t ordinal, const record::record_view& sent, judged& message) {
    auto tried = message.draft.copy();
    auto random = effect_random(rule, at.seed, fate);
    if (const auto why_not = rule.effect->apply(tried, random); !why_not.empty()) {
        return why_not;
    }
    auto entry = entry_for(at, rule, ordinal, sent, message.draft);
    const bool has_value = !tried.deleted && tried.record.value.has_value();
    entry.bytes_after = has_value ? static_cast<std::int64_t>(tried.record.value->size()) : -1;
    const auto sequence = ledger_.open(std::move(entry));
    if (!ledger_.writable()) {
        ledger_.close(sequence, entry_state::undone);
        return not_in_ledger;
    }
    message.draft = std::move(tried);
    message.entries.push_back(sequence);
    return {};
}

void produce_rewriter::hold(const work& at, const judged& message, std::vector<held_message>& into) const {
    const auto& draft = message.draft;
    const bool whole = draft.late_by || draft.reordered;
    const auto late_by = draft.late_by.value_or(nanoseconds(0));
    const auto first_due = at.now + (draft.reordered ? draft.reordered->within : whole ? late_by : draft.copies_after);
    const auto times = whole ? 1 + draft.copies : draft.copies;
    for (std::int32_t time = 0; time < times; ++time) {
        held_message held;
        held.topic = at.topic;
        held.partition = at.partition;
        held.message = owned_message::copy(draft.record, at.header.base_timestamp + draft.record.timestamp_delta);
        held.due = whole && time > 0 ? first_due + draft.copies_after : first_due;
        held.reordered = draft.reordered;
        held.late_by = draft.reordered ? late_by : nanoseconds(0);
        if (time == 0) {
            held.entries = message.entries; // they close when the message is delivered
        }
        if (at.header.transactional()) {
            held.transaction = at.producer;
            held.transactional_id = at.who.transactional_id;
        }
        into.push_back(std::move(held));
    }
}

std::vector<produce_rewriter::judged> produce_rewriter::judge_all(const work& at, const record::record_set& records) {
    std::vector<judged> out(records.records.size());
    const place where(at.who.client_id, at.topic, at.partition);
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i].draft.record = records.records[i];
        judge_record(at, where, at.first_ordinal + i, records.records[i], out[i]);
    }
    return out;
}

/// Packs what is left without gaps; false when the codec refuses.
bool produce_rewriter::rebuild(const work& at, const std::vector<judged>& messages, rewrite_result& out) const {
    auto options = record::batch_options::like(at.header);
    options.base_sequence = at.stored_base;
    record::batch_builder builder(options);
    for (const auto& message : messages) {
        const auto& draft = message.draft;
        const bool copies_now = draft.copies_after <= nanoseconds::zero();
        const bool leaves_now = !draft.deleted && !draft.late_by && !draft.reordered;
        const auto times = leaves_now ? 1 + (copies_now ? draft.copies : 0) : 0;
        for (std::int32_t time = 0; time < times; ++time) {
            auto record = draft.record;
            record.offset_delta = static_cast<std::int32_t>(builder.count());
            builder.add(record);
        }
        const bool held_back = !draft.deleted && (!leaves_now || (draft.copies > 0 && !copies_now));
        if (held_back) {
            hold(at, message, out.held);
        } else {
            out.entries.insert(out.entries.end(), message.entries.begin(), message.entries.end());
        }
    }
    out.changed = true;
    out.stored = static_cast<std::int32_t>(builder.count());
    out.batch = {};
    if (out.stored == 0) {
        return true;
    }
    auto built = builder.build();
    if (built) {
        out.batch = std::move(*built);
    }
    return built.has_value();
}

rewrite_result produce_rewriter::rewrite(const std::vector<const compiled_rule*>& rules, std::uint64_t seed,
                                         const request_context& who, const std::string& topic, std::int32_t partition,
                                         const wire::slice& batch, mono_time now) {
    rewrite_result out;
    out.batch = batch;
    const auto header = record::parse_header(batch.view());
    if (!header || header->total_bytes() != batch.size() || header->control() || header->record_count <= 0) {
        return out;
    }
    out.stored = header->record_count;
    work at{{},
            seed,
            who,
            topic,
            partition,
            *header,
            now,
            0,
            header->base_sequence,
            {header->producer_id, header->producer_epoch, topic, partition}};
    for (const auto* rule : rules) {
        if (rule->selects_topic(topic) && rule->selects_partition(partition)) {
            at.rules.emplace_back(*rule, topic, partition);
        }
    }
    // The checksum costs more than all else here: it is looked at where the batch is.
    if (!at.rules.empty() && !record::validate(batch.view())) {
        return out;
    }
    const bool idempotent = header->producer_id >= 0 && header->base_sequence >= 0;
    sequence_state* sequences = idempotent ? &sequences_of(at.producer, header->base_sequence) : nullptr;
    if (sequences != nullptr) {
        if (const auto* earlier = find_resent(*sequences, *header); earlier != nullptr) {
            return resend(*earlier, batch);
        }
        // A base that is not the expected one keeps its distance: the broker sees the same gap that the client made.
        const auto distance = static_cast<std::int64_t>(header->base_sequence) - sequences->next_client;
        at.stored_base = sequence_after(sequences->next_stored, distance);
    }
    at.first_ordinal = take_ordinals(who.client_id, topic, partition, static_cast<std::uint64_t>(header->record_count));

    if (!at.rules.empty()) {
        const auto records = record::read_records(*header, batch);
        if (!records) {
            return out;
        }
        const auto messages = judge_all(at, *records);
        const bool any =
            std::any_of(messages.begin(), messages.end(), [](const judged& m) { return touched(m.draft); });
        if (any && !rebuild(at, messages, out)) {
            // The codec refuses: what the client sent goes on as it is, and nothing was done.
            for (const auto& message : messages) {
                for (const auto entry : message.entries) {
                    ledger_.close(entry, entry_state::undone);
                }
            }
            out = {};
            out.batch = batch;
            out.stored = header->record_count;
        }
    }
    if (sequences != nullptr) {
        if (!out.changed && at.stored_base != header->base_sequence) {
            if (at.rules.empty() && !record::validate(batch.view())) {
                return out; // a new checksum would hide what is wrong with it
            }
            out.batch = renumbered(batch, *header, at.stored_base);
            out.changed = true;
        }
        note(*sequences, at, out);
    }
    return out;
}

rewrite_result produce_rewriter::swallow(const request_context& who, const std::string& topic, std::int32_t partition,
                                         const wire::slice& batch) {
    rewrite_result out;
    out.changed = true;
    const auto header = record::parse_header(batch.view());
    if (!header || header->control() || header->record_count <= 0) {
        return out;
    }
    if (header->producer_id >= 0 && header->base_sequence >= 0) {
        const producer_partition producer{header->producer_id, header->producer_epoch, topic, partition};
        auto& sequences = sequences_of(producer, header->base_sequence);
        if (const auto* earlier = find_resent(sequences, *header); earlier != nullptr) {
            return resend(*earlier, batch);
        }
        work at{{}, 0, who, topic, partition, *header, {}, 0, header->base_sequence, producer};
        const auto distance = static_cast<std::int64_t>(header->base_sequence) - sequences.next_client;
        at.stored_base = sequence_after(sequences.next_stored, distance);
        note(sequences, at, out);
    }
    take_ordinals(who.client_id, topic, partition, static_cast<std::uint64_t>(header->record_count));
    return out;
}

const produce_rewriter::remembered* produce_rewriter::find_resent(const sequence_state& in,
                                                                  const record::batch_header& header) {
    const auto found = std::find_if(in.batches.begin(), in.batches.end(), [&](const remembered& earlier) {
        return earlier.client_base == header.base_sequence && earlier.client_count == header.record_count;
    });
    return found == in.batches.end() ? nullptr : &*found;
}

void produce_rewriter::note(sequence_state& in, const work& at, const rewrite_result& what) {
    in.batches.push_back({at.header.base_sequence, at.header.record_count, at.stored_base, what.stored, !what.changed,
                          what.changed ? what.batch : wire::slice()});
    if (in.batches.size() > limits::batches_remembered_per_producer) {
        in.batches.pop_front();
    }
    in.next_client = sequence_after(at.header.base_sequence, at.header.record_count);
    in.next_stored = sequence_after(at.stored_base, what.stored);
    if (in.next_client != in.next_stored) {
        moved_[at.header.producer_id] = at.header.producer_epoch;
    }
}

void produce_rewriter::refused(const std::string& topic, std::int32_t partition, const wire::slice& client_batch) {
    const auto header = record::parse_header(client_batch.view());
    if (!header || header->producer_id < 0) {
        return;
    }
    const auto found = sequences_.find({header->producer_id, header->producer_epoch, topic, partition});
    if (found == sequences_.end() || found->second.batches.empty()) {
        return;
    }
    auto& state = found->second;
    auto& last = state.batches.back();
    if (last.client_base == header->base_sequence && last.client_count == header->record_count) {
        state.next_client = last.client_base;
        state.next_stored = last.stored_base;
        state.batches.pop_back();
    }
}

std::int32_t produce_rewriter::take_sequence(const producer_partition& who) {
    auto& state = sequences_of(who, 0);
    moved_[who.producer_id] = who.epoch;
    return std::exchange(state.next_stored, sequence_after(state.next_stored, 1));
}

} // namespace cb::fault
