// SPDX-License-Identifier: Apache-2.0
#include "fault/fetch_rewriter.hpp"

#include <algorithm>

namespace cb::fault {

fetch_rewrite fetch_rewriter::rewrite(const std::vector<const compiled_rule*>& rules, std::uint64_t seed,
                                      const request_context& who, const std::string& topic, std::int32_t partition,
                                      const wire::slice& records) {
    const auto reader = who.group != nullptr ? std::string_view(*who.group) : who.client_id;
    work work_here{{}, seed, who, topic, partition, place(reader, topic, partition)};
    auto& chosen = work_here.rules;
    for (const auto* rule : rules) {
        if (!rule->selects_topic(topic) || !rule->selects_partition(partition)) {
            continue;
        }
        if (rule->names_group() && who.group == nullptr) {
            count(*rule, topic, partition, false, "group unknown");
        } else if (!rule->names_group() || rule->selects_group(*who.group)) {
            chosen.emplace_back(*rule, topic, partition);
        }
    }
    fetch_rewrite out;
    std::size_t at = 0;
    while (!chosen.empty() && at < records.size()) {
        const auto rest = records.subslice(at);
        const auto header = record::parse_header(rest.view());
        if (!header || header->total_bytes() > rest.size()) {
            break; // a batch that was cut at the end: the reader asks for it again
        }
        const auto batch = rest.subslice(0, header->total_bytes());
        auto changed = header->control() ? std::nullopt : rewrite_batch(work_here, *header, batch);
        out.changed = out.changed || changed.has_value();
        out.records.append(changed ? std::move(*changed) : batch);
        at += header->total_bytes();
    }
    out.records.append(records.subslice(at));
    return out;
}

std::optional<wire::slice> fetch_rewriter::rewrite_batch(const work& at, const record::batch_header& header,
                                                         const wire::slice& batch) {
    const auto records = record::read_records(header, batch);
    if (!records) {
        return std::nullopt;
    }
    auto options = record::batch_options::like(header);
    options.last_offset_delta = header.last_offset_delta;
    options.max_timestamp = header.max_timestamp;
    record::batch_builder builder(options);
    bool changed = false;
    bool wrong_crc = false;
    for (const auto& each : records->records) {
        message_draft draft;
        draft.record = each;
        judge_record(at, header.base_offset + each.offset_delta, each, draft);
        changed = changed || draft.changed || draft.deleted || draft.wrong_crc;
        wrong_crc = wrong_crc || draft.wrong_crc;
        if (!draft.deleted) {
            builder.add(draft.record);
        }
    }
    if (!changed) {
        return std::nullopt;
    }
    // A new checksum must not hide that the stored one is wrong.
    wrong_crc = wrong_crc || !record::validate(batch.view());
    auto built = builder.count() == 0
                     ? result<wire::slice>(record::skip_batch(header.base_offset, header.last_offset(),
                                                              header.partition_leader_epoch, header.max_timestamp))
                     : builder.build();
    if (!built) {
        return std::nullopt;
    }
    if (wrong_crc) {
        std::vector<std::byte> bytes(built->view().begin(), built->view().end());
        bytes[record::position::crc] ^= std::byte{0x5a};
        return wire::slice::from(std::move(bytes));
    }
    return *built;
}

void fetch_rewriter::judge_record(const work& at, std::int64_t offset, const record::record_view& stored,
                                  message_draft& draft) {
    const auto fate = at.where.at(static_cast<std::uint64_t>(offset));
    for (const auto& each : at.rules) {
        if (draft.deleted) {
            return;
        }
        const auto& rule = *each.rule;
        if (!rule.selects_offset(offset) || !rule.selects_record(draft.record)) {
            continue;
        }
        const auto said = judge(rule, at.seed, fate, ledger_.writable());
        const auto why_not = said.acts ? apply(at, rule, fate, offset, stored, draft) : said.why_not;
        each.count(said.acts && why_not.empty(), why_not);
    }
}

/// Tries the effect on a copy: without an entry in the ledger the reader sees the message as it is.
std::string_view fetch_rewriter::apply(const work& at, const compiled_rule& rule, identity fate, std::int64_t offset,
                                       const record::record_view& stored, message_draft& draft) {
    auto tried = draft.copy();
    auto random = effect_random(rule, at.seed, fate);
    if (const auto why_not = rule.effect->apply(tried, random); !why_not.empty()) {
        return why_not;
    }
    ledger_entry entry;
    entry.rule = rule.text.name;
    entry.effect = effect_name(rule.text.what);
    entry.connection = at.who.connection;
    entry.client_id = at.who.client_id;
    entry.api = "Fetch";
    entry.topic = at.topic;
    entry.partition = at.partition;
    entry.offset = offset;
    entry.key = key_text(keys_, stored.key);
    entry.record_hash = record_hash(stored);
    entry.trace_id = trace_id_of(stored);
    entry.bytes_before = draft.record.value ? static_cast<std::int64_t>(draft.record.value->size()) : -1;
    const bool has_value = !tried.deleted && tried.record.value.has_value();
    entry.bytes_after = has_value ? static_cast<std::int64_t>(tried.record.value->size()) : -1;
    const auto sequence = ledger_.open(std::move(entry));
    if (!ledger_.writable()) {
        ledger_.close(sequence, entry_state::undone);
        return not_in_ledger;
    }
    ledger_.close(sequence, entry_state::done, offset);
    draft = std::move(tried);
    return {};
}

} // namespace cb::fault
