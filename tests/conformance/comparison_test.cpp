// SPDX-License-Identifier: Apache-2.0
// The comparison must see each kind of difference: a test that cannot fail proves nothing.
#include "comparison.hpp"

#include "schema_text.hpp"

namespace cb::conformance {
namespace {

constexpr auto ours = R"(api 900 Sample
request versions 0-4 flexible 3+
  struct Pair 0+
    Left int32 0+ default -1
  Name string 1+ nullable 2+ ignorable key
  Extra bool 3+ tag 0 3+ default true
  Pairs []Pair 0+
response versions 0-4 flexible 3+
  Code int16 0+
)";

constexpr auto kafkas = R"({
  "apiKey": 900, "type": "request", "listeners": ["broker"], "name": "SampleRequest",
  "validVersions": "0-4", "flexibleVersions": "3+",
  // Kafka's files have comments.
  "commonStructs": [{"name": "Pair", "versions": "0+", "fields": [
    {"name": "Left", "type": "int32", "versions": "0+", "default": "-1"}]}],
  "fields": [
    {"name": "Name", "type": "string", "versions": "1+", "nullableVersions": "2+", "ignorable": true, "mapKey": true},
    {"name": "Extra", "type": "bool", "versions": "3+", "taggedVersions": "3+", "tag": 0, "default": true},
    {"name": "Pairs", "type": "[]Pair", "versions": "0+"}]
})";

std::vector<std::string> compare(const std::string& text) {
    const schema_text file(text);
    return differences(kschema::read_schema(file.path()).front(), parse_kafka_schema(kafkas));
}

std::string with(std::string_view from, std::string_view to) {
    std::string text = ours;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

TEST(comparison, equal_schemas_have_no_difference) { EXPECT_EQ(compare(ours), std::vector<std::string>()); }

TEST(comparison, sees_every_kind_of_difference) {
    const std::vector<std::pair<std::string, std::string>> changes{
        {"900", "901"},
        {"0-4 flexible", "0-3 flexible"},
        {"flexible 3+\n  struct", "flexible 2+\n  struct"},
        {"Name string", "Nome string"},
        {"string 1+", "bytes 1+"},
        {"string 1+", "string 0+"},
        {"nullable 2+", "nullable 3+"},
        {" ignorable", ""},
        {" key", ""},
        {"default true", "default false"},
        {"default -1", "default -2"},
        {"[]Pair 0+\n", "[]Pair 1+\n"},
        {"Left int32", "Left int64"},
        {"Left int32 0+", "Left int32 1+"},
        {"struct Pair 0+", "struct Pair 1+"},
        {"Extra bool 3+ tag 0 3+", "Extra bool 3+"},
        {"  Pairs []Pair 0+\n", "  Pairs []Pair 0+\n  More int8 0+\n"},
        {"Extra bool 3+ tag 0 3+", "Extra bool 4+ tag 0 4+"},
        {"Extra bool 3+ tag 0", "Extra bool 3+ tag 1"},
        {"key\n", "key flexible none\n"}};
    for (const auto& [from, to] : changes) {
        EXPECT_FALSE(compare(with(from, to)).empty()) << from << " -> " << to;
    }
    const auto lacking = compare(with("  Extra bool 3+ tag 0 3+ default true\n", ""));
    ASSERT_FALSE(lacking.empty());
    EXPECT_NE(lacking.back().find("lacks the field 'Pairs'"), std::string::npos);
}

} // namespace
} // namespace cb::conformance
