// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "moving/service/definition.hpp"

namespace moving::announcement {

/// What people want to have moved (goods) and the trips on which they have room (courses). Tells announcement_created
/// and announcement_cancelled; takes announcement_matched (from matching) and tracking_updated (from tracking), so that
/// an owner sees here what became of it.
service::definition define(const service::settings& of);

} // namespace moving::announcement
