// SPDX-License-Identifier: Apache-2.0
#include "fault/rule_parser.hpp"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "fault/rule_json.hpp"

namespace cb::fault {
namespace {

using namespace std::chrono_literals;

/// The sentence that a document is refused with; empty when it is taken.
std::string refusal(const std::string& text) {
    const auto parsed = parse_rules(text, "rules.yaml");
    return parsed ? std::string() : parsed.error().text();
}

std::string one_rule(const std::string& fields) { return "format: 1\nrules:\n  - {name: r, " + fields + "}\n"; }

TEST(rule_parser, reads_the_documents_of_the_design) {
    const auto parsed = parse_rules(R"(format: 1
seed: 7
rules:
  - name: lose-payments
    intercept: produce
    where: {topic: "tracking_*", partition: [0, 1], key: "user-7*", header: {type: payment},
            json: {$.state: CONFIRMED}, client_id: "tracking*"}
    chance: 20%
    do: delete
    start: 10s
    for: 60s
    limit: 1000
  - {name: later, chance: 0.5, do: {late: {delay: 5s, jitter: 250ms, distribution: normal}}, draw_by: key}
mix: {slow: 5, delete: 5, duplicate: 5, salt: 5, topic: "*", delay: 5s}
)");
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(parsed->seed, 7U);
    ASSERT_EQ(parsed->rules.size(), 2U);
    const auto& first = parsed->rules[0];
    EXPECT_EQ(first.where.topic, std::vector<std::string>{"tracking_*"});
    EXPECT_EQ(first.where.partition, (std::vector<std::int64_t>{0, 1}));
    EXPECT_EQ(std::get<chance>(first.how_often).probability, 0.2);
    EXPECT_EQ(first.start, 10s);
    EXPECT_EQ(*first.lasting, 60s);
    EXPECT_EQ(*first.limit, 1000);
    const auto& late = std::get<late_effect>(parsed->rules[1].what);
    EXPECT_EQ(late.delay, 5s);
    EXPECT_EQ(late.jitter, 250ms);
    EXPECT_EQ(parsed->the_mix->sum(), 20);
}

TEST(rule_parser, json_is_read_by_the_same_rules) {
    const auto parsed =
        parse_rules(R"({"format": 1, "rules": [{"name": "a", "chance": "5%", "do": {"duplicate": {"copies": 2}}}]})");
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(std::get<duplicate_effect>(parsed->rules[0].what).copies, 2);
}

TEST(rule_parser, json_with_escapes_and_tabs) {
    const auto parsed =
        parse_rules("{\t\"format\":\t1,\n\t\"rules\":[\n\t{\"name\":\"a\", \"do\":\t\"delete\", \"where\":"
                    R"({"key": ["\ud83d\ude00", "\u00e9\/", "\\ud83d\\ude00"]}}]})");
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(parsed->rules[0].where.key,
              (std::vector<std::string>{"\xf0\x9f\x98\x80", "\xc3\xa9/", "\\ud83d\\ude00"}));
    EXPECT_FALSE(parse_rules(R"({"format": 1, "rules": [{"name": "\ud83d", "do": "delete"}]})")) << "half a pair";
}

TEST(rule_parser, what_is_written_is_read_back_equal) {
    for (const std::string fields :
         {"do: delete", "chance: 12.5%, do: {late: {delay: 90s}}",
          "nth: 10, do: {duplicate: {copies: 3, after: 250ms}}", "first: 3, do: {reorder: {window: 5, within: 1s}}",
          "do: {salt: {fields: [$.a, '$.b[0]']}}", "do: {salt: {mode: schema_id}}", "do: {corrupt: {truncate: 4}}",
          "intercept: fetch, do: {corrupt: {crc: true}}, where: {offset: 10-20, group: billing}",
          "intercept: request, where: {api: [Produce, Fetch], side: request}, do: {slow: {delay: 1s, jitter: 10ms}}",
          "intercept: request, where: {api: Produce}, do: {error: {code: NOT_LEADER_OR_FOLLOWER, per: partition}}",
          "intercept: request, where: {api: Produce}, do: {lose_ack: {then: silence}}",
          "intercept: request, where: {api: Fetch}, do: {disconnect: {reset: true}}, enabled: observe",
          "do: delete, draw_by: header trace, enabled: false, start: 1m, for: 2m, limit: 5, one_of: g, where: {peer: "
          "10.0.0.0/8, listener: main, header: {a: [b, c]}, json: {$.x: '/^[0-9]+$/'}, principal: 'User:*', "
          "transactional_id: t, key: k, client_id: c}"}) {
        const auto parsed = parse_rules(one_rule(fields));
        ASSERT_TRUE(parsed) << fields << "\n" << parsed.error().text();
        const auto again = parse_rule(boost::json::serialize(to_json(parsed->rules[0])));
        ASSERT_TRUE(again) << fields << "\n" << again.error().text();
        EXPECT_EQ(*again, parsed->rules[0]) << fields;
    }
}

TEST(rule_parser, every_mistake_is_one_sentence_with_file_line_and_field) {
    const std::vector<std::pair<std::string, std::string>> wrong{
        {"rules: []", "must begin with `format: 1`"},
        {"format: 2", "must begin with `format: 1`"},
        {"format: 1\nruls: []", "rules.yaml:2: ruls: unknown key 'ruls'; did you mean 'rules'?"},
        {"format: 1\nrules: {}", "rules: must be a list of rules"},
        {"format: 1\nrules: [{do: delete}]", "a rule needs a name"},
        {one_rule("chance: 20"), "rules[0].chance: must be a share"},
        {one_rule("chance: '120%', do: delete"), "must be a share"},
        {one_rule("chance: 5%, nth: 3, do: delete"), "chance, nth and first exclude each other"},
        {one_rule("do: delte"), "'delte' is no effect; known are late, delete"},
        {one_rule("do: {late: {delay: 5}}"), "do.late.delay: must be a duration with its unit"},
        {one_rule("do: {late: {}}"), "needs delay"},
        {one_rule("do: {late: {delay: 1s, jitter: 2s}}"), "must not be more than the delay"},
        {one_rule("do: {corrupt: {crc: true}}"), "a broker refuses a batch with a wrong checksum"},
        {one_rule("intercept: fetch, do: {late: {delay: 1s}}"), "acts where messages are written"},
        {one_rule("intercept: fetch, do: delete, where: {transactional_id: x}"), "a reader has no transactional id"},
        {one_rule("do: delete, where: {group: billing}"), "a producer has no group"},
        {one_rule("do: delete, where: {offset: 3}"), "no offset before it is stored"},
        {one_rule("do: delete, where: {topic: []}"), "an empty list matches nothing"},
        {one_rule("do: delete, where: {topic: '/[/'}"), "is no regular expression"},
        {one_rule("do: delete, where: {peer: 300.1.1.1}"), "must be an address or a block"},
        {one_rule("do: delete, where: {json: {state: x}}"), "'state' is no path"},
        {one_rule("do: delete, where: {partition: -1}"), "must be a whole number from 0"},
        {one_rule("intercept: request, where: {api: Produce, partition: 1}, do: {slow: {delay: 1s}}"),
         "partition selects messages"},
        {one_rule("intercept: request, where: {api: Fetch, group: g}, do: {slow: {delay: 1s}}"), "names no group"},
        {"format: 1\nrules: [{name: a, chance: 5%, one_of: g, draw_by: key, do: delete}, "
         "{name: b, chance: 5%, one_of: g, do: delete}]",
         "share a draw, so draw_by must be that of 'a'"},
        {one_rule("intercept: request, do: {slow: {delay: 1s}}"), "a rule on requests needs where.api"},
        {one_rule("intercept: request, where: {api: Produce}, do: delete"), "acts on messages"},
        {one_rule("intercept: request, where: {api: Metadata}, do: {slow: {delay: 1s}}"), "must be Produce or Fetch"},
        {one_rule("intercept: request, where: {api: Fetch}, do: {error: {code: MESSAGE_TOO_LARGE}}"),
         "is no error of Fetch"},
        {one_rule("intercept: request, where: {api: Produce}, do: {error: {code: OOPS}}"),
         "is no error code of Kafka's"},
        {one_rule("intercept: connect, do: delete"), "in front of a cluster only"},
        {one_rule("preset: leader-election"), "presets act in front of a cluster only"},
        {one_rule("do: delete, name: again"), "stands here twice"},
        {"format: 1\nrules: [{name: a, do: delete}, {name: a, do: delete}]", "'a' stands here twice"},
        {"format: 1\nrules: [{name: mix-a, do: delete}]", "belong to the mix"},
        {"format: 1\nrules: [{name: a, do: delete, one_of: g, chance: 60%}, {name: b, do: delete, one_of: g, chance: "
         "50%}]",
         "add up to more than 100 %"},
        {"format: 1\nmix: {slow: 60, delete: 50}", "add up to more than 100 %"},
        {"format: 1\nmix: {slow: -1}", "a percentage from 0 to 100"},
        {"format: 1\nmix: {topic: [a, b]}", "must be one pattern"},
        {one_rule("do: {delete: {nothing: 3}}"), "there is nothing to set here"},
        {"format: 1\nrules: [", "neither YAML nor JSON"},
    };
    for (const auto& [text, sentence] : wrong) {
        const auto said = refusal(text);
        EXPECT_NE(said.find(sentence), std::string::npos) << text << "\n-> " << said;
        EXPECT_EQ(said.find('\n'), std::string::npos) << said;
    }
}

TEST(rules, effects_on_requests_that_do_not_fit_are_refused) {
    const auto refusal = [](const std::string& api, const std::string& effect) {
        const auto parsed = parse_rules("format: 1\nrules: [{name: r, intercept: request, where: {api: " + api +
                                        "}, do: " + effect + "}]");
        return parsed ? std::string() : parsed.error().text();
    };
    EXPECT_NE(refusal("[Produce, Fetch]", "swallow").find("swallow acts on Produce"), std::string::npos);
    EXPECT_NE(refusal("Produce", "throttle").find("needs bytes_per_s or quota_ms"), std::string::npos);
    EXPECT_NE(refusal("Produce", "{throttle: {bytes_per_s: 1, quota_ms: 1}}").find("not both"), std::string::npos);
    EXPECT_NE(refusal("Produce", "{hang: {for: 1s}}").find("nothing to set here"), std::string::npos);
    EXPECT_NE(refusal("Fetch", "{error: {code: FETCH_SESSION_ID_NOT_FOUND, per: partition}}").find("as a whole"),
              std::string::npos);
    EXPECT_EQ(refusal("Fetch", "hang"), "");
}

} // namespace
} // namespace cb::fault
