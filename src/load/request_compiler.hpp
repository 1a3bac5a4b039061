// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "load/compile_tables.hpp"
#include "load/program.hpp"
#include "load/scenario.hpp"

/// One request, message or wait, without what depends on the code around it: `step` and `on_failure`.
namespace cb::load {

using slot_of = std::function<std::uint16_t(const std::string& name)>;

http_request compile_http(const file::http_step& from, std::uint16_t target_index, const target& service,
                          const name_scope& scope, const slot_of& slot);
kafka_message compile_message(const file::produce_step& from, const name_scope& scope);
/// Adds the index that its consumer needs, or finds it there.
await_event compile_await(const file::await_step& from, const name_scope& scope, std::vector<awaited_index>& awaited);

} // namespace cb::load
