// SPDX-License-Identifier: Apache-2.0
#include "moving/text/shape.hpp"
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace moving::text {
namespace {

shape place() { return shape({text_field("town").between(2, 5), date_field("day").optional()}); }

shape parcel() {
    return shape({text_field("title"), integer_field("weight_kg", 1, 500), one_of_field("size", {"small", "large"}),
                  object_field("from", place()), list_field("waypoints", place()).optional().between(1, 2),
                  text_list_field("tags").optional(), boolean_field("fragile").optional()});
}

const char* good = R"({"title":"bike","weight_kg":8,"size":"large","from":{"town":"Nice"}})";

/// The good object with some members put over it ("-" removes one).
mistake mistake_of(const std::string& over) {
    auto value = boost::json::parse(good).as_object();
    const auto changes = boost::json::parse(over);
    for (const auto& member : changes.as_object()) {
        value[member.key()] = member.value();
        if (member.value() == "-") {
            value.erase(member.key());
        }
    }
    const auto found = parcel().check(value);
    return found ? mistake{"none", "none"} : found.error();
}

TEST(shape, takes_what_fits) {
    EXPECT_EQ(mistake_of("{}").pointer, "none");
    EXPECT_EQ(mistake_of(R"({"waypoints":[{"town":"Lyon","day":"2028-02-29"}],"tags":["a"],"fragile":true})").pointer,
              "none");
    EXPECT_EQ(mistake_of(R"({"from":{"town":"ÜÜÜÜÜ"}})").pointer, "none") << "characters are counted, not bytes";
    EXPECT_EQ(mistake_of(R"({"fragile":null})").pointer, "none") << "null is the absence of what is optional";
}

struct wrong_case {
    const char* over;
    const char* pointer;
    const char* sentence;
};

class wrong_shape : public testing::TestWithParam<wrong_case> {};

TEST_P(wrong_shape, is_told_where_it_is_and_what_would_be_right) {
    const auto found = mistake_of(GetParam().over);
    EXPECT_EQ(found.pointer, GetParam().pointer);
    EXPECT_EQ(found.sentence, GetParam().sentence);
}

INSTANTIATE_TEST_SUITE_P(
    every_kind, wrong_shape,
    testing::Values(
        wrong_case{R"({"title":"-"})", "/title", "/title is missing"},
        wrong_case{R"({"title":null})", "/title", "/title must be a text of 1 to 200 characters, but is null"},
        wrong_case{R"({"title":""})", "/title", "/title must be a text of 1 to 200 characters, but has 0"},
        wrong_case{R"({"title":7})", "/title", "/title must be a text of 1 to 200 characters, but is an integer"},
        wrong_case{R"({"weight_kg":0})", "/weight_kg", "/weight_kg must be an integer from 1 to 500, but is 0"},
        wrong_case{R"({"weight_kg":1.5})", "/weight_kg",
                   "/weight_kg must be an integer from 1 to 500, but is a number with a fraction"},
        wrong_case{R"({"weight_kg":18446744073709551615})", "/weight_kg",
                   "/weight_kg must be an integer from 1 to 500, but is 18446744073709551615"},
        wrong_case{R"({"weight_kg":"8"})", "/weight_kg", "/weight_kg must be an integer from 1 to 500, but is a text"},
        wrong_case{R"({"size":"huge"})", "/size", "/size must be one of small, large, but is \"huge\""},
        wrong_case{R"({"size":[]})", "/size", "/size must be one of small, large, but is a list"},
        wrong_case{R"({"from":"Nice"})", "/from", "/from must be an object, but is a text"},
        wrong_case{R"({"from":{"town":"X"}})", "/from/town",
                   "/from/town must be a text of 2 to 5 characters, but has 1"},
        wrong_case{R"({"from":{"town":"Nice","day":"2027-02-29"}})", "/from/day",
                   "/from/day must be a day that exists, written YYYY-MM-DD, but is \"2027-02-29\""},
        wrong_case{R"({"waypoints":[]})", "/waypoints", "/waypoints must be a list of 1 to 2 elements, but has 0"},
        wrong_case{R"({"waypoints":{}})", "/waypoints",
                   "/waypoints must be a list of 1 to 2 elements, but is an object"},
        wrong_case{R"({"waypoints":[{"town":"Nice"},3]})", "/waypoints/1",
                   "/waypoints/1 must be an object, but is an integer"},
        wrong_case{R"({"waypoints":[{"town":"Nice"},{}]})", "/waypoints/1/town", "/waypoints/1/town is missing"},
        wrong_case{R"({"tags":["a",""]})", "/tags/1", "/tags/1 must be a text of 1 to 200 characters, but has 0"},
        wrong_case{R"({"fragile":"yes"})", "/fragile", "/fragile must be true or false, but is a text"},
        wrong_case{R"({"a/b~c":1})", "/a~1b~0c",
                   "/a~1b~0c is not known here: there are title, weight_kg, size, from, waypoints, tags, fragile"}));

TEST(shape, prints_itself_as_json_schema) {
    const shape s({text_field("title").described("what it is"), integer_field("kg", 1, 500).optional(),
                   one_of_field("size", {"s", "l"}), list_field("stops", place()).between(0, 3),
                   text_list_field("tags"), boolean_field("fragile")});
    const auto expected = boost::json::parse(R"({"type":"object","properties":{
        "title":{"type":"string","minLength":1,"maxLength":200,"description":"what it is"},
        "kg":{"type":"integer","minimum":1,"maximum":500},
        "size":{"type":"string","enum":["s","l"]},
        "stops":{"type":"array","minItems":0,"maxItems":3,"items":{"type":"object","properties":{
            "town":{"type":"string","minLength":2,"maxLength":5},"day":{"type":"string","format":"date"}},
            "required":["town"],"additionalProperties":false}},
        "tags":{"type":"array","minItems":0,"maxItems":100,"items":{"type":"string","minLength":1,"maxLength":200}},
        "fragile":{"type":"boolean"}},
        "required":["title","size","stops","tags","fragile"],"additionalProperties":false})");
    EXPECT_EQ(boost::json::value(s.json_schema()), expected) << boost::json::serialize(s.json_schema());
}

TEST(date, must_be_a_day_of_the_calendar) {
    for (const auto* right : {"2026-01-31", "2028-02-29", "2000-02-29", "0001-12-31"}) {
        EXPECT_TRUE(is_date(right)) << right;
    }
    for (const auto* bad : {"", "2026-1-31", "2026-13-01", "2026-00-10", "2026-04-31", "1900-02-29", "2026-02-29",
                            "2026-01-00", "2026/01/31", "2026-01-3x", "+026-01-31", "2026-01-311", "0000-01-01"}) {
        EXPECT_FALSE(is_date(bad)) << bad;
    }
}

} // namespace
} // namespace moving::text
