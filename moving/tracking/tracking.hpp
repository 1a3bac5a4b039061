// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "moving/service/definition.hpp"

namespace moving::tracking {

/// Follows each move from its match to its confirmation. Takes announcement_matched; tells tracking_updated at each
/// step and tracking_finished at the last.
service::definition define(const service::settings& of);

} // namespace moving::tracking
