// SPDX-License-Identifier: Apache-2.0
// What the generator says of wrong schemas: file, line and what is wrong.
#include "kschema/schema.hpp"

#include "schema_text.hpp"

namespace cb::conformance {
namespace {

/// The complaint about an API whose request has these fields (from line 3 on); empty when there is none.
std::string complaint(const std::string& fields, const std::string& request = "request versions 0-4 flexible 3+") {
    const schema_text file("api 900 Sample\n" + request + "\n" + fields + "response versions 0-4 flexible 3+\n");
    try {
        kschema::read_schema(file.path());
        return {};
    } catch (const kschema::schema_error& wrong) {
        return wrong.what();
    }
}

void expect_complaint(const std::string& fields, const std::string& line, const std::string& part) {
    const auto text = complaint(fields);
    EXPECT_NE(text.find(".kschema:" + line + ": "), std::string::npos) << text;
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(kschema, takes_a_right_schema) { EXPECT_EQ(complaint("  Name string 0+\n"), ""); }

TEST(kschema, says_file_line_and_field_of_what_is_wrong) {
    expect_complaint("  Count int32 0+ nullable 1+\n", "3", "cannot be null");
    expect_complaint("  Name strong 0+\n", "3", "unknown type 'strong'");
    expect_complaint("  Name string 0+\n  Name string 1+\n", "4", "stands here twice");
    expect_complaint("  Name string 3+ tag 0\n", "3", "'0' without its value");
    expect_complaint("  Name string 3+ tag 0 none\n", "3", "has a tag");
    expect_complaint("  Name string 2+ tag 0 2+\n", "3", "not flexible");
    expect_complaint("  Name string 3+ tag 0 3-4\n", "3", "and open");
    expect_complaint("  A int8 3+ tag 0 3+\n  B int8 3+ tag 0 3+\n", "4", "tag 0 stands here twice");
    expect_complaint("  Count int8 0+ default 128\n", "3", "is no int8");
    expect_complaint("  Count int8 0+ default many\n", "3", "is no int8");
    expect_complaint("  On bool 0+ default 1\n", "3", "is no bool");
    expect_complaint("  Name string 0+ nullable 1+ default null\n", "3", "not nullable in all");
    expect_complaint("  Data bytes 0+ default x\n", "3", "only null");
    expect_complaint("  Name string none\n", "3", "in no version");
    expect_complaint("  Name string 4-2\n", "3", "run backwards");
    expect_complaint("  Name string x\n", "3", "is not a number");
    expect_complaint("  Name string 0+ shiny\n", "3", "'shiny' is not understood");
    expect_complaint("  Name\n", "3", "NAME TYPE VERSIONS");
    expect_complaint("  Name string 0+\n    Inner int8 0+\n", "4", "which is no struct");
    expect_complaint("   Name string 0+\n", "3", "two blanks");
    expect_complaint("  Name string 0+\n      Inner int8 0+\n", "4", "deeper");
    expect_complaint("  struct Pair 0+\n    Left int8 0+\n  Name string 0+\n", "3", "is not used");
    expect_complaint("  struct Pair 0+\n    Inner []Pair 0+\n  Pairs []Pair 0+\n", "3", "contains itself");
}

TEST(kschema, a_message_needs_its_versions) {
    EXPECT_NE(complaint("", "request versions 0+ flexible 3+").find("last version"), std::string::npos);
    EXPECT_NE(complaint("", "request flexible 3+").find("versions V flexible V"), std::string::npos);
    EXPECT_NE(complaint("", "question versions 0-1 flexible 3+").find("'question'"), std::string::npos);
}

} // namespace
} // namespace cb::conformance
