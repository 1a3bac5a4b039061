// SPDX-License-Identifier: Apache-2.0
#include "fault/fetch_rewriter.hpp"

#include <algorithm>

namespace cb::fault {

fetch_rewrite fetch_rewriter::rewrite(const std::vector<const compiled_rule*>& rules, std::uint64_t seed,
                                      const request_context& who, const std::string& topic, std::int32_t partition,
                                      const wire::slice& records) {
    std::vector<const compiled_rule*> chosen;
    for (const auto* rule : rules) {
        if (!rule->selects_topic(topic) || !rule->selects_partition(partition)) {
            continue;
        }
        if (rule->names_group() && who.group == nullptr) {
            count(*rule, topic, partition, false, "group unknown");
        } else if (!rule->names_group() || rule->selects_group(*who.group)) {
            chosen.push_back(rule);
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
        auto changed =
            header->control() ? std::nullopt : rewrite_batch(chosen, seed, who, topic, partition, *header, batch);
        out.changed = out.changed || changed.has_value();
        out.records.append(changed ? std::move(*changed) : batch);
        at += header->total_bytes();
    }
    out.records.append(records.subslice(at));
    return out;
}

std::optional<wire::slice> fetch_rewriter::rewrite_batch(const std::vector<const compiled_rule*>& rules,
                                                         std::uint64_t seed, const request_context& who,
                                                         const std::string& topic, std::int32_t partition,
                                                         const record::batch_header& header, const wire::slice& batch) {
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
        judge_record(rules, seed, who, topic, partition, header.base_offset + each.offset_delta, draft);
        changed = changed || draft.changed || draft.deleted || draft.wrong_crc;
        wrong_crc = wrong_crc || draft.wrong_crc;
        if (!draft.deleted) {
            builder.add(draft.record);
        }
    }
    if (!changed) {
        return std::nullopt;
    }
    if (builder.count() == 0) {
        return record::skip_batch(header.base_offset, header.last_offset(), header.partition_leader_epoch,
                                  header.max_timestamp);
    }
    auto built = builder.build();
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

void fetch_rewriter::judge_record(const std::vector<const compiled_rule*>& rules, std::uint64_t seed,
                                  const request_context& who, const std::string& topic, std::int32_t partition,
                                  std::int64_t offset, message_draft& draft) {
    const auto reader = who.group != nullptr ? std::string_view(*who.group) : who.client_id;
    const auto fate = position_identity(reader, topic, partition, static_cast<std::uint64_t>(offset));
    for (const auto* rule : rules) {
        if (draft.deleted) {
            return;
        }
        if (!rule->selects_offset(offset) || !rule->selects_record(draft.record)) {
            continue;
        }
        const auto said = judge(*rule, seed, fate, ledger_.writable());
        auto why_not = said.why_not;
        if (said.acts) {
            ledger_entry entry;
            entry.key = key_text(keys_, draft.record.key);
            entry.record_hash = record_hash(draft.record);
            entry.trace_id = trace_id_of(draft.record);
            entry.bytes_before = draft.record.value ? static_cast<std::int64_t>(draft.record.value->size()) : -1;
            auto random = effect_random(*rule, seed, fate);
            why_not = rule->effect->apply(draft, random);
            if (why_not.empty()) {
                entry.rule = rule->text.name;
                entry.effect = effect_name(rule->text.what);
                entry.connection = who.connection;
                entry.client_id = who.client_id;
                entry.api = "Fetch";
                entry.topic = topic;
                entry.partition = partition;
                entry.offset = offset;
                const bool has_value = !draft.deleted && draft.record.value.has_value();
                entry.bytes_after = has_value ? static_cast<std::int64_t>(draft.record.value->size()) : -1;
                ledger_.close(ledger_.open(std::move(entry)), entry_state::done, offset);
            }
        }
        count(*rule, topic, partition, said.acts && why_not.empty(), why_not);
    }
}

} // namespace cb::fault
