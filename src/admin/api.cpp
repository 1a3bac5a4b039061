// SPDX-License-Identifier: Apache-2.0
#include "admin/list_page.hpp"
#include "admin/api.hpp"
#include "admin/dry_run.hpp"

#include <algorithm>
#include <charconv>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/limits.hpp"
#include "broker/group_coordinator.hpp"
#include "broker/topics.hpp"
#include "broker/transaction_coordinator.hpp"
#include "fault/rule_json.hpp"
#include "fault/rule_parser.hpp"
#include "metrics/prometheus.hpp"

namespace cb::admin {
namespace {

namespace json = boost::json;

http_response refuse(const fault::rule_error& wrong) {
    return error_response(400, "invalid_rules", wrong.text(), wrong.field);
}

json::value parsed(const std::string& line) { return json::parse(line); }

http_response refuse_limit(const error& why) { return error_response(400, "invalid_parameter", why.message, "limit"); }

std::optional<std::uint64_t> whole_number(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = code == std::errc{} && end == text.data() + text.size() && !text.empty();
    return whole ? std::optional(value) : std::nullopt;
}

/// A sequence number, or a time.
struct since {
    std::uint64_t sequence = 0;
    std::optional<wall_time_ms> time_ms;

    static std::optional<since> parse(const std::string& text) {
        if (const auto number = whole_number(text); number) {
            return since{*number, std::nullopt};
        }
        const auto time = parse_utc_timestamp(text);
        return time ? std::optional(since{0, time}) : std::nullopt;
    }
    [[nodiscard]] std::uint64_t first(const fault::ledger& of) const {
        return time_ms ? of.first_since(*time_ms) : sequence;
    }
};

http_response refuse_since() {
    return error_response(400, "invalid_parameter",
                          "since must be a sequence number, or a time as 2026-11-24T08:00:00Z", "since");
}

std::string query_value(const http_request& request, const char* name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? std::string() : found->second;
}

std::string state_word(const fault::compiled_rule& rule, mono_time now) {
    if (rule.text.enabled == fault::enabled_state::off) {
        return "off";
    }
    if (rule.text.enabled == fault::enabled_state::observe) {
        return "observing";
    }
    if (rule.active(now)) {
        return "active";
    }
    return rule.over(now) ? "over" : "waiting";
}

} // namespace

// --- events ------------------------------------------------------------------------------------------------------

void event_fan::add(std::shared_ptr<event_stream> stream, std::string rule) {
    const std::lock_guard lock(mutex_);
    listeners_.push_back({std::move(stream), std::move(rule)});
}

void event_fan::send(const std::string& data, const std::string& rule) {
    const std::lock_guard lock(mutex_);
    listeners_.remove_if([&](const listener& each) {
        const bool wanted = each.rule.empty() || rule.empty() || each.rule == rule;
        return wanted && !each.stream->send(data);
    });
}

std::string ledger_event(const fault::ledger_entry& entry) {
    return R"({"type":"ledger","entry":)" + to_json(entry) + "}";
}

/// Entries from `since` on, then what comes. Both on the data loop, where entries are made: none is missed or told
/// twice. A client that is that far behind that its queue could not take them is dropped; it reads the ledger first.
void api::stream_events(const http_request& request, std::shared_ptr<event_stream> stream) {
    const auto rule = query_value(request, "rule");
    const auto from = since::parse(query_value(request, "since"));
    parts_.data_loop.ask([&] {
        if (from) {
            constexpr auto most = limits::events_queued_per_client / 2;
            const auto entries = parts_.ledger.since(from->first(parts_.ledger), most + 1, rule);
            if (entries.size() > most) {
                return;
            }
            for (const auto& each : entries) {
                stream->send(ledger_event(each));
            }
        }
        events_.add(std::move(stream), rule);
    });
}

bool event_fan::anyone() const {
    const std::lock_guard lock(mutex_);
    return !listeners_.empty();
}

// --- rules -------------------------------------------------------------------------------------------------------

json::object api::rule_with_counters(const fault::compiled_rule& rule) const {
    auto out = fault::to_json(rule.text);
    out["state"] = state_word(rule, parts_.time.now());
    out["counters"] = fault::to_json(rule.state->total);
    json::array partitions;
    for (const auto& [where, counted] : rule.state->by_partition) {
        if (where.second < 0) {
            continue;
        }
        auto row = fault::to_json(counted);
        row["topic"] = where.first;
        row["partition"] = where.second;
        partitions.push_back(std::move(row));
    }
    out["partitions"] = std::move(partitions);
    return out;
}

http_response api::list_rules(const http_request& request) const {
    const auto page = list_page::of(request);
    if (!page) {
        return refuse_limit(page.error());
    }
    const auto now = parts_.rules.look();
    const auto& rules = now.current->rules();
    // In the order in which they act; one that is gone meanwhile has none behind it.
    const auto named =
        std::find_if(rules.begin(), rules.end(), [&](const auto& each) { return each->text.name == page->after; });
    auto at = page->after.empty() ? rules.begin() : named == rules.end() ? named : std::next(named);
    json::array list = parts_.data_loop.ask([&] {
        json::array rows;
        for (; at != rules.end() && !page->full(rows); ++at) {
            rows.push_back(rule_with_counters(**at));
        }
        return rows;
    });
    auto out = page_object("rules", std::move(list), at != rules.end(), "name");
    out["version"] = now.current->version();
    out["tag"] = now.tag;
    out["seed"] = now.seed;
    out["locked"] = now.locked;
    auto answer = json_response(out);
    answer.etag = now.tag;
    return answer;
}

http_response api::after_change(const result<void>& done, const std::string& what, json::object out) {
    if (!done) {
        switch (done.error().kind) {
        case errc::not_found: return error_response(404, "not_found", done.error().message);
        case errc::conflict: return error_response(409, "locked", done.error().message);
        case errc::limit: return error_response(409, "limit", done.error().message);
        case errc::changed: return error_response(412, "rules_changed", done.error().message, "If-Match");
        default: return error_response(400, "invalid_rules", done.error().message);
        }
    }
    const auto now = parts_.rules.look();
    out["version"] = now.current->version();
    json::array names;
    for (const auto& each : now.current->rules()) {
        names.emplace_back(json::string(each->text.name));
    }
    out["rules"] = std::move(names);
    say_rules_changed(what);
    auto answer = json_response(out);
    answer.etag = now.tag;
    return answer;
}

void api::say_rules_changed(const std::string& how) {
    const auto now = parts_.rules.look();
    parts_.log.info("rules changed",
                    {{"how", how}, {"version", now.current->version()}, {"rules", now.current->rules().size()}});
    if (events_.anyone()) {
        json::object event;
        event["type"] = "rules";
        event["how"] = how;
        event["version"] = now.current->version();
        events_.send(json::serialize(event));
    }
}

http_response api::apply_rules(const http_request& request, bool replace) {
    const auto given = fault::parse_rules(request.body);
    if (!given) {
        return refuse(given.error());
    }
    fault::rule_book::terms under{request.if_match, std::nullopt};
    if (const auto wanted = request.query.find("lease"); wanted != request.query.end()) {
        under.lease = fault::parse_duration(wanted->second);
        if (!under.lease || *under.lease <= nanoseconds(0) ||
            *under.lease > std::chrono::seconds(limits::lease_seconds_max)) {
            return error_response(400, "invalid_parameter", "lease must be a duration up to 24h, as 15s", "lease");
        }
    }
    const auto before = parts_.rules.look().seed;
    const auto done = parts_.rules.apply(*given, replace, under);
    if (!done) {
        return after_change(tl::unexpected(done.error()), "");
    }
    json::object answer;
    std::string how = replace ? "replaced" : "applied";
    if (!done->lease_id.empty()) {
        answer["lease"] = done->lease_id;
        how += " under lease " + done->lease_id;
        leases_changed_();
    }
    if (const auto seed = parts_.rules.look().seed; seed != before) {
        answer["seed"] = seed;
        how += ", seed " + std::to_string(seed);
    }
    return after_change({}, how, std::move(answer));
}

http_response api::dry_run_rules(const http_request& request) const {
    const auto given = fault::parse_rules(request.body);
    if (!given) {
        return refuse(given.error());
    }
    std::size_t limit = 1000;
    if (const auto text = request.query.find("limit"); text != request.query.end()) {
        const auto number = whole_number(text->second);
        if (!number || *number == 0 || *number > limits::dry_run_messages_per_partition) {
            return error_response(400, "invalid_parameter", "limit must be a whole number from 1 to 10000", "limit");
        }
        limit = *number;
    }
    auto rules = given->rules;
    for (auto& each : fault::mix_rules(given->the_mix.value_or(fault::mix{}))) {
        rules.push_back(std::move(each));
    }
    const fault::plan plan(rules, given->seed.value_or(parts_.rules.look().seed), {}, parts_.time.now());
    return json_response(dry_run(plan, limit, parts_.data_loop, parts_.node));
}

// --- leases ------------------------------------------------------------------------------------------------------

namespace {

json::object lease_json(const fault::lease& from, mono_time now) {
    json::array rules;
    for (const auto& each : from.rules) {
        rules.emplace_back(json::string(each));
    }
    const auto left = std::chrono::duration_cast<milliseconds>(std::max(from.ends - now, nanoseconds(0)));
    return {{"id", from.id},
            {"lease", fault::duration_text(from.lasting)},
            {"left_ms", left.count()},
            {"rules", std::move(rules)},
            {"mix", from.the_mix}};
}

} // namespace

http_response api::list_leases(const http_request& /*request*/) const {
    const auto now = parts_.time.now();
    json::array list;
    for (const auto& each : parts_.rules.all_leases()) {
        list.push_back(lease_json(each, now));
    }
    return json_response(json::object{{"leases", std::move(list)}});
}

http_response api::renew_lease(const http_request& request) {
    const auto renewed = parts_.rules.renew(request.path_parts.at("id"));
    if (!renewed) {
        return error_response(404, "not_found", renewed.error().message);
    }
    leases_changed_();
    return json_response(lease_json(*renewed, parts_.time.now()));
}

http_response api::end_lease(const http_request& request) {
    const auto ended = parts_.rules.end_lease(request.path_parts.at("id"));
    if (!ended) {
        return error_response(404, "not_found", ended.error().message);
    }
    leases_changed_();
    return after_change({}, "lease " + ended->id + " ended");
}

void api::end_leases_due() {
    for (const auto& each : parts_.rules.end_leases_due()) {
        parts_.log.warning("a lease ran out: its rules are taken back",
                           {{"lease", each.id}, {"rules", each.rules.size()}, {"mix", each.the_mix}});
        say_rules_changed("lease " + each.id + " ran out");
    }
}

http_response api::show_rule(const http_request& request) const {
    const auto now = parts_.rules.look();
    for (const auto& each : now.current->rules()) {
        if (each->text.name == request.path_parts.at("name")) {
            return json_response(parts_.data_loop.ask([&] { return rule_with_counters(*each); }));
        }
    }
    return error_response(404, "not_found", "no rule '" + request.path_parts.at("name") + "'");
}

http_response api::put_rule(const http_request& request) {
    const auto given = fault::parse_rule(request.body);
    if (!given) {
        return refuse(given.error());
    }
    if (given->name != request.path_parts.at("name")) {
        return error_response(400, "invalid_rules", "the rule's name and the path differ", "name");
    }
    fault::rule_set one;
    one.rules.push_back(*given);
    const auto done = parts_.rules.apply(one, false);
    return after_change(done ? result<void>() : tl::unexpected(done.error()), "put " + given->name);
}

http_response api::patch_rule(const http_request& request) {
    boost::system::error_code code;
    const auto body = json::parse(request.body, code);
    const auto* enabled = !code && body.is_object() ? body.get_object().if_contains("enabled") : nullptr;
    const bool only = enabled != nullptr && body.get_object().size() == 1;
    const bool observe = only && enabled->is_string() && enabled->get_string() == "observe";
    if (!only || (!enabled->is_bool() && !observe)) {
        return error_response(400, "invalid_rules", R"(a PATCH holds {"enabled": true, false or "observe"})",
                              "enabled");
    }
    const auto wanted = observe               ? fault::enabled_state::observe
                        : enabled->get_bool() ? fault::enabled_state::on
                                              : fault::enabled_state::off;
    const auto& name = request.path_parts.at("name");
    const auto done = parts_.rules.change(name, [&](fault::rule& rule) { rule.enabled = wanted; });
    return after_change(done, "changed " + name);
}

http_response api::delete_rule(const http_request& request) {
    const auto& name = request.path_parts.at("name");
    return after_change(parts_.rules.remove(name), "removed " + name);
}

http_response api::clear_rules(const http_request& request) {
    boost::system::error_code code;
    const auto body = json::parse(request.body.empty() ? "{}" : request.body, code);
    if (code || !body.is_object()) {
        return error_response(400, "bad_request", R"(a body holds {"release": true or false, "lock": true or false})");
    }
    const auto flag = [&](const char* name) {
        const auto* value = body.get_object().if_contains(name);
        return value != nullptr && value->is_bool() && value->get_bool();
    };
    parts_.rules.clear(flag("lock"));
    if (flag("release")) {
        parts_.data_loop.ask([&] { parts_.pipeline.release_all(); });
    }
    return after_change({}, flag("lock") ? "cleared and locked" : "cleared");
}

// --- mix ---------------------------------------------------------------------------------------------------------

http_response api::show_mix() const { return json_response(fault::to_json(parts_.rules.look().the_mix)); }

http_response api::patch_mix(const http_request& request) {
    const auto given = fault::parse_mix(request.body, parts_.rules.look().the_mix);
    if (!given) {
        return refuse(given.error());
    }
    const auto done = after_change(parts_.rules.set_mix(*given), "mix");
    return done.status == 200 ? show_mix() : done;
}

// --- ledger ------------------------------------------------------------------------------------------------------

http_response api::show_ledger(const http_request& request) const {
    const auto value_of = [&](const char* name) { return query_value(request, name); };
    const auto page = list_page::of(request, 1000);
    if (!page) {
        return refuse_limit(page.error());
    }
    const auto limit = page->limit;
    std::uint64_t first = 0;
    std::optional<since> from;
    if (const auto after = value_of("after"); !after.empty()) {
        const auto number = whole_number(after);
        if (!number) {
            return error_response(400, "invalid_parameter", "after must be a sequence number", "after");
        }
        first = *number + 1;
    }
    if (const auto text = value_of("since"); !text.empty()) {
        from = since::parse(text);
        if (!from) {
            return refuse_since();
        }
    }
    const auto rule = value_of("rule");
    auto plan = parts_.rules.look().current;
    return json_response(parts_.data_loop.ask([&] {
        if (from) {
            first = std::max(first, from->first(parts_.ledger));
        }
        json::array entries;
        for (const auto& entry : parts_.ledger.since(first, limit, rule)) {
            entries.push_back(parsed(fault::to_json(entry)));
        }
        json::array counters;
        for (const auto& each : plan->rules()) {
            if (rule.empty() || each->text.name == rule) {
                auto row = fault::to_json(each->state->total);
                row["rule"] = each->text.name;
                row["effect"] = fault::effect_name(each->text.what);
                counters.push_back(std::move(row));
            }
        }
        json::object out;
        out["last_sequence"] = parts_.ledger.last_sequence();
        out["held"] = parts_.pipeline.held().count();
        out["entries"] = std::move(entries);
        out["counters"] = std::move(counters);
        return out;
    }));
}

// --- what there is -----------------------------------------------------------------------------------------------

http_response api::status() const {
    const auto rules = parts_.rules.look();
    return json_response(parts_.data_loop.ask([&] {
        json::object out;
        out["version"] = parts_.version;
        out["cluster_id"] = parts_.node.cluster_id();
        out["mode"] = "embedded";
        out["connections"] = parts_.gateway.connection_count();
        out["topics"] = parts_.node.topic_table().all().size();
        out["log_bytes"] = parts_.node.topic_table().budget().taken();
        out["log_bytes_max"] = parts_.node.topic_table().budget().bytes_max();
        out["rules"] = rules.current->rules().size();
        out["rules_version"] = rules.current->version();
        out["rules_locked"] = rules.locked;
        out["seed"] = rules.seed;
        out["held_messages"] = parts_.pipeline.held().count();
        out["held_bytes"] = parts_.pipeline.held().bytes();
        out["ledger_last_sequence"] = parts_.ledger.last_sequence();
        out["ledger_writable"] = parts_.ledger.writable();
        return out;
    }));
}

http_response api::topics(const http_request& request) const {
    const auto page = list_page::of(request);
    if (!page) {
        return refuse_limit(page.error());
    }
    return json_response(parts_.data_loop.ask([&] {
        json::array list;
        const auto& all = parts_.node.topic_table().all();
        auto at = page->after.empty() ? all.begin() : all.upper_bound(page->after);
        for (; at != all.end() && !page->full(list); ++at) {
            const auto& [name, each] = *at;
            json::array partitions;
            for (std::size_t i = 0; i < each->partitions.size(); ++i) {
                const auto& log = each->partitions[i]->log;
                partitions.push_back(json::object{{"partition", i},
                                                  {"start_offset", log.start_offset()},
                                                  {"end_offset", log.end_offset()},
                                                  {"last_stable_offset", log.last_stable_offset()},
                                                  {"bytes", log.bytes()}});
            }
            list.push_back(
                json::object{{"name", name}, {"id", to_string(each->id)}, {"partitions", std::move(partitions)}});
        }
        return page_object("topics", std::move(list), at != all.end(), "name");
    }));
}

http_response api::groups(const http_request& request) const {
    const auto page = list_page::of(request);
    if (!page) {
        return refuse_limit(page.error());
    }
    return json_response(parts_.data_loop.ask([&] {
        json::array list;
        const auto all = parts_.node.groups().all(); // in the order of their ids
        auto at = std::find_if(all.begin(), all.end(), [&](const auto* each) { return each->id() > page->after; });
        for (; at != all.end() && !page->full(list); ++at) {
            const auto* each = *at;
            json::array offsets;
            for (const auto& [where, committed] : each->offsets()) {
                auto* in = parts_.node.topic_table().find(where.topic);
                auto* target = in == nullptr ? nullptr : in->find(where.partition);
                json::object row{{"topic", where.topic}, {"partition", where.partition}, {"offset", committed.offset}};
                if (target != nullptr) {
                    row["lag"] = std::max<std::int64_t>(target->log.end_offset() - committed.offset, 0);
                }
                offsets.push_back(std::move(row));
            }
            list.push_back(json::object{{"id", each->id()},
                                        {"state", json::string(to_string(each->state()))},
                                        {"members", each->members().size()},
                                        {"generation", each->generation()},
                                        {"offsets", std::move(offsets)}});
        }
        return page_object("groups", std::move(list), at != all.end(), "id");
    }));
}

http_response api::connections(const http_request& request) const {
    const auto page = list_page::of(request);
    if (!page) {
        return refuse_limit(page.error());
    }
    const auto after = whole_number(page->after.empty() ? "0" : page->after);
    if (!after) {
        return error_response(400, "invalid_parameter", "after must be the number of a connection", "after");
    }
    return json_response(parts_.data_loop.ask([&] {
        json::array list;
        auto all = parts_.gateway.connections();
        std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
        auto at = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.id > *after; });
        for (; at != all.end() && !page->full(list); ++at) {
            const auto& each = *at;
            list.push_back(json::object{{"id", each.id},
                                        {"peer", each.peer},
                                        {"client_id", each.client_id},
                                        {"principal", each.principal},
                                        {"listener", each.listener},
                                        {"requests", each.requests},
                                        {"unanswered", each.unanswered}});
        }
        return page_object("connections", std::move(list), at != all.end(), "id");
    }));
}

http_response api::metrics() const {
    auto plan = parts_.rules.look().current;
    auto text = parts_.data_loop.ask([&] {
        metrics::prometheus_page page;
        page.gauge("chaosbroker_connections", "Client connections now.", parts_.gateway.connection_count());
        page.gauge("chaosbroker_topics", "Topics.", parts_.node.topic_table().all().size());
        page.gauge("chaosbroker_log_bytes", "Bytes taken for logs.", parts_.node.topic_table().budget().taken());
        page.gauge("chaosbroker_held_messages", "Acknowledged messages not delivered yet.",
                   parts_.pipeline.held().count());
        page.gauge("chaosbroker_held_bytes", "Their bytes.", parts_.pipeline.held().bytes());
        page.gauge("chaosbroker_ledger_last_sequence", "Sequence of the last ledger entry.",
                   parts_.ledger.last_sequence());
        page.gauge("chaosbroker_rules", "Rules, those of the mix included.", plan->rules().size());
        const auto counter = [&](const char* name, const char* help, auto value_of) {
            page.begin_counter(name, help);
            for (const auto& each : plan->rules()) {
                page.sample(value_of(each->state->total),
                            {{"rule", each->text.name}, {"effect", fault::effect_name(each->text.what)}});
            }
        };
        counter("chaosbroker_rule_matched_total", "Messages or requests that a rule selected.",
                [](const fault::counts& c) { return c.matched; });
        counter("chaosbroker_rule_injected_total", "Faults that a rule injected.",
                [](const fault::counts& c) { return c.injected; });
        return page.take();
    });
    return {200, metrics::prometheus_page::content_type, std::move(text)};
}

std::vector<route> api::routes() {
    const std::vector<std::string> rules_types{"application/json", "application/yaml"};
    const std::vector<std::string> json_type{"application/json"};
    std::vector<route> out;
    const auto add = [&](const char* method, const char* path, const char* summary, std::vector<std::string> query,
                         std::vector<std::string> body, std::vector<unsigned> statuses, auto handle) {
        out.push_back({method, path, summary, std::move(query), std::move(body), std::move(statuses), handle, nullptr});
    };
    add("GET", "/v1/rules", "All rules with their counters", {"limit", "after"}, {}, {200, 400},
        [this](const auto& r) { return list_rules(r); });
    add("POST", "/v1/rules", "Add or change rules", {"lease"}, rules_types, {200, 400, 409, 412, 415},
        [this](const auto& r) { return apply_rules(r, false); });
    add("PUT", "/v1/rules", "Have these rules and no others", {"lease"}, rules_types, {200, 400, 409, 412, 415},
        [this](const auto& r) { return apply_rules(r, true); });
    add("POST", "/v1/rules/clear", "Remove all rules", {}, json_type, {200, 400, 415},
        [this](const auto& r) { return clear_rules(r); });
    add("POST", "/v1/rules/unlock", "Allow rules again", {}, json_type, {200, 415}, [this](const auto&) {
        parts_.rules.unlock();
        return after_change({}, "unlocked");
    });
    add("GET", "/v1/rules/{name}", "One rule", {}, {}, {200, 404}, [this](const auto& r) { return show_rule(r); });
    add("PUT", "/v1/rules/{name}", "Add or change one rule", {}, rules_types, {200, 400, 409, 415},
        [this](const auto& r) { return put_rule(r); });
    add("PATCH", "/v1/rules/{name}", "Enable, disable or only observe", {}, json_type, {200, 400, 404, 409, 415},
        [this](const auto& r) { return patch_rule(r); });
    add("DELETE", "/v1/rules/{name}", "Remove one rule", {}, {}, {200, 404},
        [this](const auto& r) { return delete_rule(r); });
    add("POST", "/v1/dry-run", "What rules would have hit of the logs' tails", {"limit"}, rules_types, {200, 400, 415},
        [this](const auto& r) { return dry_run_rules(r); });
    add("GET", "/v1/leases", "Who has set rules for how long", {}, {}, {200},
        [this](const auto& r) { return list_leases(r); });
    add("POST", "/v1/leases/{id}", "Renew a lease", {}, json_type, {200, 404, 415},
        [this](const auto& r) { return renew_lease(r); });
    add("DELETE", "/v1/leases/{id}", "End a lease: its rules go", {}, {}, {200, 404},
        [this](const auto& r) { return end_lease(r); });
    add("GET", "/v1/mix", "The mix", {}, {}, {200}, [this](const auto&) { return show_mix(); });
    add("PATCH", "/v1/mix", "Change the mix", {}, json_type, {200, 400, 409, 415},
        [this](const auto& r) { return patch_mix(r); });
    add("GET", "/v1/ledger", "Injected faults", {"limit", "after", "since", "rule"}, {}, {200, 400},
        [this](const auto& r) { return show_ledger(r); });
    add("GET", "/v1/status", "The broker in one look", {}, {}, {200}, [this](const auto&) { return status(); });
    add("GET", "/v1/topics", "Topics and their offsets", {"limit", "after"}, {}, {200, 400},
        [this](const auto& r) { return topics(r); });
    add("GET", "/v1/groups", "Groups, their positions and lag", {"limit", "after"}, {}, {200, 400},
        [this](const auto& r) { return groups(r); });
    add("GET", "/v1/connections", "Clients", {"limit", "after"}, {}, {200, 400},
        [this](const auto& r) { return connections(r); });
    add("GET", "/metrics", "Prometheus text", {}, {}, {200}, [this](const auto&) { return metrics(); });
    const auto alive = [](const auto&) { return json_response(json::object{{"ok", true}}); };
    add("GET", "/healthz", "The control API answers", {}, {}, {200}, alive);
    add("GET", "/readyz", "The broker answers", {}, {}, {200}, [this](const auto&) {
        parts_.data_loop.ask([] {});
        return json_response(json::object{{"ok", true}});
    });
    route events{"GET",
                 "/v1/events",
                 "Ledger entries and changes as they come (server-sent events)",
                 {"rule", "since"},
                 {},
                 {200, 400},
                 [](const auto& r) {
                     const auto text = query_value(r, "since");
                     return text.empty() || since::parse(text) ? http_response{} : refuse_since();
                 },
                 nullptr};
    events.stream = [this](const http_request& request, std::shared_ptr<event_stream> stream) {
        stream_events(request, std::move(stream));
    };
    out.push_back(std::move(events));
    auto document = std::make_shared<std::string>();
    add("GET", "/openapi.json", "This document", {}, {}, {200}, [document](const auto&) {
        return http_response{200, "application/json", *document};
    });
    *document = json::serialize(openapi_document(out, parts_.version));
    return out;
}

} // namespace cb::admin
