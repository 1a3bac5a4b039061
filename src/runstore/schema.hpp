// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cb::runstore {

/// docs/formats/run.md describes it. It grows by tables, columns and views under the same number; what a reader of the
/// old form would misread gets the next one.
constexpr int schema_version = 1;

/// Makes tables and views in an empty database.
extern const char* const schema_sql;

} // namespace cb::runstore
