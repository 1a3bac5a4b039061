// SPDX-License-Identifier: Apache-2.0
#include "fault/dry_run.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace cb::fault {
namespace {

/// The one group that a rule names, when it is a name and no pattern: then its reader is known.
std::string only_group(const compiled_rule& rule) {
    const auto& groups = rule.text.where.group;
    const bool name = groups.size() == 1 && groups.front().find_first_of("*?/") == std::string::npos;
    return name ? groups.front() : std::string();
}

std::vector<std::string> unknown_selectors(const compiled_rule& rule) {
    std::vector<std::string> out;
    const auto& where = rule.text.where;
    const auto note = [&](const char* name, bool given) {
        if (given) {
            out.emplace_back(name);
        }
    };
    note("client_id", !where.client_id.empty());
    note("principal", !where.principal.empty());
    note("group", !where.group.empty() && only_group(rule).empty());
    note("transactional_id", !where.transactional_id.empty());
    note("peer", !where.peer.empty());
    note("listener", !where.listener.empty());
    note("broker", !where.broker.empty());
    return out;
}

bool draws_by_position(const compiled_rule& rule) {
    const auto* share = std::get_if<chance>(&rule.text.how_often);
    const bool draws = share != nullptr && share->probability < 1;
    const bool by_position =
        rule.text.at == intercept::fetch ? only_group(rule).empty() : rule.text.draw_by == draw_key::position;
    return draws && by_position;
}

} // namespace

dry_run::dry_run(const plan& rules) : seed_(rules.seed()) {
    for (const auto& each : rules.rules()) {
        auto& made = rows_.emplace_back();
        made.rule = each.get();
        made.judged = each->text.at != intercept::request;
        made.estimated = made.judged && draws_by_position(*each);
        made.unknown = unknown_selectors(*each);
    }
}

bool dry_run::wants(const std::string& topic, std::int32_t partition) const {
    return std::any_of(rows_.begin(), rows_.end(), [&](const row& each) {
        return each.judged && each.rule->text.enabled != enabled_state::off && each.rule->selects_topic(topic) &&
               each.rule->selects_partition(partition);
    });
}

std::size_t dry_run::judge(const std::string& topic, std::int32_t partition, const wire::slice& batch,
                           std::int64_t first_offset) {
    const auto header = record::parse_header(batch.view());
    if (!header || header->control()) {
        return 0;
    }
    const auto records = record::read_records(*header, batch);
    if (!records) {
        return 0;
    }
    std::size_t judged = 0;
    for (const auto& stored : records->records) {
        const example where{topic, partition, header->base_offset + stored.offset_delta};
        if (where.offset < first_offset) {
            continue;
        }
        ++judged;
        // Who writes meets the rules on produce, who reads those on fetch: each goes from rule to rule by itself.
        message_draft written;
        message_draft read;
        written.record = stored;
        read.record = stored;
        for (auto& each : rows_) {
            const auto& rule = *each.rule;
            auto& draft = rule.text.at == intercept::fetch ? read : written;
            const bool selected = each.judged && rule.text.enabled != enabled_state::off && !draft.deleted &&
                                  rule.selects_topic(topic) && rule.selects_partition(partition) &&
                                  rule.selects_offset(where.offset) && rule.selects_record(draft.record);
            if (selected) {
                judge_record(each, where, stored, draft);
            }
        }
    }
    return judged;
}

identity dry_run::identity_of(const compiled_rule& rule, const example& where, const record::record_view& stored) {
    const auto reader = rule.text.at == intercept::fetch ? only_group(rule) : std::string();
    switch (rule.text.draw_by) {
    case draw_key::content: return content_identity(stored);
    case draw_key::key: return key_identity(stored);
    case draw_key::header: return header_identity(stored, rule.text.draw_header);
    case draw_key::position: break;
    }
    return position_identity(reader, where.topic, where.partition, static_cast<std::uint64_t>(where.offset));
}

void dry_run::judge_record(row& of, const example& where, const record::record_view& stored, message_draft& draft) {
    const auto& rule = *of.rule;
    const auto drawn = identity_of(rule, where, stored);
    const auto said = decide(rule, seed_, drawn, true, {++arrivals_[of.rule], of.total.injected});
    auto why_not = said.why_not;
    if (said.acts) {
        auto tried = draft.copy();
        auto random = effect_random(rule, seed_, drawn);
        why_not = rule.effect->apply(tried, random);
        if (why_not.empty()) {
            draft = std::move(tried);
        }
    }
    ++of.total.matched;
    if (said.acts && why_not.empty()) {
        ++of.total.injected;
        if (of.examples.size() < limits::dry_run_examples) {
            of.examples.push_back(where);
        }
    } else if (!why_not.empty()) {
        ++of.total.skipped[why_not];
    }
}

} // namespace cb::fault
