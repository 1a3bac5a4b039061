// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/scenario.hpp"

namespace cb::load::file {

/// `checks` of a run: [{latency: {step: login, p99: "< 250ms"}}, {errors: "< 1%"}, {rate: "> 100/s"}, {count: "> 5"}].
std::vector<asked_check> parse_run_checks(const document::field& in);

/// One of them: `latency` may name several measures. `phases` may stand beside. Throws document::refused.
void parse_run_check(const document::field& each, std::vector<asked_check>& out);
/// What is to be decided, without the indices of step and phases: those are the caller's to find.
run_check without_indices(const asked_check& from);

/// A number and what stands behind it: "1%", "100/s".
double take_amount(const document::field& in, const std::string& text, std::string_view unit, const std::string& right);

} // namespace cb::load::file
