// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "kschema/schema.hpp"

namespace cb::conformance {

/// Kafka's schema files are JSON with comments.
boost::json::object parse_kafka_schema(std::string_view text);

/// All that differs between a schema of ours and Kafka's, one sentence each: fields and their order, names, types,
/// versions, nullability, tags, defaults, flexible versions, ignorable, keys; also inside of structs. Ours may begin
/// at an older version than Kafka's, where `older_versions` says so.
std::vector<std::string> differences(const kschema::message& ours, const boost::json::object& kafka,
                                     bool older_versions = false);

} // namespace cb::conformance
