// SPDX-License-Identifier: Apache-2.0
#include "proxy/request_judge.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "fault/legal_errors.hpp"
#include "protocol/fetch.hpp"
#include "protocol/produce.hpp"

namespace cb::proxy {

using protocol::api_key;
using protocol::error_code;

namespace {

/// From these versions on topics go by their ids.
constexpr std::int16_t produce_topic_id_version = 13;
constexpr std::int16_t fetch_topic_id_version = 13;

nanoseconds slow_delay(const fault::slow_effect& slow, random_source random) {
    return fault::draw_delay(slow.delay, slow.jitter, fault::distribution::uniform, random);
}

nanoseconds time_at_rate(std::size_t bytes, std::int64_t bytes_per_s) {
    return nanoseconds(static_cast<std::int64_t>(static_cast<double>(bytes) * 1e9 / static_cast<double>(bytes_per_s)));
}

/// Acts before the request is handed in: where its bytes come from the client, a rate holds up the request.
bool acts_before(const fault::compiled_rule& rule, api_key api) {
    if (const auto* throttle = std::get_if<fault::throttle_effect>(&rule.text.what)) {
        return throttle->bytes_per_s > 0 && api == api_key::produce;
    }
    return std::holds_alternative<fault::slow_effect>(rule.text.what) &&
           rule.text.where.side == fault::request_side::request;
}

bool selects_any(const fault::compiled_rule& rule, const std::set<std::string>& topics) {
    return rule.text.where.topic.empty() ||
           std::any_of(topics.begin(), topics.end(), [&](const auto& each) { return rule.selects_topic(each); });
}

} // namespace

request_names request_judge::names_of(const pipeline_request& what) const {
    request_names out;
    wire::reader in(what.body);
    if (what.header.api == api_key::produce) {
        if (const auto wanted = protocol::produce_request::decode(in, what.header.version); wanted) {
            out.transactional_id = wanted->transactional_id.value_or(std::string());
            for (const auto& each : wanted->topic_data) {
                out.topics.insert(what.header.version >= produce_topic_id_version ? backend_.topic_name(each.topic_id)
                                                                                  : each.name);
            }
        }
    } else if (what.header.api == api_key::fetch) {
        if (const auto wanted = protocol::fetch_request::decode(in, what.header.version); wanted) {
            for (const auto& each : wanted->topics) {
                out.topics.insert(what.header.version >= fetch_topic_id_version ? backend_.topic_name(each.topic_id)
                                                                                : each.topic);
            }
            if (wanted->session_id != 0 && wanted->session_epoch > 0) {
                out.topics.merge(backend_.session_topics(wanted->session_id));
            }
        }
    }
    return out;
}

nanoseconds request_judge::time_of_answer(const request_fate& fate, std::size_t bytes) {
    return fate.bytes_per_s > 0 ? time_at_rate(bytes, fate.bytes_per_s) : nanoseconds(0);
}

std::uint64_t request_judge::next_request(const pipeline_request& what) {
    if (ordinals_.size() >= limits::ordinal_counters) {
        ordinals_.clear();
    }
    return ordinals_[{what.client->client_id, static_cast<std::int16_t>(what.header.api)}]++;
}

std::optional<ledger_sequence> request_judge::open_entry(const fault::compiled_rule& rule, const pipeline_request& what,
                                                         const std::string& topic, std::int32_t partition,
                                                         std::int32_t attempt) {
    fault::ledger_entry entry;
    entry.rule = rule.text.name;
    entry.effect = fault::effect_name(rule.text.what);
    entry.attempt = attempt;
    entry.connection = what.client->connection;
    entry.client_id = what.client->client_id;
    entry.api = to_string(what.header.api);
    entry.topic = topic;
    entry.partition = partition;
    const auto sequence = ledger_.open(std::move(entry));
    if (!ledger_.writable()) {
        ledger_.close(sequence, fault::entry_state::undone, -1, fault::not_in_ledger);
        return std::nullopt;
    }
    return sequence;
}

std::optional<ledger_sequence> request_judge::act(const fault::compiled_rule& rule, const fault::plan& plan,
                                                  const pipeline_request& what, fault::identity fate,
                                                  const error_place& at) {
    const auto said = fault::judge(rule, plan.seed(), fate, ledger_.writable());
    std::optional<ledger_sequence> entry;
    auto why_not = said.why_not;
    if (said.acts) {
        entry = open_entry(rule, what, at.topic, at.partition, at.attempt);
        why_not = entry ? std::string_view() : fault::not_in_ledger;
    }
    fault::count(rule, at.topic, at.partition, entry.has_value(), why_not);
    return entry;
}

nanoseconds request_judge::delay_before(const fault::plan& plan, const pipeline_request& what,
                                        fault::request_context who) {
    bool any = false;
    bool by_name = false;
    for (const auto& each : plan.rules()) {
        if (each->text.at == fault::intercept::request && acts_before(*each, what.header.api) &&
            each->selects_api(what.header.api)) {
            any = true;
            by_name = by_name || !each->text.where.topic.empty() || !each->text.where.transactional_id.empty();
        }
    }
    nanoseconds sum{0};
    if (!any) {
        return sum;
    }
    request_names names;
    if (by_name) {
        names = names_of(what);
        who.transactional_id = names.transactional_id;
    }
    std::vector<const fault::compiled_rule*> rules;
    plan.select(fault::intercept::request, who, time_.now(), rules);
    for (const auto* rule : rules) {
        if (!acts_before(*rule, what.header.api) || !rule->selects_api(what.header.api) ||
            !selects_any(*rule, names.topics)) {
            continue;
        }
        const auto drawn =
            fault::position_identity(who.client_id, to_string(what.header.api), -2, rule->state->arrivals);
        if (const auto entry = act(*rule, plan, what, drawn, {"", -1}); entry) {
            ledger_.close(*entry, fault::entry_state::done);
            const auto* slow = std::get_if<fault::slow_effect>(&rule->text.what);
            sum += slow != nullptr
                       ? slow_delay(*slow, fault::effect_random(*rule, plan.seed(), drawn))
                       : time_at_rate(what.body.size(), std::get<fault::throttle_effect>(rule->text.what).bytes_per_s);
        }
    }
    return sum;
}

request_fate request_judge::judge(const plan_pointer& plan, const pipeline_request& what,
                                  const fault::request_context& who, const std::set<std::string>& topics,
                                  std::int32_t attempt) {
    request_fate fate;
    fate.plan = plan;
    fate.ordinal = next_request(what);
    std::vector<const fault::compiled_rule*> rules;
    plan->select(fault::intercept::request, who, time_.now(), rules);
    const auto drawn = fault::position_identity(who.client_id, to_string(what.header.api), -1, fate.ordinal);
    for (const auto* rule : rules) {
        if (acts_before(*rule, what.header.api) || !rule->selects_api(what.header.api) || !selects_any(*rule, topics)) {
            continue;
        }
        if (std::holds_alternative<fault::error_effect>(rule->text.what)) {
            fate.errors.push_back(rule);
            continue;
        }
        if (const auto entry = act(*rule, *plan, what, drawn, {"", -1, attempt}); entry) {
            fate.entries.push_back(*entry);
            act_on_request(*rule, drawn, fate);
        }
        if (fate.cut) {
            break; // nothing is left that others could act on
        }
    }
    return fate;
}

void request_judge::act_on_request(const fault::compiled_rule& rule, fault::identity drawn, request_fate& fate) const {
    if (const auto* slow = std::get_if<fault::slow_effect>(&rule.text.what)) {
        fate.answer_delay += slow_delay(*slow, fault::effect_random(rule, fate.plan->seed(), drawn));
    } else if (const auto* lost = std::get_if<fault::lose_ack_effect>(&rule.text.what)) {
        fate.lose_ack = lost->then_close ? after_answer::close : after_answer::silence;
    } else if (const auto* cut = std::get_if<fault::disconnect_effect>(&rule.text.what)) {
        fate.cut = cut->reset ? after_answer::reset : after_answer::close;
    } else if (std::holds_alternative<fault::hang_effect>(rule.text.what)) {
        fate.cut = after_answer::silence;
    } else if (std::holds_alternative<fault::swallow_effect>(rule.text.what)) {
        fate.swallowed = true;
    } else if (const auto* throttle = std::get_if<fault::throttle_effect>(&rule.text.what)) {
        fate.throttle_ms += throttle->quota_ms;
        fate.bytes_per_s = throttle->bytes_per_s > 0 ? throttle->bytes_per_s : fate.bytes_per_s;
    }
}

void request_judge::close_cut(const request_fate& fate) {
    for (const auto entry : fate.entries) {
        const bool last = entry == fate.entries.back();
        ledger_.close(entry, last ? fault::entry_state::done : fault::entry_state::undone, -1,
                      last ? std::string_view() : "not handled");
    }
}

void request_judge::put_errors(request_fate& fate, const pipeline_request& what, std::vector<error_place>& on,
                               std::vector<error_place>& whole) {
    for (const auto* rule : fate.errors) {
        const auto& effect = std::get<fault::error_effect>(rule->text.what);
        if (fault::of_whole_answer(effect.code)) {
            put_on_all(*rule, fate, what, whole);
        } else if (effect.per_partition) {
            put_on_each(*rule, fate, what, on);
        } else {
            put_on_all(*rule, fate, what, on);
        }
    }
}

void request_judge::put_on_all(const fault::compiled_rule& rule, request_fate& fate, const pipeline_request& what,
                               std::vector<error_place>& on) {
    const auto drawn = fault::position_identity(what.client->client_id, to_string(what.header.api), -1, fate.ordinal);
    const bool room =
        std::any_of(on.begin(), on.end(), [](const error_place& each) { return each.error == error_code::none; });
    if (!room) {
        // The answer carries nothing that could carry an error. Not an arrival either, or `first: 3` would be used up
        // by answers that nobody sees anything in.
        const auto& state = *rule.state;
        const auto said = fault::decide(rule, fate.plan->seed(), drawn, ledger_.writable(),
                                        {state.arrivals + 1, state.total.injected});
        fault::count(rule, "", -1, false, said.acts ? std::string_view("no partition in the answer") : said.why_not);
        return;
    }
    std::int32_t attempt = 1;
    for (const auto& each : on) {
        attempt = std::max(attempt, each.attempt);
    }
    if (const auto entry = act(rule, *fate.plan, what, drawn, {"", -1, attempt}); entry) {
        fate.entries.push_back(*entry);
        for (auto& each : on) {
            if (each.error == error_code::none) {
                each.error = std::get<fault::error_effect>(rule.text.what).code;
            }
        }
    }
}

void request_judge::put_on_each(const fault::compiled_rule& rule, request_fate& fate, const pipeline_request& what,
                                std::vector<error_place>& on) {
    const auto api = std::string(to_string(what.header.api)) + ' ';
    for (auto& each : on) {
        if (each.error != error_code::none || !rule.selects_topic(each.topic)) {
            continue;
        }
        const auto drawn =
            fault::position_identity(what.client->client_id, api + each.topic, each.partition, fate.ordinal);
        if (const auto entry = act(rule, *fate.plan, what, drawn, each); entry) {
            fate.entries.push_back(*entry);
            each.error = std::get<fault::error_effect>(rule.text.what).code;
        }
    }
}

} // namespace cb::proxy
