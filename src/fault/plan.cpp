// SPDX-License-Identifier: Apache-2.0
#include "fault/plan.hpp"

#include <algorithm>

#include "fault/json_scan.hpp"

namespace cb::fault {
namespace {

std::uint64_t hash_bytes(const std::optional<wire::bytes_view>& bytes) {
    return bytes ? stable_hash(wire::as_text(*bytes)) : 0x6e756c6cU;
}

std::vector<std::pair<std::string, any_pattern>> compile(const std::map<std::string, std::vector<std::string>>& named) {
    std::vector<std::pair<std::string, any_pattern>> out;
    for (const auto& [name, patterns] : named) {
        out.emplace_back(name, any_pattern(patterns));
    }
    return out;
}

const record::header_view* find_header(const record::record_view& record, std::string_view name) {
    // The last of a name counts, as with the Java client's lastHeader.
    const auto found = std::find_if(record.headers.rbegin(), record.headers.rend(),
                                    [&](const record::header_view& each) { return each.key == name; });
    return found == record.headers.rend() ? nullptr : &*found;
}

bool fires(const compiled_rule& rule, std::uint64_t seed, identity who, std::uint64_t arrivals) {
    if (const auto* nth = std::get_if<every_nth>(&rule.text.how_often)) {
        return arrivals % static_cast<std::uint64_t>(nth->n) == 0;
    }
    if (const auto* first = std::get_if<first_n>(&rule.text.how_often)) {
        return arrivals <= static_cast<std::uint64_t>(first->n);
    }
    const auto draw = unit_interval(hash_join(hash_join(seed, rule.draw_salt), who.hash));
    return draw >= rule.draw_from && draw < rule.draw_to;
}

} // namespace

compiled_rule::compiled_rule(rule source)
    : text(std::move(source)),
      state(std::make_shared<rule_state>()),
      effect(make_message_effect(text.what)),
      draw_salt(stable_hash(text.one_of.empty() ? "rule " + text.name : "group " + text.one_of)),
      topic_(text.where.topic),
      client_id_(text.where.client_id),
      principal_(text.where.principal),
      group_(text.where.group),
      transactional_id_(text.where.transactional_id),
      listener_(text.where.listener),
      key_(text.where.key),
      header_(compile(text.where.header)),
      json_(compile(text.where.json)) {
    for (const auto& each : text.where.peer) {
        peer_.push_back(*address_block::parse(each));
    }
    for (const auto& each : text.where.offset) {
        offset_.push_back(*offset_range::parse(each));
    }
    if (const auto* share = std::get_if<chance>(&text.how_often)) {
        draw_to = share->probability;
    }
}

bool compiled_rule::selects_partition(std::int32_t partition) const {
    const auto& wanted = text.where.partition;
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), partition) != wanted.end();
}

bool compiled_rule::selects_client(const request_context& who) const {
    const auto& brokers = text.where.broker;
    if (!brokers.empty() && std::find(brokers.begin(), brokers.end(), who.broker) == brokers.end()) {
        return false;
    }
    if (!client_id_.matches(who.client_id) || !principal_.matches(who.principal) || !listener_.matches(who.listener) ||
        !transactional_id_.matches(who.transactional_id)) {
        return false;
    }
    if (!text.where.transactional_id.empty() && who.transactional_id.empty()) {
        return false;
    }
    if (peer_.empty()) {
        return true;
    }
    // "/127.0.0.1" -> "127.0.0.1"
    const auto host = std::string(who.client_host.starts_with('/') ? who.client_host.substr(1) : who.client_host);
    return std::any_of(peer_.begin(), peer_.end(), [&](const address_block& each) { return each.contains(host); });
}

bool compiled_rule::selects_offset(std::int64_t offset) const {
    return offset_.empty() || std::any_of(offset_.begin(), offset_.end(), [&](const offset_range& each) {
               return offset >= each.first && offset <= each.last;
           });
}

bool compiled_rule::selects_record(const record::record_view& record) const {
    if (!key_.everything() && (!record.key || !key_.matches(wire::as_text(*record.key)))) {
        return false;
    }
    for (const auto& [name, patterns] : header_) {
        const auto* header = find_header(record, name);
        if (header == nullptr || !header->value || !patterns.matches(wire::as_text(*header->value))) {
            return false;
        }
    }
    if (json_.empty()) {
        return true;
    }
    if (!record.value) {
        return false;
    }
    const auto text_of_value = wire::as_text(*record.value);
    const auto leaves = scan_json(text_of_value);
    return std::all_of(json_.begin(), json_.end(), [&](const auto& wanted) {
        return std::any_of(leaves.begin(), leaves.end(), [&](const json_leaf& leaf) {
            return leaf.path == wanted.first &&
                   wanted.second.matches(text_of_value.substr(leaf.begin, leaf.end - leaf.begin));
        });
    });
}

bool compiled_rule::selects_api(protocol::api_key api) const {
    const auto& wanted = text.where.api;
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), api) != wanted.end();
}

bool compiled_rule::active(mono_time now) const { return now - began >= text.start && !over(now); }

bool compiled_rule::over(mono_time now) const { return text.lasting && now - began >= text.start + *text.lasting; }

plan::plan(const std::vector<rule>& rules, std::uint64_t seed, const plan& before, mono_time now,
           std::string_view begins_anew)
    : seed_(seed), version_(before.version_ + 1) {
    std::map<std::string, double> group_ends;
    for (const auto& each : rules) {
        auto made = std::make_shared<compiled_rule>(each);
        made->began = now;
        const auto same = std::find_if(before.rules_.begin(), before.rules_.end(),
                                       [&](const auto& old) { return old->text.name == each.name; });
        if (same != before.rules_.end() && (*same)->text == each) {
            made->state = (*same)->state;
            made->began = !begins_anew.empty() && each.one_of == begins_anew ? now : (*same)->began;
        }
        if (!each.one_of.empty()) {
            // Rules of one group divide the draw between them, one behind the other.
            auto& end = group_ends[each.one_of];
            made->draw_from = end;
            end += std::get<chance>(each.how_often).probability;
            made->draw_to = end;
        }
        if (each.enabled != enabled_state::off) {
            wants_[static_cast<std::size_t>(each.at)] = true;
        }
        rules_.push_back(std::move(made));
    }
}

bool plan::concerns(intercept at, std::string_view topic, std::int32_t partition) const {
    return wants(at) && std::any_of(rules_.begin(), rules_.end(), [&](const auto& each) {
               return each->text.at == at && each->text.enabled != enabled_state::off && each->selects_topic(topic) &&
                      each->selects_partition(partition);
           });
}

void plan::select(intercept at, const request_context& who, mono_time now,
                  std::vector<const compiled_rule*>& out) const {
    for (const auto& each : rules_) {
        if (each->text.at == at && each->text.enabled != enabled_state::off && each->active(now) &&
            each->selects_client(who)) {
            out.push_back(each.get());
        }
    }
}

place::place(std::string_view client_id, std::string_view topic, std::int32_t partition)
    : hash_(hash_join(hash_join(stable_hash(client_id), stable_hash(topic)), static_cast<std::uint64_t>(partition))) {}

identity place::at(std::uint64_t ordinal) const { return {hash_join(hash_, ordinal)}; }

identity position_identity(std::string_view client_id, std::string_view topic, std::int32_t partition,
                           std::uint64_t ordinal) {
    return place(client_id, topic, partition).at(ordinal);
}

identity content_identity(const record::record_view& record) {
    return {hash_join(hash_bytes(record.key), hash_bytes(record.value))};
}

identity key_identity(const record::record_view& record) { return {hash_bytes(record.key)}; }

identity header_identity(const record::record_view& record, std::string_view header) {
    const auto* found = find_header(record, header);
    return {found == nullptr ? 0 : hash_bytes(found->value)};
}

verdict judge(const compiled_rule& rule, std::uint64_t seed, identity who, bool ledger_writable) {
    auto& state = *rule.state;
    ++state.arrivals;
    return decide(rule, seed, who, ledger_writable, {state.arrivals, state.total.injected});
}

verdict decide(const compiled_rule& rule, std::uint64_t seed, identity who, bool ledger_writable, const tally& so_far) {
    if (!fires(rule, seed, who, so_far.arrivals)) {
        return {};
    }
    if (rule.text.enabled == enabled_state::observe) {
        return {false, "observed only"};
    }
    if (rule.text.limit && so_far.injected >= static_cast<std::uint64_t>(*rule.text.limit)) {
        return {false, "limit reached"};
    }
    if (!ledger_writable) {
        return {false, not_in_ledger};
    }
    return {true, {}};
}

random_source effect_random(const compiled_rule& rule, std::uint64_t seed, identity who) {
    return random_source(hash_join(hash_join(seed, ~rule.draw_salt), who.hash));
}

void count(const compiled_rule& rule, const std::string& topic, std::int32_t partition, bool injected,
           std::string_view why_not) {
    rule_at_partition(rule, topic, partition).count(injected, why_not);
}

rule_at_partition::rule_at_partition(const compiled_rule& which, const std::string& topic, std::int32_t partition)
    : rule(&which), here_(&which.state->by_partition[{topic, partition}]) {}

void rule_at_partition::count(bool injected, std::string_view why_not) const {
    for (counts* to : {&rule->state->total, here_}) {
        ++to->matched;
        if (injected) {
            ++to->injected;
        } else if (!why_not.empty()) {
            ++to->skipped[why_not];
        }
    }
}

} // namespace cb::fault
