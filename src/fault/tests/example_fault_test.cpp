// SPDX-License-Identifier: Apache-2.0
// docs/faults/WRITE-A-FAULT.md shows this file.
#include <gtest/gtest.h>

#include "fault/message_effect.hpp"
#include "fault/rule_parser.hpp"

namespace cb::fault {
namespace {

message_draft after(const std::string& yaml, std::string_view value) {
    const auto parsed = parse_rules("format: 1\nrules: [{name: mine, do: " + yaml + "}]");
    message_draft message;
    message.record.value = wire::as_bytes(value);
    random_source random(1);
    EXPECT_EQ(make_message_effect(parsed.value().rules[0].what)->apply(message, random), "");
    return message;
}

TEST(example_fault, does_what_its_rule_says) {
    EXPECT_EQ(after("{duplicate: {copies: 3, after: 2s}}", "hello").copies, 3);
    EXPECT_EQ(after("duplicate", "hello").copies, 1);
}

TEST(example_fault, refuses_what_it_cannot_do) {
    EXPECT_FALSE(parse_rules("format: 1\nrules: [{name: mine, do: {duplicate: {copies: 0}}}]"));
}

} // namespace
} // namespace cb::fault
