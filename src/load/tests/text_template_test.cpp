// SPDX-License-Identifier: Apache-2.0
#include "load/text_template.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "load/program.hpp"
#include "load/template_parser.hpp"
#include "test_user.hpp"

namespace cb::load {
namespace {

class test_scope final : public name_scope {
public:
    [[nodiscard]] std::optional<meaning> find(std::string_view name, std::string& why) const override {
        if (name == "good") {
            return text_template::saved_value{3};
        }
        if (name == "people.town") {
            return text_template::feed_column{1, 2};
        }
        if (name == "loop" || name == "loop:rounds") {
            return text_template::loop_counter{static_cast<std::uint16_t>(name == "loop" ? 4 : 5)};
        }
        if (name == "later") {
            why = "is saved only later";
        }
        return std::nullopt;
    }
    [[nodiscard]] std::vector<std::string> known() const override { return {"good", "people.town"}; }
    [[nodiscard]] std::optional<std::string> environment(const std::string& name) const override {
        return name == "TOKEN" ? std::optional<std::string>("a\"b c") : std::nullopt;
    }
};

document::field anywhere() { return {YAML::Node("x"), "json.from"}; }

std::string rendered(const std::string& text, escaping how = escaping::none,
                     literals outside = literals::as_they_stand) {
    testing::test_user user;
    user.values[3] = "a/b \"ü\"\n&=";
    user.cells[{1, 2}] = "Bad Ems";
    const auto parsed = parse_template(text, anywhere(), how, outside, test_scope());
    std::string out;
    render(parsed, user, out);
    return out;
}

std::string refusal(const std::string& text) {
    const auto read = document::guarded("s.yaml", [&] { return rendered(text); });
    return read ? "" : read.error().text();
}

TEST(text_template, fills_in_values) {
    EXPECT_EQ(rendered("from ${people.town} by ${user}, pass ${loop} of ${loop:rounds}"),
              "from Bad Ems by 41, pass 104 of 105");
    EXPECT_EQ(rendered("at ${now_ms}: ${now}"), "at 1700000000007: 2023-11-14T22:13:20.007Z");
    EXPECT_EQ(rendered("costs $5, $${not} $"), "costs $5, ${not} $");
    EXPECT_EQ(rendered(""), "");
    EXPECT_TRUE(parse_template("a$${b} ${env:TOKEN}", anywhere(), escaping::none, literals::as_they_stand, test_scope())
                    .is_constant());
}

TEST(text_template, escapes_by_place) {
    EXPECT_EQ(rendered("\"${good}\"", escaping::json), R"("a/b \"ü\"\n&=")");
    EXPECT_EQ(rendered("/goods/${good}", escaping::path), "/goods/a%2Fb%20%22%C3%BC%22%0A%26%3D");
    EXPECT_EQ(rendered("a b=${good}", escaping::form, literals::escaped), "a+b%3Da%2Fb+%22%C3%BC%22%0A%26%3D");
    EXPECT_EQ(rendered("X: ${good}", escaping::header), "X: a/b \"ü\"&=");
    EXPECT_EQ(rendered("say \"${env:TOKEN}\"", escaping::json, literals::escaped), R"(say \"a\"b c\")");
    EXPECT_EQ(rendered("${env:TOKEN}", escaping::json), R"(a\"b c)");
    EXPECT_EQ(rendered("t=${now}", escaping::path), "t=2023-11-14T22%3A13%3A20.007Z");
}

TEST(text_template, draws_are_the_users_own) {
    const auto uuid = rendered("${uuid}");
    EXPECT_TRUE(
        std::regex_match(uuid, std::regex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")))
        << uuid;
    EXPECT_EQ(uuid, rendered("${uuid}")) << "the same seed, the same one";
    std::set<std::string> seen;
    testing::test_user user;
    const auto parsed =
        parse_template("${random:-1..1}", anywhere(), escaping::none, literals::as_they_stand, test_scope());
    for (int i = 0; i < 200; ++i) {
        std::string out;
        render(parsed, user, out);
        seen.insert(out);
    }
    EXPECT_EQ(seen, (std::set<std::string>{"-1", "0", "1"}));
}

TEST(text_template, what_is_not_known_is_refused_with_the_nearest_name) {
    EXPECT_EQ(refusal("${goood}"), "s.yaml: json.from: '${goood}' is not known here; did you mean 'good'?");
    EXPECT_EQ(refusal("${people.twon}"),
              "s.yaml: json.from: '${people.twon}' is not known here; did you mean 'people.town'?");
    EXPECT_EQ(
        refusal("${elephant}"),
        "s.yaml: json.from: '${elephant}' is not known here; known are good, people.town, user, uuid, now, now_ms");
    EXPECT_EQ(refusal("${later}"), "s.yaml: json.from: '${later}' is saved only later");
    EXPECT_EQ(refusal("${env:NONE}"), "s.yaml: json.from: the environment has no variable 'NONE'");
    EXPECT_NE(refusal("${good").find("is not closed"), std::string::npos);
    for (const auto* wrong : {"${random:1}", "${random:2..1}", "${random:a..b}", "${random:1..99999999999999999999}"}) {
        EXPECT_NE(refusal(wrong).find("the least and the greatest"), std::string::npos) << wrong;
    }
}

TEST(names, are_no_builtins) {
    EXPECT_TRUE(is_name("good_2-b"));
    for (const auto* wrong : {"", "2a", "a.b", "a:b", "user", "loop", "now", "a b", "ü"}) {
        EXPECT_FALSE(is_name(wrong)) << wrong;
    }
}

bool holds_of(const std::string& left, condition::relation is, const std::string& right) {
    testing::test_user user;
    user.values[3] = "DELIVERED";
    const auto text = [](const std::string& each) {
        return parse_template(each, anywhere(), escaping::none, literals::as_they_stand, test_scope());
    };
    return holds({text(left), is, text(right)}, user);
}

TEST(conditions, compare_numbers_as_numbers_and_texts_as_texts) {
    using relation = condition::relation;
    EXPECT_TRUE(holds_of("${good}", relation::equal, "DELIVERED"));
    EXPECT_TRUE(holds_of("${good}", relation::not_equal, "CONFIRMED"));
    EXPECT_TRUE(holds_of("9", relation::less, "10"));
    EXPECT_FALSE(holds_of("9a", relation::less, "10a"));
    EXPECT_TRUE(holds_of("1.0", relation::equal, "1"));
    EXPECT_TRUE(holds_of("2", relation::greater_or_equal, "2"));
    EXPECT_TRUE(holds_of("2", relation::less_or_equal, "2"));
    EXPECT_FALSE(holds_of("2", relation::greater, "2"));
    EXPECT_TRUE(holds_of("${good}", relation::exists, ""));
    EXPECT_FALSE(holds_of("${people.town}", relation::exists, ""));
    EXPECT_FALSE(holds_of("", relation::less, ""));
}

} // namespace
} // namespace cb::load
