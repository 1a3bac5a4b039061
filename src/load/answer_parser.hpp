// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/scenario.hpp"

namespace cb::load::file {

/// `check` of an http step: {status, header, json, regex, body}.
answer_checks parse_answer_checks(const document::field& in);

/// `save` of an http step: {good: $.id, loc: {header: Location}, tok: {regex: 'token=(\w+)'}}.
std::vector<saved_value> parse_saves(const document::field& in);

/// A JSON path, checked.
written take_path(const document::field& in, const std::string& text);

} // namespace cb::load::file
