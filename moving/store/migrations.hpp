// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "moving/store/session.hpp"

namespace moving::store {

/// One step of a schema. Statements are portable SQL with two words that each database gets in its own manner:
///   SEQUENCE_KEY    the type of a column: the primary key that counts by itself
///   KEYED           after the closing bracket of CREATE TABLE: the table lies in the order of its primary key
struct migration {
    std::int64_t version = 0;
    std::string name;
    std::vector<std::string> statements;
};

/// Versions of the tables of delivery (delivery.hpp) are below this, those of a service from here: the two lists grow
/// without looking at each other.
inline constexpr std::int64_t first_service_version = 100;

/// Does the steps that the table `schema_version` does not know, by version, each in a transaction of its own. Several
/// replicas may do so at once: each step is done once. A database that knows a step that is not in the list is newer
/// than the program and is refused. The value is how many steps were done here.
tl::expected<int, trouble> migrate(session& on, const std::vector<migration>& steps);

} // namespace moving::store
