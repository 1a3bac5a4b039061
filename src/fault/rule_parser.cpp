// SPDX-License-Identifier: Apache-2.0
#include "fault/rule_parser.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/limits.hpp"
#include "fault/legal_errors.hpp"
#include "fault/text_pattern.hpp"

namespace cb::fault {
namespace {

using document::field;
using document::guarded;
using document::listed;

std::vector<std::string> patterns(const field& in) {
    std::vector<std::string> out;
    for (const auto& each : in.one_or_more()) {
        out.push_back(each.text("a pattern, or a list of them"));
        if (const auto wrong = text_pattern::problem(out.back()); !wrong.empty()) {
            each.refuse(wrong);
        }
    }
    return out;
}

std::map<std::string, std::vector<std::string>> named_patterns(const field& in) {
    in.need_map("it");
    std::map<std::string, std::vector<std::string>> out;
    for (const auto& [name, value] : in.entries()) {
        out[name] = patterns(value);
    }
    return out;
}

void parse_selectors(const field& in, rule& out) {
    if (!in.there()) {
        return;
    }
    in.need_map("where");
    in.allow({"topic", "partition", "offset", "key", "header", "json", "client_id", "principal", "group",
              "transactional_id", "peer", "listener", "broker", "api", "side"});
    auto& where = out.where;
    const auto take = [&](const char* name, std::vector<std::string>& target) {
        if (in[name].there()) {
            target = patterns(in[name]);
        }
    };
    take("topic", where.topic);
    take("key", where.key);
    take("client_id", where.client_id);
    take("principal", where.principal);
    take("group", where.group);
    take("transactional_id", where.transactional_id);
    take("listener", where.listener);
    if (in["partition"].there()) {
        for (const auto& each : in["partition"].one_or_more()) {
            where.partition.push_back(each.integer(0, 0x7fffffff));
        }
    }
    if (in["broker"].there()) {
        for (const auto& each : in["broker"].one_or_more()) {
            where.broker.push_back(each.integer(0, 0x7fffffff));
        }
    }
    if (in["offset"].there()) {
        for (const auto& each : in["offset"].one_or_more()) {
            where.offset.push_back(each.text("an offset, or a range as 100-200"));
            if (!offset_range::parse(where.offset.back())) {
                each.refuse("must be an offset, or a range as 100-200");
            }
        }
    }
    if (in["peer"].there()) {
        for (const auto& each : in["peer"].one_or_more()) {
            where.peer.push_back(each.text("an address or a block, as 10.1.0.0/16"));
            if (!address_block::parse(where.peer.back())) {
                each.refuse("must be an address or a block, as 127.0.0.1 or 10.1.0.0/16");
            }
        }
    }
    if (in["header"].there()) {
        where.header = named_patterns(in["header"]);
    }
    if (in["json"].there()) {
        where.json = named_patterns(in["json"]);
        for (const auto& [path, value] : in["json"].entries()) {
            if (!path.starts_with("$.") && !path.starts_with("$[")) {
                value.refuse("'" + path + "' is no path; write $.name, $.outer.inner or $.list[0]");
            }
        }
    }
    if (in["api"].there()) {
        for (const auto& each : in["api"].one_or_more()) {
            const auto api = protocol::api_key_from(each.text("the name of a Kafka API"));
            if (!api || (*api != protocol::api_key::produce && *api != protocol::api_key::fetch)) {
                each.refuse("must be Produce or Fetch: rules on other requests act in front of a cluster only");
            }
            where.api.push_back(*api);
        }
    }
    if (in["side"].there()) {
        const auto side = in["side"].text();
        if (side != "request" && side != "answer") {
            in["side"].refuse("must be request or answer");
        }
        where.side = side == "request" ? request_side::request : request_side::answer;
    }
}

void parse_frequency(const field& in, rule& out) {
    int given = 0;
    if (const auto chance_field = in["chance"]; chance_field.there()) {
        ++given;
        const auto raw = chance_field.text("a share, as 20% or 0.2");
        const std::string right = "a share: a percentage as \"20%\", or a number from 0 to 1 as 0.2";
        if (raw.ends_with('%')) {
            double percent = -1;
            const auto [end, code] = std::from_chars(raw.data(), raw.data() + raw.size() - 1, percent);
            if (code != std::errc{} || end != raw.data() + raw.size() - 1 || !(percent >= 0 && percent <= 100)) {
                chance_field.refuse("must be " + right);
            }
            out.how_often = chance{percent / 100};
        } else {
            out.how_often = chance{chance_field.number(0, 1, right)};
        }
    }
    constexpr std::int64_t most = 1'000'000'000'000;
    if (in["nth"].there()) {
        ++given;
        out.how_often = every_nth{in["nth"].integer(1, most)};
    }
    if (in["first"].there()) {
        ++given;
        out.how_often = first_n{in["first"].integer(1, most)};
    }
    if (given > 1) {
        in.refuse("chance, nth and first exclude each other");
    }
}

distribution parse_distribution(const field& in) {
    const auto word = in.text();
    if (word == "uniform") {
        return distribution::uniform;
    }
    if (word == "normal") {
        return distribution::normal;
    }
    if (word == "exponential") {
        return distribution::exponential;
    }
    in.refuse("must be uniform, normal or exponential");
}

template <class Delayed>
void parse_delay(const field& in, Delayed& out) {
    if (!in["delay"].there()) {
        in.refuse("needs delay, as {delay: 5s}");
    }
    out.delay = in["delay"].duration();
    if (in["jitter"].there()) {
        out.jitter = in["jitter"].duration();
        if (out.jitter > out.delay) {
            in["jitter"].refuse("must not be more than the delay");
        }
    }
}

effect parse_late(const field& in) {
    in.allow({"delay", "jitter", "distribution"});
    late_effect out;
    parse_delay(in, out);
    if (in["distribution"].there()) {
        out.shape = parse_distribution(in["distribution"]);
    }
    return out;
}

effect parse_delete(const field& in) {
    in.allow({});
    return delete_effect{};
}

effect parse_duplicate(const field& in) {
    in.allow({"copies", "after"});
    duplicate_effect out;
    if (in["copies"].there()) {
        out.copies = static_cast<std::int32_t>(in["copies"].integer(1, 100));
    }
    if (in["after"].there()) {
        out.after = in["after"].duration();
    }
    return out;
}

effect parse_reorder(const field& in) {
    in.allow({"window", "within"});
    reorder_effect out;
    if (in["window"].there()) {
        out.window = static_cast<std::int32_t>(in["window"].integer(2, 1000));
    }
    if (in["within"].there()) {
        out.within = in["within"].duration();
    }
    return out;
}

effect parse_salt(const field& in) {
    in.allow({"fields", "mode"});
    salt_effect out;
    if (in["fields"].there()) {
        for (const auto& each : in["fields"].one_or_more()) {
            out.fields.push_back(each.text("a JSON path"));
            if (!out.fields.back().starts_with("$.") && !out.fields.back().starts_with("$[")) {
                each.refuse("must be a JSON path, as $.price or $.items[0].count");
            }
        }
    }
    if (in["mode"].there()) {
        const auto mode = in["mode"].text();
        if (mode != "value" && mode != "schema_id") {
            in["mode"].refuse("must be value or schema_id");
        }
        out.mode = mode == "value" ? salt_mode::value : salt_mode::schema_id;
    }
    if (out.mode == salt_mode::schema_id && !out.fields.empty()) {
        in["fields"].refuse("fields and mode: schema_id exclude each other");
    }
    return out;
}

effect parse_corrupt(const field& in) {
    in.allow({"bytes", "truncate", "crc"});
    corrupt_effect out;
    int given = 0;
    if (in["bytes"].there()) {
        ++given;
        out = {corrupt_kind::bytes, static_cast<std::int32_t>(in["bytes"].integer(1, 1'000'000))};
    }
    if (in["truncate"].there()) {
        ++given;
        out = {corrupt_kind::truncate, static_cast<std::int32_t>(in["truncate"].integer(1, 100'000'000))};
    }
    if (in["crc"].there()) {
        ++given;
        if (!in["crc"].boolean()) {
            in["crc"].refuse("must be true");
        }
        out = {corrupt_kind::crc, 0};
    }
    if (given > 1) {
        in.refuse("bytes, truncate and crc exclude each other");
    }
    return out;
}

effect parse_slow(const field& in) {
    in.allow({"delay", "jitter"});
    slow_effect out;
    parse_delay(in, out);
    return out;
}

effect parse_error(const field& in) {
    in.allow({"code", "per"});
    if (!in["code"].there()) {
        in.refuse("needs code, as {code: NOT_LEADER_OR_FOLLOWER}");
    }
    error_effect out;
    const auto name = in["code"].text();
    const auto code = protocol::error_code_from(name);
    if (!code || *code == protocol::error_code::none) {
        in["code"].refuse("'" + name + "' is no error code of Kafka's; write its name, as NOT_LEADER_OR_FOLLOWER");
    }
    out.code = *code;
    if (in["per"].there()) {
        const auto per = in["per"].text();
        if (per != "request" && per != "partition") {
            in["per"].refuse("must be request or partition");
        }
        out.per_partition = per == "partition";
    }
    return out;
}

effect parse_lose_ack(const field& in) {
    in.allow({"then"});
    lose_ack_effect out;
    if (in["then"].there()) {
        const auto then = in["then"].text();
        if (then != "close" && then != "silence") {
            in["then"].refuse("must be close or silence");
        }
        out.then_close = then == "close";
    }
    return out;
}

effect parse_disconnect(const field& in) {
    in.allow({"reset"});
    disconnect_effect out;
    if (in["reset"].there()) {
        out.reset = in["reset"].boolean();
    }
    return out;
}

effect parse_hang(const field& in) {
    in.allow({});
    return hang_effect{};
}

effect parse_swallow(const field& in) {
    in.allow({});
    return swallow_effect{};
}

effect parse_throttle(const field& in) {
    in.allow({"bytes_per_s", "quota_ms"});
    throttle_effect out;
    if (in["bytes_per_s"].there() == in["quota_ms"].there()) {
        in.refuse("needs bytes_per_s or quota_ms, as {quota_ms: 500}, and not both");
    }
    if (in["bytes_per_s"].there()) {
        out.bytes_per_s = in["bytes_per_s"].integer(1, 1'000'000'000'000);
    } else {
        out.quota_ms = static_cast<std::int32_t>(in["quota_ms"].integer(1, 3'600'000));
    }
    return out;
}

struct effect_parser {
    std::string_view name;
    effect (*parse)(const field&);
};

constexpr std::array effect_parsers{
    effect_parser{"late", parse_late},           effect_parser{"delete", parse_delete},
    effect_parser{"duplicate", parse_duplicate}, effect_parser{"reorder", parse_reorder},
    effect_parser{"salt", parse_salt},           effect_parser{"corrupt", parse_corrupt},
    effect_parser{"slow", parse_slow},           effect_parser{"error", parse_error},
    effect_parser{"lose_ack", parse_lose_ack},   effect_parser{"disconnect", parse_disconnect},
    effect_parser{"hang", parse_hang},           effect_parser{"swallow", parse_swallow},
    effect_parser{"throttle", parse_throttle},
};

/// `do: delete`, or `do: {late: {delay: 5s}}`.
effect parse_effect(const field& in) {
    std::vector<std::string_view> names;
    for (const auto& each : effect_parsers) {
        names.push_back(each.name);
    }
    if (!in.there()) {
        in.refuse("a rule needs do: one of " + listed(names));
    }
    std::string name;
    field settings(YAML::Node(YAML::NodeType::Map), in.path());
    if (in.is_scalar()) {
        name = in.text();
    } else {
        in.need_map("do");
        const auto entries = in.entries();
        if (entries.size() != 1) {
            in.refuse("must name one effect, as {late: {delay: 5s}}");
        }
        name = entries.front().first;
        if (entries.front().second.there()) {
            settings = entries.front().second;
            settings.need_map(name);
        }
    }
    const auto found = std::find_if(effect_parsers.begin(), effect_parsers.end(),
                                    [&](const effect_parser& each) { return each.name == name; });
    if (found == effect_parsers.end()) {
        in.refuse("'" + name + "' is no effect; known are " + listed(names));
    }
    return found->parse(settings);
}

/// What fits together and what does not.
void check_rule(const field& in, const rule& made) {
    const auto name = std::string(effect_name(made.what));
    const bool messages = on_messages(made.what);
    const auto at = made.at;
    if (at == intercept::request && messages) {
        in["do"].refuse(name + " acts on messages: write intercept: produce or fetch");
    }
    if (at != intercept::request && !messages) {
        in["do"].refuse(name + " acts on requests: write intercept: request");
    }
    const bool readable = std::holds_alternative<delete_effect>(made.what) ||
                          std::holds_alternative<salt_effect>(made.what) ||
                          std::holds_alternative<corrupt_effect>(made.what);
    if (at == intercept::fetch && !readable) {
        in["do"].refuse(name + " acts where messages are written: write intercept: produce");
    }
    const auto* corrupt = std::get_if<corrupt_effect>(&made.what);
    if (corrupt != nullptr && corrupt->kind == corrupt_kind::crc && at == intercept::produce) {
        in["do"].refuse(
            "a broker refuses a batch with a wrong checksum, so nobody would see it: write intercept: fetch");
    }
    if (at != intercept::request && (!made.where.api.empty() || made.where.side)) {
        in["where"].refuse("api and side select requests: write intercept: request");
    }
    if (at == intercept::request && made.where.api.empty()) {
        in.refuse("a rule on requests needs where.api: Produce, Fetch or both");
    }
    if (at == intercept::request && made.where.look_at_records()) {
        in["where"].refuse("key, header and json select messages: write intercept: produce or fetch");
    }
    if (at == intercept::request && !made.where.partition.empty()) {
        in["where"]["partition"].refuse("partition selects messages: write intercept: produce or fetch");
    }
    if (at == intercept::request && !made.where.group.empty()) {
        in["where"]["group"].refuse("a Produce or Fetch request names no group: select by client_id");
    }
    if (at != intercept::fetch && !made.where.offset.empty()) {
        in["where"]["offset"].refuse("a message has no offset before it is stored: write intercept: fetch");
    }
    const auto& apis = made.where.api;
    if (std::holds_alternative<swallow_effect>(made.what) &&
        std::find(apis.begin(), apis.end(), protocol::api_key::fetch) != apis.end()) {
        in["do"].refuse("a Fetch that nobody handles has no answer: swallow acts on Produce");
    }
    if (made.where.side && !std::holds_alternative<slow_effect>(made.what)) {
        in["where"]["side"].refuse("only slow acts on either side");
    }
    if (at == intercept::produce && !made.where.group.empty()) {
        in["where"]["group"].refuse("a producer has no group");
    }
    if (at == intercept::fetch && !made.where.transactional_id.empty()) {
        in["where"]["transactional_id"].refuse("a reader has no transactional id");
    }
    if (made.draw_by != draw_key::position && at != intercept::produce) {
        in["draw_by"].refuse("only intercept: produce draws by anything but position");
    }
    if (const auto* error = std::get_if<error_effect>(&made.what); error != nullptr) {
        if (error->per_partition && of_whole_answer(error->code)) {
            in["do"].refuse(std::string(to_string(error->code)) +
                            " stands on an answer as a whole: leave per: partition out");
        }
        for (const auto api : made.where.api) {
            if (!legal_error(api, error->code)) {
                in["do"].refuse(std::string(to_string(error->code)) + " is no error of " + std::string(to_string(api)) +
                                "; its errors are " + legal_error_names(api));
            }
        }
    }
}

rule parse_one(const field& in) {
    in.need_map("a rule");
    in.allow({"name", "intercept", "where", "chance", "nth", "first", "do", "start", "for", "limit", "enabled",
              "one_of", "draw_by", "preset"});
    if (in["preset"].there()) {
        in["preset"].refuse("presets act in front of a cluster only");
    }
    rule out;
    if (!in["name"].there()) {
        in.refuse("a rule needs a name");
    }
    out.name = in["name"].text();
    const auto legal = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
    };
    if (out.name.empty() || out.name.size() > 100 || !std::all_of(out.name.begin(), out.name.end(), legal)) {
        in["name"].refuse("must be 1 to 100 letters, digits, dots, dashes and underscores");
    }
    const auto at = in["intercept"].there() ? in["intercept"].text() : "produce";
    if (at == "connect") {
        in["intercept"].refuse("rules on connections act in front of a cluster only");
    }
    if (at != "produce" && at != "fetch" && at != "request") {
        in["intercept"].refuse("'" + at + "': must be produce, fetch or request");
    }
    out.at = at == "produce" ? intercept::produce : at == "fetch" ? intercept::fetch : intercept::request;
    parse_selectors(in["where"], out);
    parse_frequency(in, out);
    out.what = parse_effect(in["do"]);
    if (in["start"].there()) {
        out.start = in["start"].duration();
    }
    if (in["for"].there()) {
        out.lasting = in["for"].duration();
    }
    if (in["limit"].there()) {
        out.limit = in["limit"].integer(1, 1'000'000'000'000);
    }
    if (in["enabled"].there()) {
        const auto word = in["enabled"].text();
        if (word != "true" && word != "false" && word != "observe") {
            in["enabled"].refuse("must be true, false or observe");
        }
        out.enabled = word == "true"    ? enabled_state::on
                      : word == "false" ? enabled_state::off
                                        : enabled_state::observe;
    }
    if (in["one_of"].there()) {
        out.one_of = in["one_of"].text();
        if (!std::holds_alternative<chance>(out.how_often)) {
            in["one_of"].refuse("rules that share a draw have a chance each");
        }
    }
    if (in["draw_by"].there()) {
        const auto word = in["draw_by"].is_map() ? std::string("header") : in["draw_by"].text();
        if (word == "position" || word == "content" || word == "key") {
            out.draw_by = word == "position"  ? draw_key::position
                          : word == "content" ? draw_key::content
                                              : draw_key::key;
        } else if (word.starts_with("header ") || in["draw_by"].is_map()) {
            out.draw_by = draw_key::header;
            out.draw_header = in["draw_by"].is_map() ? in["draw_by"]["header"].text() : word.substr(7);
        } else {
            in["draw_by"].refuse("must be position, content, key, or header NAME");
        }
    }
    check_rule(in, out);
    return out;
}

mix parse_mix_fields(const field& in, mix out) {
    in.need_map("mix");
    in.allow({"slow", "delete", "duplicate", "salt", "topic", "delay", "for"});
    const auto percent = [&](const char* name, double& target) {
        if (in[name].there()) {
            target = in[name].number(0, 100, "a percentage from 0 to 100");
        }
    };
    percent("slow", out.slow);
    percent("delete", out.delete_);
    percent("duplicate", out.duplicate);
    percent("salt", out.salt);
    if (in["topic"].there()) {
        if (!in["topic"].is_scalar()) {
            in["topic"].refuse("must be one pattern; rules take lists");
        }
        out.topic = patterns(in["topic"]).front();
    }
    if (in["delay"].there()) {
        out.delay = in["delay"].duration();
    }
    if (in["for"].there()) {
        out.lasting = in["for"].duration();
    }
    if (out.sum() > 100) {
        in.refuse("slow, delete, duplicate and salt add up to more than 100 %");
    }
    return out;
}

/// The document's root.
field rules_document(std::string_view text) { return document::load(text, limits::rule_file_bytes, "rules"); }

} // namespace

std::optional<rule_error> check_together(const std::vector<rule>& rules) {
    if (rules.size() > limits::rules) {
        return rule_error{"", 0, "rules", "more than " + std::to_string(limits::rules) + " rules"};
    }
    std::set<std::string> names;
    std::map<std::string, double> groups;
    std::map<std::string, const rule*> first_of_group;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const auto path = "rules[" + std::to_string(i) + "]";
        if (!names.insert(rules[i].name).second) {
            return rule_error{"", 0, path + ".name", "'" + rules[i].name + "' stands here twice"};
        }
        if (!rules[i].one_of.empty()) {
            const auto* first = first_of_group.try_emplace(rules[i].one_of, &rules[i]).first->second;
            if (first->draw_by != rules[i].draw_by || first->draw_header != rules[i].draw_header) {
                return rule_error{"", 0, path + ".draw_by",
                                  "rules of one_of: " + rules[i].one_of +
                                      " share a draw, so draw_by must be that of '" + first->name + "'"};
            }
            auto& sum = groups[rules[i].one_of];
            sum += std::get<chance>(rules[i].how_often).probability;
            if (sum > 1 + 1e-9) {
                return rule_error{"", 0, path + ".chance",
                                  "the rules of one_of: " + rules[i].one_of + " add up to more than 100 %"};
            }
        }
    }
    return std::nullopt;
}

rule_set parse_rules_within(const document::field& holder) {
    rule_set out;
    if (holder["rules"].there()) {
        if (!holder["rules"].is_list()) {
            holder["rules"].refuse("must be a list of rules");
        }
        for (const auto& each : holder["rules"].elements()) {
            out.rules.push_back(parse_one(each));
            if (out.rules.back().name.starts_with("mix-") || out.rules.back().one_of == mix_group) {
                each.refuse("names that begin with mix-, and one_of: mix, belong to the mix");
            }
        }
    }
    if (holder["mix"].there()) {
        out.the_mix = parse_mix_fields(holder["mix"], {});
    }
    if (const auto wrong = check_together(out.rules); wrong) {
        throw document::refused{*wrong};
    }
    return out;
}

tl::expected<rule_set, rule_error> parse_rules(std::string_view text, const std::string& file) {
    return guarded(file, [&] {
        const auto root = rules_document(text);
        root.need_map("a document of rules");
        root.allow({"format", "seed", "rules", "mix"});
        if (!root["format"].there() || root["format"].text() != "1") {
            root.refuse("must begin with `format: 1`");
        }
        rule_set out;
        if (root["seed"].there()) {
            out.seed = static_cast<std::uint64_t>(root["seed"].integer(0, INT64_MAX));
        }
        auto rest = parse_rules_within(root);
        out.rules = std::move(rest.rules);
        out.the_mix = rest.the_mix;
        return out;
    });
}

tl::expected<rule, rule_error> parse_rule(std::string_view text) {
    return guarded("", [&] { return parse_one(rules_document(text)); });
}

tl::expected<mix, rule_error> parse_mix(std::string_view text, const mix& before) {
    return guarded("", [&] { return parse_mix_fields(rules_document(text), before); });
}

} // namespace cb::fault
