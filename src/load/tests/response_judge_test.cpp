// SPDX-License-Identifier: Apache-2.0
#include "load/response_judge.hpp"

#include <gtest/gtest.h>

#include <map>

#include "load/json_path.hpp"
#include "load/response_rule.hpp"
#include "test_user.hpp"

namespace cb::load {
namespace {

text_template constant(std::string text) { return {{{text_template::literal{std::move(text)}, escaping::none}}}; }
text_template saved(std::uint16_t slot) { return {{{text_template::saved_value{slot}, escaping::none}}}; }
json_path path(const std::string& text) {
    std::string wrong;
    auto parsed = json_path::parse(text, wrong);
    EXPECT_TRUE(parsed) << wrong;
    return *parsed;
}

constexpr std::string_view head = "HTTP/1.1 201 Created\r\nlocation:  /goods/7 \r\nX-Empty:\r\n\r\n";
constexpr std::string_view body =
    R"({"id": "g-7", "count": 12, "price": 1.5, "paid": true, "none": null, "list": [{"n": 1}, {"n": 2}], "a b": {"]": 3}})";

struct outcome {
    std::string error;
    std::map<int, std::string> saved;
};

outcome judged(std::vector<response_rule_ptr> rules, int status = 201, std::string_view text = body) {
    testing::test_user user;
    user.values[1] = "g-7";
    outcome out;
    const auto judge = judge_of(std::move(rules));
    out.error = judge.judge({status, head, text}, user, [&](std::uint16_t slot, std::string_view value) {
        out.saved[slot] = value;
        return value.size() <= 20;
    });
    return out;
}

TEST(response_judge, without_rules_any_status_below_400_is_right) {
    const response_judge judge;
    testing::test_user user;
    const value_sink none;
    EXPECT_TRUE(judge.only_status());
    EXPECT_FALSE(judge.needs_body());
    EXPECT_EQ(judge.judge({399, {}, {}}, user, none), "");
    EXPECT_EQ(judge.judge({400, {}, {}}, user, none), "status 400");
}

TEST(response_judge, asks_for_the_body_only_when_a_rule_does) {
    EXPECT_FALSE(judge_of({status_is({{200, 299}}), header_is("a", {}), save_header(0, "a")}).needs_body());
    EXPECT_TRUE(judge_of({save_json(0, path("$.a"))}).needs_body());
    EXPECT_TRUE(judge_of({body_matches("a")}).needs_body());
    EXPECT_TRUE(judge_of({body_contains(constant("a"))}).needs_body());
}

TEST(response_judge, status) {
    EXPECT_EQ(judged({status_is({{201, 201}})}).error, "");
    EXPECT_EQ(judged({status_is({{200, 200}, {204, 204}})}).error, "status 201");
    EXPECT_EQ(judged({status_is({{500, 599}})}, 503).error, "");
}

TEST(response_judge, headers) {
    EXPECT_EQ(judged({header_is("Location", {})}).error, "");
    EXPECT_EQ(judged({header_is("Location", {{constant("/goods/7")}})}).error, "");
    EXPECT_EQ(judged({header_is("X-EMPTY", {{constant("")}})}).error, "");
    EXPECT_EQ(judged({header_is("Location", {{constant("/goods/8")}})}).error, "header Location: another value");
    EXPECT_EQ(judged({header_is("Locatio", {})}).error, "header Locatio: missing");
}

TEST(response_judge, json) {
    EXPECT_EQ(judged({json_is(path("$.id"), {{saved(1)}})}).error, "");
    EXPECT_EQ(judged({json_is(path("$.id"), {{constant("x"), constant("g-7")}})}).error, "");
    EXPECT_EQ(judged({json_is(path("$.count"), {{constant("12")}}), json_is(path("$.price"), {{constant("1.5")}}),
                      json_is(path("$.paid"), {{constant("true")}}), json_is(path("$.none"), {{constant("null")}}),
                      json_is(path("$.list[1].n"), {{constant("2")}}),
                      json_is(path("$['list'][-2]"), {{constant(R"({"n":1})")}}),
                      json_is(path(R"($["a b"][']'])"), {{constant("3")}})})
                  .error,
              "");
    EXPECT_EQ(judged({json_is(path("$.id"), {{constant("g-8")}})}).error, "json $.id: another value");
    EXPECT_EQ(judged({json_is(path("$.list[2]"), {})}).error, "json $.list[2]: missing");
    EXPECT_EQ(judged({json_is(path("$.id.x"), {})}).error, "json $.id.x: missing");
    EXPECT_EQ(judged({json_is(path("$.id"), {})}, 200, "<html>").error, "body: no JSON");
    EXPECT_EQ(judged({json_is(path("$.id"), {})}, 200, "").error, "body: no JSON");
    EXPECT_EQ(judged({json_is(path("$"), {})}, 200, std::string(100'000, '[')).error, "body: no JSON");
}

TEST(response_judge, body_and_regex) {
    EXPECT_EQ(judged({body_contains(saved(1))}).error, "");
    EXPECT_EQ(judged({body_contains(constant("g-8"))}).error, "body: lacks the text");
    EXPECT_EQ(judged({body_is(constant("ok"))}, 200, "ok").error, "");
    EXPECT_EQ(judged({body_is(constant("ok"))}, 200, "ok\n").error, "body: another one");
    EXPECT_EQ(judged({body_matches("g-\\d")}).error, "");
    EXPECT_EQ(judged({body_matches("g-\\d{3}")}).error, "regex g-\\d{3}: no match");
    EXPECT_EQ(judged({body_matches("(a+)+$")}, 200, std::string(10'000, 'a') + "b").error,
              "regex (a+)+$: takes too long");
    EXPECT_NE(regex_problem("a(b").find("is no regular expression"), std::string::npos);
    EXPECT_EQ(regex_problem("token=(\\w+)"), "");
}

TEST(response_judge, saves_only_when_all_checks_hold) {
    const std::vector<response_rule_ptr> saves{save_json(0, path("$.id")), save_json(2, path("$.count")),
                                               save_header(3, "location"), save_match(4, "\"i(.)\": \"(.)"),
                                               save_match(5, "g-.")};
    const auto good = judged(saves);
    EXPECT_EQ(good.error, "");
    EXPECT_EQ(good.saved, (std::map<int, std::string>{{0, "g-7"}, {2, "12"}, {3, "/goods/7"}, {4, "d"}, {5, "g-7"}}));
    auto with_check = saves;
    with_check.push_back(status_is({{200, 200}}));
    EXPECT_TRUE(judged(with_check).saved.empty());
    EXPECT_EQ(judged({save_json(0, path("$.nothing"))}).error, "json $.nothing: missing");
    EXPECT_EQ(judged({save_json(0, path("$"))}).error, "a saved value is longer than limits.saved_bytes");
}

TEST(json_paths, say_what_is_wrong) {
    for (const auto* wrong : {"", "a", "a.b", "$.", "$..a", "$.*", "$[*]", "$[", "$[a]", "$['a", "$['a'", "$[1", "$ a",
                              "$.a b", "$[?(@.a)]", "$[0:1]"}) {
        std::string why;
        EXPECT_FALSE(json_path::parse(wrong, why)) << wrong;
        EXPECT_NE(why.find("is no path"), std::string::npos) << why;
    }
    std::string why;
    EXPECT_TRUE(json_path::parse("$", why));
    EXPECT_TRUE(json_path::parse("$.ä-b_1['it\\'s'][0]", why));
}

} // namespace
} // namespace cb::load
