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

/// Sequences start over at 2^31: "after" is less than half of the circle ahead.
constexpr bool comes_after(std::int32_t sequence, std::int32_t other) {
    const auto ahead = (static_cast<std::int64_t>(sequence) - other) & 0x7fffffff;
    return ahead != 0 && ahead < 0x40000000;
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

rewrite_result produce_rewriter::resend(const remembered_batch& earlier, const wire::slice& batch,
                                        bool checksum_known) const {
    rewrite_result out;
    out.stored = earlier.stored;
    out.changed = !earlier.same;
    out.batch = earlier.same ? batch : earlier.rewritten;
    out.checksum_known = checksum_known || !earlier.same;
    return out;
}

/// One message before the rules. Its fields are read when a rule asks for them, and a draft is made when an effect is
/// tried: most messages need neither. Used again for the next message.
class produce_rewriter::candidate {
public:
    explicit candidate(const record::packed_records& records) : records_(records) {}

    void begin(std::size_t index, std::uint64_t ordinal) {
        index_ = index;
        ordinal_ = ordinal;
        read_ = false;
        drafted_ = false;
    }
    [[nodiscard]] std::uint64_t ordinal() const { return ordinal_; }
    [[nodiscard]] std::int32_t offset_delta() const { return records_[index_].offset_delta; }
    /// As the client sent it.
    const record::record_view& sent() {
        if (!read_) {
            records_.read(index_, sent_);
            read_ = true;
        }
        return sent_;
    }
    /// What the rules so far left of it.
    const record::record_view& now() { return drafted_ ? message_.draft.record : sent(); }
    [[nodiscard]] bool deleted() const { return drafted_ && message_.draft.deleted; }
    judged& draft() {
        if (!drafted_) {
            message_ = {index_, {}, {}};
            message_.draft.record = sent();
            drafted_ = true;
        }
        return message_;
    }
    [[nodiscard]] bool has_entries() const { return drafted_ && !message_.entries.empty(); }
    judged take() {
        drafted_ = false;
        return std::move(message_);
    }

private:
    const record::packed_records& records_;
    std::size_t index_ = 0;
    std::uint64_t ordinal_ = 0;
    bool read_ = false;
    bool drafted_ = false;
    record::record_view sent_;
    judged message_;
};

ledger_entry produce_rewriter::entry_for(const work& at, const compiled_rule& rule, candidate& message) const {
    const auto& sent = message.sent();
    const auto& before = message.now();
    ledger_entry entry;
    entry.rule = rule.text.name;
    entry.effect = effect_name(rule.text.what);
    entry.attempt = at.who.attempt;
    entry.connection = at.who.connection;
    entry.client_id = at.who.client_id;
    entry.api = "Produce";
    entry.topic = at.topic;
    entry.partition = at.partition;
    entry.ordinal = static_cast<std::int64_t>(message.ordinal());
    if (at.header.producer_id >= 0) {
        entry.sequence_number = sequence_after(at.header.base_sequence, message.offset_delta());
    }
    entry.key = key_text(keys_, sent.key);
    entry.record_hash = record_hash(sent);
    entry.bytes_before = before.value ? static_cast<std::int64_t>(before.value->size()) : -1;
    entry.trace_id = trace_id_of(sent);
    return entry;
}

/// Every draw hangs on the message as it was sent, so that rules which share a draw see the same one, whatever the
/// rules before them did to it. What a rule selects by is what the rules before it left.
void produce_rewriter::judge_record(const work& at, const place& where, candidate& message) {
    for (const auto& each : at.rules) {
        if (message.deleted()) {
            return;
        }
        const auto& rule = *each.rule;
        if (rule.reads_records() && !rule.selects_record(message.now())) {
            continue;
        }
        identity fate;
        switch (rule.text.draw_by) {
        case draw_key::position: fate = where.at(message.ordinal()); break;
        case draw_key::content: fate = content_identity(message.sent()); break;
        case draw_key::key: fate = key_identity(message.sent()); break;
        case draw_key::header: fate = header_identity(message.sent(), rule.text.draw_header); break;
        }
        const auto said = judge(rule, at.seed, fate, ledger_.writable());
        const auto why_not = said.acts ? apply(at, rule, fate, message) : said.why_not;
        each.count(said.acts && why_not.empty(), why_not);
    }
}

/// Tries the effect on a copy: without an entry in the ledger nothing happens to the message.
std::string_view produce_rewriter::apply(const work& at, const compiled_rule& rule, identity fate, candidate& message) {
    auto& target = message.draft();
    auto tried = target.draft.copy();
    auto random = effect_random(rule, at.seed, fate);
    if (const auto why_not = rule.effect->apply(tried, random); !why_not.empty()) {
        return why_not;
    }
    auto entry = entry_for(at, rule, message);
    const bool has_value = !tried.deleted && tried.record.value.has_value();
    entry.bytes_after = has_value ? static_cast<std::int64_t>(tried.record.value->size()) : -1;
    const auto sequence = ledger_.open(std::move(entry));
    if (!ledger_.writable()) {
        ledger_.close(sequence, entry_state::undone);
        return not_in_ledger;
    }
    target.draft = std::move(tried);
    target.entries.push_back(sequence);
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

void produce_rewriter::judge_all(const work& at) {
    static_assert(std::is_nothrow_move_constructible_v<judged>, "a copy's views would point into the old one");
    const place where(at.who.client_id, at.topic, at.partition);
    candidate message(records_);
    for (std::size_t i = 0; i < records_.size(); ++i) {
        message.begin(i, at.first_ordinal + i);
        judge_record(at, where, message);
        if (message.has_entries()) {
            judged_.push_back(message.take());
        }
    }
}

/// Packs what is left without gaps; false when the codec refuses.
bool produce_rewriter::rebuild(const work& at, rewrite_result& out) {
    auto options = record::batch_options::like(at.header);
    options.base_sequence = at.stored_base;
    record::batch_builder builder(options, pool_.take(record::batch_header_bytes + records_.bytes().size()));
    std::size_t next = 0;
    for (const auto& message : judged_) {
        builder.add_renumbered(records_, next, message.index);
        next = message.index + 1;
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
    builder.add_renumbered(records_, next, records_.size());
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

/// False when the batch's records cannot be read.
bool produce_rewriter::rewrite_records(const work& at, const wire::slice& batch, rewrite_result& out) {
    if (!records_.assign(at.header, batch)) {
        records_.clear();
        return false;
    }
    judge_all(at);
    const bool any = std::any_of(judged_.begin(), judged_.end(), [](const judged& m) { return touched(m.draft); });
    if (any && !rebuild(at, out)) {
        // The codec refuses: what the client sent goes on as it is, and nothing was done.
        for (const auto& message : judged_) {
            for (const auto entry : message.entries) {
                ledger_.close(entry, entry_state::undone);
            }
        }
        out = {};
        out.batch = batch;
        out.checksum_known = true;
        out.stored = at.header.record_count;
    }
    judged_.clear();
    records_.clear();
    return true;
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
    if (!at.rules.empty()) {
        if (!record::validate(batch.view())) {
            return out;
        }
        out.checksum_known = true;
    }
    const bool idempotent = header->producer_id >= 0 && header->base_sequence >= 0;
    sequence_state* sequences = idempotent ? &sequences_of(at.producer, header->base_sequence) : nullptr;
    if (sequences != nullptr) {
        if (const auto* earlier = find_resent(*sequences, *header); earlier != nullptr) {
            return resend(*earlier, batch, out.checksum_known);
        }
        // A base that is not the expected one keeps its distance: the broker sees the same gap that the client made.
        const auto distance = static_cast<std::int64_t>(header->base_sequence) - sequences->next_client;
        at.stored_base = sequence_after(sequences->next_stored, distance);
        if (stored_before(at)) {
            // A resend of a batch that passed when no rule was on, or before a restart: it was stored as it is.
            if (at.stored_base != header->base_sequence && (out.checksum_known || record::validate(batch.view()))) {
                out.batch = renumbered(batch, *header, at.stored_base);
                out.changed = true;
                out.checksum_known = true;
            }
            return out;
        }
    }
    at.first_ordinal = take_ordinals(who.client_id, topic, partition, static_cast<std::uint64_t>(header->record_count));

    if (!at.rules.empty() && !rewrite_records(at, batch, out)) {
        return out;
    }
    if (sequences != nullptr) {
        if (!out.changed && at.stored_base != header->base_sequence) {
            if (!out.checksum_known && !record::validate(batch.view())) {
                return out; // a new checksum would hide what is wrong with it
            }
            out.batch = renumbered(batch, *header, at.stored_base);
            out.changed = true;
            out.checksum_known = true;
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
            return resend(*earlier, batch, false);
        }
        work at{{}, 0, who, topic, partition, *header, {}, 0, header->base_sequence, producer};
        const auto distance = static_cast<std::int64_t>(header->base_sequence) - sequences.next_client;
        at.stored_base = sequence_after(sequences.next_stored, distance);
        note(sequences, at, out);
    }
    take_ordinals(who.client_id, topic, partition, static_cast<std::uint64_t>(header->record_count));
    return out;
}

const remembered_batch* produce_rewriter::find_resent(const sequence_state& in, const record::batch_header& header) {
    const auto found = std::find_if(in.batches.begin(), in.batches.end(), [&](const remembered_batch& earlier) {
        return earlier.client_base == header.base_sequence && earlier.client_count == header.record_count;
    });
    return found == in.batches.end() ? nullptr : &*found;
}

bool produce_rewriter::has_moved(const wire::slice& batch) const {
    if (moved_.empty()) {
        return false;
    }
    const auto header = record::parse_header(batch.view());
    return header && moved_.contains(header->producer_id);
}

bool produce_rewriter::stored_before(const work& at) const {
    const auto last = last_stored_(at.producer);
    const auto end = sequence_after(at.stored_base, at.header.record_count - 1);
    return last && !comes_after(end, *last);
}

void produce_rewriter::restore(const sequence_note& what) {
    auto& state = sequences_of(what.producer, what.batch.client_base);
    if (what.batch.client_count > 0) {
        state.batches.push_back(what.batch);
        state.batches.back().noted = true;
        if (state.batches.size() > limits::batches_remembered_per_producer) {
            state.batches.pop_front();
        }
    }
    state.noted = true;
    state.next_client = sequence_after(what.batch.client_base, what.batch.client_count);
    state.next_stored = sequence_after(what.batch.stored_base, what.batch.stored);
    moved_[what.producer.producer_id] = what.producer.epoch;
}

void produce_rewriter::each_note(const std::function<void(const sequence_note&)>& what) const {
    // The longest unused first, so that they are again when this is read back.
    for (auto who = recently_used_.rbegin(); who != recently_used_.rend(); ++who) {
        const auto& state = sequences_.at(*who);
        if (!state.noted) {
            continue;
        }
        for (const auto& batch : state.batches) {
            what({*who, batch});
        }
        what(position(*who, state));
    }
}

void produce_rewriter::note(sequence_state& in, const work& at, rewrite_result& what) {
    in.batches.push_back({at.header.base_sequence, at.header.record_count, at.stored_base, what.stored, !what.changed,
                          what.changed ? what.batch : wire::slice()});
    for (auto& each : in.batches) {
        if (what.changed && !std::exchange(each.noted, true)) {
            what.notes.push_back({at.producer, each});
        }
    }
    in.noted = in.noted || what.changed;
    if (in.batches.size() > limits::batches_remembered_per_producer) {
        in.batches.pop_front();
    }
    in.next_client = sequence_after(at.header.base_sequence, at.header.record_count);
    in.next_stored = sequence_after(at.stored_base, what.stored);
    if (in.next_client != in.next_stored) {
        moved_[at.header.producer_id] = at.header.producer_epoch;
    }
}

std::optional<sequence_note> produce_rewriter::refused(const std::string& topic, std::int32_t partition,
                                                       const wire::slice& client_batch) {
    const auto header = record::parse_header(client_batch.view());
    if (!header || header->producer_id < 0) {
        return std::nullopt;
    }
    const auto found = sequences_.find({header->producer_id, header->producer_epoch, topic, partition});
    if (found == sequences_.end() || found->second.batches.empty()) {
        return std::nullopt;
    }
    auto& state = found->second;
    const auto& last = state.batches.back();
    if (last.client_base != header->base_sequence || last.client_count != header->record_count) {
        return std::nullopt;
    }
    state.next_client = last.client_base;
    state.next_stored = last.stored_base;
    auto note = last.noted ? std::optional(sequence_note{found->first, last}) : std::nullopt;
    state.batches.pop_back();
    return note;
}

/// Of a producer that may have been forgotten meanwhile: it goes on behind what its log holds.
produce_rewriter::sequence_state& produce_rewriter::sequences_as_stored(const producer_partition& who) {
    if (sequences_.contains(who)) {
        return sequences_of(who, 0);
    }
    const auto last = last_stored_(who);
    return sequences_of(who, last ? sequence_after(*last, 1) : 0);
}

std::int32_t produce_rewriter::take_sequence(const producer_partition& who) {
    auto& state = sequences_as_stored(who);
    state.noted = true;
    moved_[who.producer_id] = who.epoch;
    return std::exchange(state.next_stored, sequence_after(state.next_stored, 1));
}

void produce_rewriter::put_back_sequence(const producer_partition& who, std::int32_t sequence) {
    auto& state = sequences_as_stored(who);
    if (comes_after(state.next_stored, sequence)) {
        state.next_stored = sequence;
    }
}

void produce_rewriter::sequence_was_taken(const producer_partition& who, std::int32_t sequence) {
    auto& state = sequences_as_stored(who);
    state.noted = true;
    moved_[who.producer_id] = who.epoch;
    if (!comes_after(state.next_stored, sequence)) {
        state.next_stored = sequence_after(sequence, 1);
    }
}

sequence_note produce_rewriter::position_of(const producer_partition& who) {
    return position(who, sequences_as_stored(who));
}

sequence_note produce_rewriter::position(const producer_partition& who, const sequence_state& state) {
    return {who, {state.next_client, 0, state.next_stored, 0, true, {}, true}};
}

} // namespace cb::fault
