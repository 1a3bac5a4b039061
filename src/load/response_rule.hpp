// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "load/json_path.hpp"
#include "load/response_judge.hpp"

namespace cb::load {

class answer_evidence;

/// One thing that must hold of an answer, or be found in it and saved. Immutable; used by the engine's thread.
class response_rule {
public:
    virtual ~response_rule() = default;
    /// Empty when it holds; else the kind of the error. What is to be saved is told to the evidence.
    [[nodiscard]] virtual std::string broken(answer_evidence& of) const = 0;
    [[nodiscard]] virtual bool needs_body() const = 0;
};

using response_rule_ptr = std::shared_ptr<const response_rule>;

/// What a value must be: one of these texts; without any it must only be there.
struct expected_value {
    std::vector<text_template> any_of;
};

/// First and last status, both right.
using status_range = std::pair<int, int>;

response_rule_ptr status_is(std::vector<status_range> right);
response_rule_ptr header_is(std::string name, expected_value expected);
response_rule_ptr json_is(json_path path, expected_value expected);
response_rule_ptr body_contains(text_template expected);
response_rule_ptr body_is(text_template expected);
/// Found somewhere in the body. The pattern was compiled once by `regex_problem`.
response_rule_ptr body_matches(const std::string& pattern);

response_rule_ptr save_json(std::uint16_t slot, json_path path);
response_rule_ptr save_header(std::uint16_t slot, std::string name);
/// The first group of the pattern, or all of the match when it has none.
response_rule_ptr save_match(std::uint16_t slot, const std::string& pattern);

/// Why this is no regular expression (ECMAScript); empty when it is one.
std::string regex_problem(const std::string& pattern);

/// Of rules, whether one looks into the body.
response_judge judge_of(std::vector<response_rule_ptr> rules);

} // namespace cb::load
