// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "moving/store/migrations.hpp"

namespace moving::store {

/// The tables of event_log, inbox, parked, idempotency, leases and marks: every service has them.
std::vector<migration> delivery_migrations();

} // namespace moving::store
