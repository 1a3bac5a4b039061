// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/scenario.hpp"

namespace cb::load::file {

/// `checks` of a run: [{latency: {step: login, p99: "< 250ms"}}, {errors: "< 1%"}, {rate: "> 100/s"}, {count: "> 5"}].
std::vector<asked_check> parse_run_checks(const document::field& in);

/// A number and what stands behind it: "1%", "100/s".
double take_amount(const document::field& in, const std::string& text, std::string_view unit, const std::string& right);

} // namespace cb::load::file
