// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "document/field.hpp"
#include "fault/rule.hpp"

namespace cb::fault {

using rule_error = document::mistake;
using document::parse_duration;

/// Reads a document of rules, YAML or JSON (JSON is read by the same parser): `format: 1`, `seed`, `rules`, `mix`.
/// All that can be known to be wrong without traffic is refused here.
tl::expected<rule_set, rule_error> parse_rules(std::string_view text, const std::string& file = {});

/// The same of a document of somebody else that has `rules` and `mix` among its keys. Throws document::refused.
rule_set parse_rules_within(const document::field& holder);

/// One rule alone, as REST takes it.
tl::expected<rule, rule_error> parse_rule(std::string_view text);

/// A mix, or what is to change of `before`. A sum above 100 is refused.
tl::expected<mix, rule_error> parse_mix(std::string_view text, const mix& before);

/// Checks rules against each other: names that stand twice, groups of more than 100 %.
std::optional<rule_error> check_together(const std::vector<rule>& rules);

} // namespace cb::fault
