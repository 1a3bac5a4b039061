// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "moving/service/definition.hpp"

namespace moving::billing {

/// Who has how many points. Takes account_created (200 points to begin with) and tracking_finished (the owner pays the
/// drivers); tells nothing.
service::definition define(const service::settings& of);

} // namespace moving::billing
